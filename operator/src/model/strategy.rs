//! The effect of a Deployment's strategy.

use serde_json::Value;

/// Whether a rollout ends a pod before it creates the replacement. If neither an additional nor a missing pod is allowed,
/// Kubernetes allows one missing pod.
/// Source: <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy>
pub fn frees_first(strategy: &Value, replicas: i64) -> bool {
    let less = share(&strategy["rollingUpdate"]["maxUnavailable"], replicas, 0);
    let more = share(&strategy["rollingUpdate"]["maxSurge"], replicas, 99);
    strategy["type"] == "Recreate" || less > 0 || more == 0
}

/// The number of pods: a number, or a percentage of the wanted pods, by default 25 %. `up` is 99 to round up.
fn share(value: &Value, replicas: i64, up: i64) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent = value.as_str().and_then(|text| text.trim_end_matches('%').parse().ok());
    replicas.saturating_mul(percent.unwrap_or(25)).saturating_add(up) / 100
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_ends_first_where_there_may_be_fewer_or_no_more() {
        for (strategy, replicas, expected) in [
            (json!(null), 1, false),
            (json!(null), 4, true),
            (json!({"type": "Recreate"}), 1, true),
            (json!({"rollingUpdate": {"maxSurge": 0}}), 1, true),
            (
                json!({"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "0%"}}),
                1,
                true,
            ),
            (json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}), 1, false),
            (
                json!({"rollingUpdate": {"maxSurge": "1%", "maxUnavailable": "50%"}}),
                1,
                false,
            ),
            (json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}), 1, true),
        ] {
            assert_eq!(frees_first(&strategy, replicas), expected, "{strategy} {replicas}");
        }
    }
}
