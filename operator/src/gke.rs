//! The Google Cloud project of the cluster, which the commands for Workload Identity name.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::fetch;

/// Default host of the metadata server. Google's libraries use the same variable to override it.
const METADATA_SERVER: &str = "metadata.google.internal";
const METADATA_VARIABLE: &str = "GCE_METADATA_HOST";

/// Outside Google Cloud, nothing answers, and the operator starts anyway.
const DEADLINE: Duration = Duration::from_secs(1);

/// The project of the cluster, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    pub id: Option<String>,
    pub number: Option<String>,
}

impl Project {
    /// Prefers the metadata server's answer to the flag.
    pub async fn find(flag: Option<String>) -> Self {
        let host = std::env::var(METADATA_VARIABLE).ok().filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| METADATA_SERVER.to_owned());
        let (id, number) = tokio::join!(ask(&host, "project-id"), ask(&host, "numeric-project-id"));
        match (id, number) {
            (Some(id), number) => Self { id: Some(id), number },
            (None, _) => Self { id: flag, number: None },
        }
    }

    /// The ID, or a shell expression that looks it up if it is unknown.
    pub fn id(&self) -> &str {
        self.id.as_deref().unwrap_or("$(gcloud config get project)")
    }

    /// The number, or a shell expression that looks it up if it is unknown.
    pub fn number(&self) -> String {
        self.number.clone().unwrap_or_else(|| {
            format!(
                "$(gcloud projects describe {} --format='value(projectNumber)')",
                self.id()
            )
        })
    }
}

async fn ask(host: &str, what: &str) -> Option<String> {
    let address = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let path = format!("/computeMetadata/v1/project/{what}");
    let flavor = (
        HeaderName::from_static("metadata-flavor"),
        HeaderValue::from_static("Google"),
    );
    let (status, body) = fetch::get(address, &path, Some(flavor), DEADLINE).await.ok()?;
    let text = std::str::from_utf8(&body).ok()?.trim();
    let is_name = !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':'));
    (status == 200 && is_name).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_looked_up_by_the_shell() {
        let known = Project {
            id: Some("my-project".to_owned()),
            number: Some("123".to_owned()),
        };
        assert_eq!((known.id(), known.number().as_str()), ("my-project", "123"));
        let half = Project { number: None, ..known };
        assert_eq!(
            half.number(),
            "$(gcloud projects describe my-project --format='value(projectNumber)')"
        );
        assert!(Project::default().number().contains("$(gcloud config get project)"));
    }
}
