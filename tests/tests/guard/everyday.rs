//! Everyday edits, and fields that another program may rewrite.

use anyhow::Result;
use serde_json::json;
use tests::operated::with;

use super::guarded::row::{Row, Step, container, in_signer, run};
use super::guarded::{documented, documented_with, plain};
use super::steps::{TOKEN, URL, kubectl, scale, set_env};

#[tokio::test]
async fn everyday_edits_are_let_through() -> Result<()> {
    let node_image = || kubectl(["set", "image", "deployment/voter", "node=registry.example/node:2"]);
    run(vec![
        Row::let_through("apply of the unchanged manifest", plain, Step::Apply(plain)),
        Row::let_through(
            "apply of the unchanged documented manifest",
            documented,
            Step::Apply(documented),
        ),
        Row::let_through(
            "server-side apply of the documented manifest",
            documented,
            Step::ApplyServerSide(documented),
        ),
        Row::let_through("replace with the unchanged live object", plain, Step::Edit(|_| {})),
        Row::let_through("scale to 0 and back", plain, scale("--replicas=1")).after([scale("--replicas=0")]),
        Row::let_through(
            "rollout restart",
            plain,
            kubectl(["rollout", "restart", "deployment/voter"]),
        ),
        Row::let_through("set image of the node", plain, node_image()),
        Row::let_through(
            "rollout undo of a new image of the node",
            plain,
            kubectl(["rollout", "undo", "deployment/voter"]),
        )
        .after([node_image(), Step::Settle]),
        Row::let_through("set env of the node", plain, set_env("LOG=debug")),
        Row::let_through(
            "set resources of the node",
            plain,
            kubectl([
                "set",
                "resources",
                "deployment/voter",
                "-c",
                "node",
                "--limits=cpu=1,memory=2Gi",
            ]),
        ),
        Row::let_through(
            "annotate and label",
            plain,
            kubectl(["label", "deployment/voter", "team=b"]),
        )
        .after([kubectl(["annotate", "deployment/voter", "note=1"])]),
        Row::let_through(
            "an annotation of the template",
            plain,
            Step::Edit(|live| live["spec"]["template"]["metadata"]["annotations"]["note"] = json!("1")),
        ),
        Row::let_through(
            "another sidecar and another init container",
            plain,
            Step::Edit(|live| {
                let pod = &mut live["spec"]["template"]["spec"];
                for (list, name) in [("containers", "logs"), ("initContainers", "migrate")] {
                    if let Some(list) = pod[list].as_array_mut() {
                        list.insert(0, json!({"name": name, "image": "registry.example/other:1"}));
                    }
                }
            }),
        ),
    ])
    .await
}

#[tokio::test]
async fn what_other_programs_rewrite_and_what_one_commit_changes_together_is_let_through() -> Result<()> {
    let new_secret = || {
        documented_with(
            TOKEN,
            Some(json!({"name": TOKEN, "valueFrom": {"secretKeyRef": {"name": "token-2", "key": "value"}}})),
        )
    };
    let rotated = || {
        let token = tests::operated::secret("token-2", "value", "another-horse-battery-staple-0123456789");
        let binding = with(
            tests::operated::binding(),
            "/spec/tokenSecretRef/name",
            json!("token-2"),
        );
        let deployment = documented_with(
            TOKEN,
            Some(json!({"name": TOKEN, "valueFrom": {"secretKeyRef": {"name": "token-2", "key": "value"}}})),
        );
        json!({"apiVersion": "v1", "kind": "List", "items": [token, deployment, binding]})
    };
    let another_port = || {
        let binding = with(
            tests::operated::binding(),
            "/spec/signer",
            json!({"ports": {"api": 9191}}),
        );
        let deployment = documented_with(URL, Some(json!({"name": URL, "value": "http://localhost:9191"})));
        json!({"apiVersion": "v1", "kind": "List", "items": [deployment, binding]})
    };
    let renamed = || with(documented(), "/spec/template/spec/containers/0/name", json!("voter"));
    run(vec![
        Row::let_through(
            "resources of the signer, as GKE Autopilot rewrites them",
            plain,
            Step::Edit(|live| {
                in_signer(
                    live,
                    "resources",
                    json!({"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}),
                );
            }),
        ),
        Row::let_through(
            "the signer's image pinned by its digest, as an admission plugin does",
            plain,
            Step::Edit(|live| {
                let image = container(live, "initContainers", "signer")["image"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                in_signer(live, "image", json!(format!("{image}@sha256:{}", "0".repeat(64))));
            }),
        ),
        Row::let_through(
            "a new token Secret in manifest and binding, in one apply",
            documented,
            Step::Apply(rotated),
        )
        .with_another_signer(),
        Row::let_through(
            "the new token Secret in the manifest, before the binding names it",
            documented,
            Step::Apply(new_secret),
        )
        .with_another_signer(),
        Row::let_through(
            "another port in manifest and binding, in one apply",
            documented,
            Step::Apply(another_port),
        )
        .with_another_signer(),
        Row::let_through(
            "apply of a manifest that renames the node's container and carries the variables",
            documented,
            Step::Apply(renamed),
        )
        .in_container("voter"),
        Row::let_go("delete", plain, kubectl(["delete", "deployment/voter", "--wait=false"])),
    ])
    .await
}
