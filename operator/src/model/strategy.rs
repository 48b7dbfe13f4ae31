//! How many pods the strategy of a Deployment allows in a rollout.

use serde_json::Value;

/// Whether a rollout ends a pod before it creates the one that takes its place. Where neither a pod more nor a pod less is allowed, one
/// less is.
/// Source: <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy>
pub fn frees_first(strategy: &Value, replicas: i64) -> bool {
    let less = share(&strategy["rollingUpdate"]["maxUnavailable"], replicas, 0);
    let more = share(&strategy["rollingUpdate"]["maxSurge"], replicas, 99);
    strategy["type"] == "Recreate" || less > 0 || more == 0
}

/// So many pods: a number, or a share of those wanted in percent, which is 25 where nothing is said. `up` is 99 where it is rounded up.
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
