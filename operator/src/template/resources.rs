//! Default resources of a signer container.

use crds::DefaultResources;
use serde_json::{Value, json};

use super::quantity;

/// Requests and limits, as in a container of a pod.
pub fn of(resources: DefaultResources) -> Value {
    match resources {
        // Small requests and no CPU limit, because throttling costs votes.
        DefaultResources::Burstable => json!({
            "requests": { "cpu": "50m", "memory": "64Mi" },
            "limits": { "memory": "128Mi" },
        }),
        DefaultResources::Guaranteed => json!({
            "requests": { "cpu": "500m", "memory": "128Mi" },
            "limits": { "cpu": "500m", "memory": "128Mi" },
        }),
        // The containers' sum must not exceed the pod's resources, and the pod's class does not depend on them.
        DefaultResources::PodLevel => json!({}),
    }
}

/// The default of a container that was written before the operator recorded defaults. None if it has other resources.
pub fn found(container: &Value) -> Option<DefaultResources> {
    [DefaultResources::Burstable, DefaultResources::Guaranteed]
        .into_iter()
        .find(|resources| {
            let wanted = of(*resources);
            ["requests", "limits"]
                .iter()
                .all(|field| same(&container["resources"][*field], &wanted[*field]))
        })
}

fn same(found: &Value, wanted: &Value) -> bool {
    let (Some(found), Some(wanted)) = (found.as_object(), wanted.as_object()) else {
        return false;
    };
    found.len() == wanted.len()
        && wanted
            .iter()
            .all(|(resource, value)| found.get(resource).is_some_and(|found| quantity::equal(found, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_written_whatever_its_notation_and_nothing_else() {
        let container = |resources: Value| json!({ "resources": resources });
        for class in [DefaultResources::Burstable, DefaultResources::Guaranteed] {
            assert_eq!(found(&container(of(class))), Some(class));
        }
        let in_other_words = json!({
            "requests": { "cpu": "0.5", "memory": "128Mi" },
            "limits": { "cpu": "500m", "memory": "134217728" },
        });
        assert_eq!(found(&container(in_other_words)), Some(DefaultResources::Guaranteed));
        let mut more = of(DefaultResources::Burstable);
        more["limits"]["cpu"] = json!("1");
        assert_eq!(found(&container(more)), None);
        assert_eq!(found(&container(json!({}))), None);
    }
}
