//! A token of the ServiceAccount that only the signer's container has.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{Place, SOON, VOTER, binding, with};
use tests::{chart, eventually};

use super::keys::{ARN, Kind, kinds, removing, vault, voter_with_account};
use super::{account, annotations};

const MOUNT: &str = "/var/run/secrets/signer.atto.cash/identity";

async fn place(prefix: &str) -> Result<Place> {
    let place = Place::new(prefix).await?;
    place.apply(&account()).await?;
    place.apply(&voter_with_account()).await?;
    Ok(place)
}

/// The injected Deployment.
async fn injected(place: &Place, key: &Value) -> Result<Value> {
    place.apply(&removing(key)).await?;
    place.condition("Injected", "True", "Injected").await?;
    place.deployment().await
}

fn pod(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().find(|item| item["name"] == name).unwrap_or(&Value::Null)
}

/// The containers that mount a volume.
fn who_mounts(deployment: &Value, volume: &str) -> Vec<String> {
    let lists =
        ["initContainers", "containers"].map(|list| pod(deployment)[list].as_array().cloned().unwrap_or_default());
    let containers = lists.into_iter().flatten();
    let mounts = containers.filter(|container| !named(&container["volumeMounts"], volume).is_null());
    mounts
        .map(|container| container["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn the_signer_alone_gets_it_for_each_key_service_and_removal_gives_the_very_spec() -> Result<()> {
    for kind in kinds() {
        is_given_and_taken(&kind)
            .await
            .with_context(|| format!("with a key of {}", kind.name))?;
    }
    Ok(())
}

async fn is_given_and_taken(kind: &Kind) -> Result<()> {
    let place = place("projected").await?;
    let before = place.deployment().await?["spec"].clone();
    let live = injected(&place, &kind.key).await?;
    let signer = named(&pod(&live)["initContainers"], "signer");
    for (name, value) in kind.variables {
        ensure!(
            named(&signer["env"], name)["value"] == *value,
            "{name}: {}",
            signer["env"]
        );
    }
    let token = &named(&pod(&live)["volumes"], "signer-identity")["projected"]["sources"];
    let wanted =
        json!([{"serviceAccountToken": {"audience": kind.audience, "expirationSeconds": 3600, "path": "token"}}]);
    ensure!(*token == wanted, "{token}");
    let mount = named(&signer["volumeMounts"], "signer-identity");
    ensure!(
        *mount == json!({"name": "signer-identity", "mountPath": MOUNT, "readOnly": true}),
        "{mount}"
    );
    ensure!(who_mounts(&live, "signer-identity") == ["signer"]);
    ensure!(who_mounts(&live, "signer-ca").is_empty() != kind.has_certificates);
    let message = place.condition("IdentityReady", "Unknown", "ProjectedToken").await?;
    for command in kind.commands {
        let command = command.replace("NAMESPACE", &place.namespace);
        ensure!(message.contains(&command), "`{command}` is missing in: {message}");
    }
    ensure!(
        annotations(&place, "voter").await?[super::ANNOTATION].is_null(),
        "nobody asked for an annotation"
    );
    // The operator is idle, and the manifest may be applied again.
    place.is_quiet().await?;
    place.apply(&voter_with_account()).await?;
    ensure!(place.deployment().await?["spec"] == live["spec"]);
    is_admitted_where_pods_are_restricted(&place, &live).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let after = place.deployment().await?["spec"].clone();
    ensure!(after == before, "removal leaves {after}");
    let denied = place.operated.plane.denied(chart::OPERATOR, None)?;
    ensure!(
        denied.is_empty(),
        "the chart does not grant what the operator asks for: {denied:?}"
    );
    Ok(())
}

/// The node meets the restrictions, and the operator's fields do too.
async fn is_admitted_where_pods_are_restricted(place: &Place, live: &Value) -> Result<()> {
    let restrict = [
        "label",
        "namespace",
        &place.namespace,
        "pod-security.kubernetes.io/enforce=restricted",
    ];
    place.kubectl_ok(&restrict).await?;
    let mut template = live["spec"]["template"].clone();
    for container in template["spec"]["containers"].as_array_mut().into_iter().flatten() {
        container["securityContext"] = named(&pod(live)["initContainers"], "signer")["securityContext"].clone();
    }
    let metadata = json!({"name": "restricted", "annotations": template["metadata"]["annotations"]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]});
    let answer = place
        .kubectl(&["create", "--dry-run=server", "-f", "-"], &pod.to_string())
        .await?;
    ensure!(answer.succeeded, "{}", answer.stderr);
    let label = "pod-security.kubernetes.io/enforce-";
    place
        .kubectl_ok(&["label", "namespace", &place.namespace, label])
        .await
        .map(drop)
}

#[tokio::test]
async fn another_version_or_server_is_another_key_and_another_role_is_not() -> Result<()> {
    let place = place("version").await?;
    let first = injected(&place, &vault("version", json!(1))).await?;
    let hash = |live: &Value| live["spec"]["template"]["metadata"]["annotations"]["signer.atto.cash/hash"].clone();
    let second = injected(&place, &vault("version", json!(2))).await?;
    let signer = named(&pod(&second)["initContainers"], "signer");
    ensure!(named(&signer["env"], "ATTO_SIGNER_KEY")["value"] == "transit/keys/voter/versions/2");
    ensure!(hash(&first) != hash(&second));
    // The signer of a deleted binding is taken over only with the same key.
    let left = |key: &Value| {
        with(
            with(removing(key), "/spec/deletionPolicy", json!("Retain")),
            "/metadata/name",
            json!("first"),
        )
    };
    place
        .apply(&with(
            removing(&vault("version", json!(2))),
            "/spec/deletionPolicy",
            json!("Retain"),
        ))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    let moved = |field: &str, value: Value| with(vault("version", json!(2)), &format!("/vault/{field}"), value);
    for (field, value) in [
        ("address", json!("https://other.example.com:8200")),
        ("namespace", json!("team-a")),
        ("version", json!(3)),
    ] {
        place.apply(&left(&moved(field, value))).await?;
        let message = place
            .condition_of("first", "Injected", "False", "TakeOverPending")
            .await?;
        ensure!(message.contains("ATTO_SIGNER_"), "{message}");
        ensure!(
            hash(&place.deployment().await?) == hash(&second),
            "{field} has made another voter"
        );
        place.kubectl_ok(&["delete", "sb", "first", "--timeout=60s"]).await?;
    }
    place
        .apply(&left(&moved("auth", json!({"jwt": {"role": "another"}}))))
        .await?;
    place
        .condition_of("first", "Injected", "True", "Injected")
        .await
        .map(drop)
}

#[tokio::test]
async fn a_volume_of_the_users_own_of_that_name_is_refused_with_what_to_do() -> Result<()> {
    let place = Place::new("collision").await?;
    place.apply(&account()).await?;
    let theirs = json!([{"name": "data", "emptyDir": {}}, {"name": "signer-identity", "emptyDir": {}}]);
    place
        .apply(&with(voter_with_account(), "/spec/template/spec/volumes", theirs))
        .await?;
    place.apply(&removing(&vault("version", json!(1)))).await?;
    let message = place.condition("Injected", "False", "VolumeConflict").await?;
    ensure!(
        message.contains("found a volume signer-identity, whose name is reserved"),
        "{message}"
    );
    ensure!(pod(&place.deployment().await?)["initContainers"].is_null());
    place.apply(&voter_with_account()).await?;
    place.condition("Injected", "True", "Injected").await?;
    Ok(())
}

#[tokio::test]
async fn a_volume_of_that_name_is_nobodys_business_where_the_signer_needs_none() -> Result<()> {
    let place = Place::new("theirs").await?;
    let theirs = json!([{"name": "data", "emptyDir": {}}, {"name": "signer-identity", "emptyDir": {}}]);
    place.apply(&account()).await?;
    place
        .apply(&with(voter_with_account(), "/spec/template/spec/volumes", theirs))
        .await?;
    let before = place.deployment().await?["spec"].clone();
    place
        .apply(&with(binding(), "/spec/deletionPolicy", json!("Remove")))
        .await?;
    place.condition("Injected", "True", "Injected").await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--timeout=60s"]).await?;
    ensure!(place.deployment().await?["spec"] == before);
    Ok(())
}

#[tokio::test]
async fn certificates_and_the_account_are_waited_for() -> Result<()> {
    let place = Place::new("waits").await?;
    place.apply(&voter_with_account()).await?;
    place
        .apply(&removing(&vault(
            "caSecretRef",
            json!({"name": "vault-ca", "key": "ca.crt"}),
        )))
        .await?;
    let message = place
        .condition("IdentityReady", "False", "ServiceAccountNotFound")
        .await?;
    ensure!(message.contains("kubectl create serviceaccount voter"), "{message}");
    place.apply(&account()).await?;
    place.condition("IdentityReady", "Unknown", "ProjectedToken").await?;
    let message = place.condition("Injected", "False", "KeyNotFound").await?;
    ensure!(
        message.contains("spec.key.vault.caSecretRef: found no Secret vault-ca"),
        "{message}"
    );
    place
        .apply(&tests::operated::secret(
            "vault-ca",
            "ca.crt",
            "-----BEGIN CERTIFICATE-----",
        ))
        .await?;
    place.condition("Injected", "True", "Injected").await.map(drop)
}

#[tokio::test]
async fn who_else_could_get_such_a_token_is_told() -> Result<()> {
    let place = Place::new("others").await?;
    let warns = async |expected: &[&str]| {
        eventually(SOON, &format!("the warnings {expected:?}"), async || {
            let status = place.binding().await?.status.unwrap_or_default();
            let found: Vec<_> = status.warnings.iter().map(|warning| warning.reason.as_str()).collect();
            ensure!(found == expected, "{found:?}");
            Ok(())
        })
        .await
    };
    place.apply(&account()).await?;
    place.apply(&voter_with_account()).await?;
    let key = |audience: &str| {
        let key = vault("auth", json!({"kubernetes": {"role": "r", "audience": audience}}));
        removing(&with(key, "/vault/key", json!("of-this-test")))
    };
    place.apply(&key("vault")).await?;
    place.condition("Injected", "True", "Injected").await?;
    warns(&[]).await?;
    place.apply(&key("https://kubernetes.default.svc")).await?;
    warns(&["AudienceOfApiServer"]).await?;
    place.apply(&key("vault")).await?;
    warns(&[]).await?;
    let mut loud = voter_with_account();
    loud["spec"]["template"]["spec"]["automountServiceAccountToken"] = Value::Null;
    let sources = json!([{"serviceAccountToken": {"audience": "vault", "path": "token"}}]);
    loud["spec"]["template"]["spec"]["volumes"][0] = json!({"name": "data", "projected": {"sources": sources}});
    // The guard refuses the change on a running Deployment.
    place.pause().await?;
    place.apply(&loud).await?;
    place.resume().await?;
    warns(&["TokenInOtherContainer", "AccountTokenMounted"]).await?;
    place.apply(&voter_with_account()).await?;
    warns(&[]).await?;
    place
        .apply(
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "outsider"}, "spec": {
                "serviceAccountName": "voter", "containers": [{"name": "a", "image": "registry.example/a:1"}],
            }}),
        )
        .await?;
    place
        .kubectl_ok(&["label", "deployment", VOTER, "touched=true"])
        .await?;
    warns(&["IdentityShared"]).await
}

#[tokio::test]
async fn an_annotation_that_gives_each_container_the_role_is_told() -> Result<()> {
    let place = place("annotated").await?;
    let role = "arn:aws:iam::123456789012:role/atto-voter";
    injected(&place, &json!({"aws": {"keyArn": ARN, "roleArn": role}})).await?;
    let warned = async |expected: bool| {
        eventually(SOON, "the warning comes and goes", async || {
            let path = "jsonpath={.status.warnings[*].reason}";
            let found = place.kubectl_ok(&["get", "sb", VOTER, "-o", path]).await?;
            ensure!(found.contains("TokenInOtherContainer") == expected, "{found}");
            Ok(())
        })
        .await
    };
    warned(false).await?;
    for (annotation, expected) in [
        ("eks.amazonaws.com/role-arn=arn:aws:iam::123456789012:role/other", true),
        ("eks.amazonaws.com/role-arn-", false),
    ] {
        place
            .kubectl_ok(&["annotate", "serviceaccount", "voter", annotation])
            .await?;
        warned(expected).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_of_aws_without_a_role_is_asked_for_as_the_pod() -> Result<()> {
    let place = Place::new("as-the-pod").await?;
    let role = "arn:aws:iam::123456789012:role/atto-pods";
    let annotated = json!({"team": "voters", "eks.amazonaws.com/role-arn": role});
    place
        .apply(&with(account(), "/metadata/annotations", annotated))
        .await?;
    place.apply(&voter_with_account()).await?;
    let live = injected(&place, &json!({"aws": {"keyArn": ARN}})).await?;
    ensure!(who_mounts(&live, "signer-identity").is_empty());
    let env = &named(&pod(&live)["initContainers"], "signer")["env"];
    ensure!(named(env, "AWS_REGION")["value"] == "eu-central-1" && named(env, "AWS_ROLE_ARN").is_null());
    let message = place.condition("IdentityReady", "Unknown", "DirectGrant").await?;
    for part in [
        format!("whose annotation lets them act as {role}"),
        "aws iam put-role-policy --role-name atto-pods ".to_owned(),
        format!("--service-account voter --role-arn {role}\n"),
    ] {
        ensure!(message.contains(&part), "`{part}` is missing in: {message}");
    }
    Ok(())
}
