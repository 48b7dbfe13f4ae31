//! Before running pods are replaced, checks whether the API server would accept the new pod. If the old pod ends first, as it
//! should for a voter, a refused new pod would leave nothing running.

mod quota;

use crds::conditions::reasons;
use kube::api::{DynamicObject, PostParams};
use kube::core::Status;
use serde_json::Value;

use self::quota::{Exceeded, Old, fits_in_their_place};
use super::deployment::try_out;
use super::writer::Writer;
use crate::cluster::deadline;
use crate::model::deployment::LiveDeployment;
use crate::model::error::{Error, refuses};
use crate::model::reason::Reason;
use crate::model::refusal;
use crate::model::rendered::Rendered;
use crate::template::pod;

/// Why the new pod would be refused. None if it is accepted, or cannot be tried.
///
/// # Errors
/// Fails if the API server, or a webhook that it calls, does not answer. The result is then unknown, and nothing should be
/// written.
pub async fn refusal(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> Result<Option<Reason>, Error> {
    let (new, old) = (pod::injected(live, rendered), pod::present(live));
    // No pod is replaced.
    if new == old {
        return Ok(None);
    }
    let Answer::Refused { text, is_invalid } = ask(writer, live, &new).await? else {
        return Ok(None);
    };
    // The template itself may be invalid. The write is then refused as a whole, with a message about the Deployment, and nothing
    // rolls.
    if is_invalid && is_refused_as_a_whole(writer, live, rendered).await? {
        return Ok(None);
    }
    let answer = ask(writer, live, &old).await?;
    let is_ours = is_ours(live, &text, &old, &answer);
    Ok(is_ours.then(|| rejected(live, &text, matches!(answer, Answer::Refused { .. }))))
}

async fn is_refused_as_a_whole(writer: &Writer, live: &LiveDeployment, rendered: &Rendered) -> Result<bool, Error> {
    match try_out(writer, live, &rendered.deployment, false).await {
        Ok(_) => Ok(false),
        Err(error) if error.response().is_some() => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether the refusal affects pods that would run without the change. A refusal that also holds for the present template counts
/// too, because the running pod would be the last one.
fn is_ours(live: &LiveDeployment, text: &str, sent: &Value, answer: &Answer) -> bool {
    let Some(exceeded) = room_is_made(live, text) else {
        return true;
    };
    let old = Old {
        pod: match answer {
            Answer::Taken(admitted) => admitted,
            _ => sent,
        },
        is_admitted: matches!(answer, Answer::Taken(_)),
        exceeded: match answer {
            Answer::Refused { text, .. } => Exceeded::parse(text),
            _ => None,
        },
    };
    !fits_in_their_place(&exceeded, &old, live.replicas())
}

/// The exceeded quota, if old pods first give back their share of it.
fn room_is_made(live: &LiveDeployment, text: &str) -> Option<Exceeded> {
    live.frees_first().then(|| Exceeded::parse(text)).flatten()
}

fn rejected(live: &LiveDeployment, text: &str, is_old_refused: bool) -> Reason {
    // While the pod runs, a quota may have no room for a second one of its kind, which says nothing about a replacement.
    let as_well = if is_old_refused && room_is_made(live, text).is_none() {
        " The API server also refuses a pod of the current template, so the Deployment cannot replace its pods in any case."
    } else {
        ""
    };
    Reason::new(
        reasons::POD_REJECTED,
        format!(
            "Deployment {}: the API server refuses a pod with the signer (a dry run): {}. Nothing was written, and the pods keep running.{as_well} {}. The operator tries again",
            live.name(),
            refusal::reason(text),
            refusal::remedy(text)
        ),
    )
}

/// The API server's answer about a pod.
enum Answer {
    /// The pod as it would be stored.
    Taken(Value),
    Refused {
        text: String,
        /// Whether the pod is malformed, or a policy calls it invalid.
        is_invalid: bool,
    },
    /// It cannot be known whether the pod would be accepted.
    Unknown,
}

/// Creates the pod as a dry run.
async fn ask(writer: &Writer, live: &LiveDeployment, pod: &Value) -> Result<Answer, Error> {
    let pod: DynamicObject = serde_json::from_value(pod.clone()).map_err(Error::Encode)?;
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let api = writer.cluster.pods(live.namespace());
    let error = match deadline("try a pod", api.create(&parameters, &pod)).await {
        Ok(taken) => return serde_json::to_value(taken).map(Answer::Taken).map_err(Error::Encode),
        Err(error) => error,
    };
    match error.response().map(|status| (status, kind(status))) {
        Some((status, Kind::Refusal)) => Ok(Answer::Refused {
            text: status.message.clone(),
            is_invalid: status.code == 422,
        }),
        Some((status, Kind::CannotBeTried)) => {
            tracing::info!(
                deployment = live.name(),
                namespace = live.namespace(),
                cause = refusal::reason(&status.message),
                "whether the API server would accept a pod with the signer cannot be tested; the signer is injected anyway"
            );
            Ok(Answer::Unknown)
        }
        _ => Err(error),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Refusal,
    /// The permission to create pods is missing, or a webhook may have side effects.
    CannotBeTried,
    /// The error is not about the pod, and a retry may succeed.
    Other,
}

fn kind(status: &Status) -> Kind {
    let says = |text: &str| status.message.contains(text);
    // An unavailable webhook is answered with 500.
    if !refuses(status) || status.code >= 500 || says("status unknown for quota") {
        Kind::Other
    } else if says("cannot create resource \"pods\"") || says("does not support dry run") {
        Kind::CannotBeTried
    } else {
        Kind::Refusal
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(strategy: &str) -> LiveDeployment {
        LiveDeployment::new(json!({
            "metadata": {"name": "voter"},
            "spec": {"replicas": 1, "strategy": {"type": strategy}, "template": {"spec": {"containers": [
                {"name": "node", "resources": {"limits": {"memory": "1Gi"}}},
            ]}}},
        }))
    }

    fn quota(requested: &str, limited: &str) -> String {
        format!(
            "exceeded quota: q, requested: limits.memory={requested}, used: limits.memory=1Gi, limited: limits.memory={limited}"
        )
    }

    #[test]
    fn a_refusal_counts_whatever_becomes_of_the_present_pod() {
        let policy = "violates PodSecurity \"restricted:latest\"";
        let refused = Answer::Refused {
            text: policy.to_owned(),
            is_invalid: false,
        };
        for answer in [refused, Answer::Taken(json!({})), Answer::Unknown] {
            let live = live("Recreate");
            assert!(is_ours(&live, policy, &pod::present(&live), &answer));
        }
    }

    #[test]
    fn a_quota_counts_as_it_stands_once_the_old_pod_is_gone() {
        let of = |live: &LiveDeployment, limited: &str| {
            let old = Answer::Refused {
                text: quota("1Gi", limited),
                is_invalid: false,
            };
            is_ours(live, &quota("1152Mi", limited), &pod::present(live), &old)
        };
        assert!(!of(&live("Recreate"), "1152Mi"));
        assert!(of(&live("Recreate"), "1Gi"));
        assert!(of(&live("RollingUpdate"), "1152Mi"), "both have to fit at a time");
    }

    #[test]
    fn what_says_nothing_of_the_pod_is_no_refusal() {
        let of = |code: u16, message: &str| {
            kind(&serde_json::from_value(json!({"code": code, "message": message})).unwrap())
        };
        for (code, message, expected) in [
            (403, "pods \"a\" is forbidden: exceeded quota: q", Kind::Refusal),
            (
                422,
                "Pod \"a\" is invalid: spec.containers[0].image: Required value",
                Kind::Refusal,
            ),
            (400, "admission webhook \"a\" denied the request: no", Kind::Refusal),
            (
                400,
                "admission webhook \"a\" does not support dry run",
                Kind::CannotBeTried,
            ),
            (
                403,
                "pods is forbidden: User \"u\" cannot create resource \"pods\" in API group \"\" in the namespace \"n\"",
                Kind::CannotBeTried,
            ),
            (
                403,
                "pods \"a\" is forbidden: status unknown for quota: q, resources: pods",
                Kind::Other,
            ),
            (
                500,
                "Internal error occurred: failed calling webhook \"a\"",
                Kind::Other,
            ),
            (429, "too many requests", Kind::Other),
        ] {
            assert_eq!(of(code, message), expected, "{message}");
        }
    }
}
