//! Variations of the Deployment outside of the pod template.

use serde_json::json;

use super::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("a".repeat(120), vec![]),
        case(format!("{}.{}", "b".repeat(60), "c".repeat(60)), vec![]),
        case("atto.voter.v1", vec![]),
        case("0-voter", vec![]),
        case("paused", vec![("/spec/paused", json!(true))]),
        case("many-replicas", vec![("/spec/replicas", json!(3))]),
        case("recreate", vec![("/spec/strategy", json!({"type": "Recreate"}))]),
        case(
            "rolling-update",
            vec![(
                "/spec/strategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}),
            )],
        ),
        case(
            "slow",
            vec![
                ("/spec/minReadySeconds", json!(30)),
                ("/spec/progressDeadlineSeconds", json!(60)),
                ("/spec/revisionHistoryLimit", json!(0)),
            ],
        ),
        case(
            "selector-of-expressions",
            vec![
                (
                    "/spec/selector",
                    json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["votes", "other"]}]}),
                ),
                ("/spec/template/metadata/labels", json!({"tier": "votes"})),
            ],
        ),
        case(
            "annotated-template",
            vec![
                (
                    "/spec/template/metadata/annotations",
                    json!({
                        "prometheus.io/scrape": "true",
                        "checksum/config": "0f3a",
                        "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z",
                        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                    }),
                ),
                ("/spec/template/metadata/labels/part-of", json!("atto")),
            ],
        ),
    ]
}
