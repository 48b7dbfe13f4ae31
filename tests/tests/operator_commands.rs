//! The commands that need no cluster.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::operated::{binding, voter, with};
use tests::process::Directory;
use tests::signer_process;
use tests::workspace;

fn operator(arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(workspace::program("operator")?)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A command that reads nothing closes its end early.
    let _ = child
        .stdin
        .take()
        .context("no standard input")?
        .write_all(input.as_bytes());
    Ok(child.wait_with_output()?)
}

fn render(documents: &[&Value]) -> Result<(Option<i32>, String, String)> {
    let input: Vec<_> = documents.iter().map(ToString::to_string).collect();
    let output = operator(&["render", "-f", "-"], &input.join("\n---\n"))?;
    Ok((
        output.status.code(),
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    ))
}

#[test]
fn crd_prints_the_committed_manifest() -> Result<()> {
    let output = operator(&["crd"], "")?;
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout)?, crds::MANIFEST);
    Ok(())
}

#[test]
fn render_prints_the_deployment_as_it_would_become() -> Result<()> {
    let mut manifest = voter();
    manifest["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("yes");
    let (code, text, error) = render(&[&binding(), &manifest])?;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(text.contains("value: \"yes\""), "kubectl would read a boolean:\n{text}");
    let printed: Value = serde_yaml::from_str(&text)?;
    let pod = &printed["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0]["name"], "signer");
    assert_eq!(pod["containers"][0]["env"].as_array().map(Vec::len), Some(4));
    assert_eq!(printed["metadata"], manifest["metadata"]);
    Ok(())
}

fn rendered(text: &str) -> Result<Value> {
    let output = operator(&["render", "-f", "-"], text)?;
    ensure!(output.status.success(), "{}", String::from_utf8(output.stderr)?);
    Ok(serde_yaml::from_slice(&output.stdout)?)
}

/// A hand-written voter with an octal mode and YAML 1.1 booleans.
const ODD: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: voter, annotations: &shared {on: 'yes'}}
spec:
  paused: no
  selector: {matchLabels: {app: voter}}
  template:
    metadata:
      labels: {app: voter}
      annotations: {<<: *shared, time: 12:30}
    spec:
      automountServiceAccountToken: off
      volumes:
        - {name: a, secret: {secretName: a, defaultMode: 0400}}
        - {name: b, secret: {secretName: b, defaultMode: 0o644}}
      containers:
        - {name: node, image: i, env: [{name: A, value: '0400'}, {name: B, value: 'no'}]}
";

/// The signer accepts the settings that the operator renders for a key of each service. It stops only at the token,
/// which a kubelet would provide.
#[test]
fn the_signer_takes_what_is_rendered_for_each_key_service() -> Result<()> {
    for folder in ["aws-kms", "google-federation", "vault"] {
        let example = workspace::root().join("examples").join(folder);
        let mut binding: Value = serde_yaml::from_str(&fs::read_to_string(example.join("30-signerbinding.yaml"))?)?;
        // The content of that ConfigMap is a file of the pod.
        if let Some(vault) = binding["spec"]["key"]["vault"].as_object_mut() {
            vault.remove("caConfigMapRef");
        }
        let voter = fs::read_to_string(example.join("20-voter.yaml"))?;
        let deployment = rendered(&format!("{binding}\n---\n{voter}"))?;
        let signer = &deployment["spec"]["template"]["spec"]["initContainers"][0];
        let variables = signer["env"].as_array().into_iter().flatten();
        let variables: Vec<_> = variables
            .map(|entry| {
                let value = entry["value"].as_str().unwrap_or("0123456789abcdef0123456789abcdef");
                (entry["name"].as_str().unwrap_or_default(), value)
            })
            .collect();
        let output = signer_process::run(&["preflight"], &variables)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(69), "{folder}: {said}");
        let token = signer["volumeMounts"][0]["mountPath"].as_str().unwrap_or_default();
        assert!(said.contains(&format!("{token}/token")), "{folder}: {said}");
    }
    Ok(())
}

#[test]
fn render_reads_and_writes_yaml_as_kubectl_reads_it() -> Result<()> {
    let output = operator(&["render", "-f", "-"], &format!("{}\n---\n{ODD}", binding()))?;
    let text = String::from_utf8(output.stdout)?;
    let printed: Value = serde_yaml::from_str(&text)?;
    let pod = &printed["spec"]["template"]["spec"];
    assert_eq!(printed["spec"]["paused"], json!(false));
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    assert_eq!(pod["volumes"][0]["secret"]["defaultMode"], json!(256));
    assert_eq!(pod["volumes"][1]["secret"]["defaultMode"], json!(420));
    let annotations = &printed["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(
        (&annotations["true"], &annotations["time"]),
        (&json!("yes"), &json!("12:30"))
    );
    for part in ["value: '0400'", "value: \"no\"", "'true': \"yes\""] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    Ok(())
}

#[test]
fn render_looks_into_lists_and_folders() -> Result<()> {
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"}, binding(), voter()]});
    let printed = rendered(&list.to_string())?;
    assert_eq!(
        (&printed["kind"], &printed["metadata"]["name"]),
        (&json!("Deployment"), &json!("voter"))
    );
    // In the form of `kubectl get deployments --output=yaml`.
    let mut item = voter();
    for field in ["kind", "apiVersion"] {
        item.as_object_mut().context("no object")?.remove(field);
    }
    let list = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [item]});
    assert_eq!(rendered(&format!("{}{list}", binding()))?["kind"], "Deployment");

    let folder = Directory::new()?;
    fs::write(folder.path().join("a.yaml"), binding().to_string())?;
    fs::write(folder.path().join("b.json"), voter().to_string())?;
    fs::write(folder.path().join("notes.txt"), "a: [")?;
    let output = operator(&["render", "-f", &folder.path().display().to_string()], "")?;
    ensure!(output.status.success(), "{}", String::from_utf8(output.stderr)?);
    Ok(())
}

#[test]
fn render_matches_namespaces_as_one_apply_would() -> Result<()> {
    let at = |mut object: Value, namespace: &str| {
        object["metadata"]["namespace"] = json!(namespace);
        object
    };
    for documents in [
        vec![binding(), voter()],
        vec![at(binding(), "a"), voter()],
        vec![binding(), at(voter(), "a")],
        vec![at(binding(), "a"), at(voter(), "a")],
        vec![at(binding(), "a"), at(voter(), ""), at(voter(), "b")],
    ] {
        let (code, _, error) = render(&documents.iter().collect::<Vec<_>>())?;
        assert_eq!((code, error.as_str()), (Some(0), ""), "{documents:?}");
    }
    for (documents, parts) in [
        (
            vec![at(binding(), "a"), at(voter(), "b")],
            vec!["found no Deployment voter", "namespace a", "b instead"],
        ),
        (
            vec![binding(), at(voter(), "a"), at(voter(), "b")],
            vec!["found several", "a/voter, b/voter", "metadata.namespace"],
        ),
        (
            vec![at(binding(), "a"), at(voter(), "a"), voter()],
            vec!["found several", "a/voter, voter (without a namespace)"],
        ),
    ] {
        let (code, _, error) = render(&documents.iter().collect::<Vec<_>>())?;
        assert_eq!(code, Some(65), "{error}");
        for part in parts {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
    }
    Ok(())
}

#[test]
fn render_of_its_own_output_changes_nothing() -> Result<()> {
    let (_, once, _) = render(&[&binding(), &voter()])?;
    let mut injected: Value = serde_yaml::from_str(&once)?;
    // As in a repository: without a cluster's managed fields, but with the operator's annotation.
    let (code, twice, error) = render(&[&binding(), &injected])?;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(twice, once);
    // Another container with the sidecar's name belongs to another owner.
    injected["spec"]["template"]["spec"]["initContainers"][0]["image"] = json!("registry.example/other:1");
    let (code, _, error) = render(&[&binding(), &injected])?;
    assert_eq!(code, Some(65));
    assert!(error.contains("ForeignSigner"), "{error}");
    Ok(())
}

#[test]
fn render_says_what_is_wrong_with_its_input() -> Result<()> {
    for (documents, parts) in [
        (vec![voter()], vec!["found 0 SignerBindings", "expected one"]),
        (vec![binding(), binding(), voter()], vec!["found 2 SignerBindings"]),
        (vec![binding()], vec!["found no Deployment voter", "spec.target.name"]),
        (
            vec![with(binding(), "/spec/target/container", json!("other")), voter()],
            vec!["ContainerNotFound", "node, exporter"],
        ),
        (
            vec![
                with(binding(), "/spec/signer", json!({"image": "registry.example/other:1"})),
                voter(),
            ],
            vec!["ImageNotAllowed", "spec.signer.image"],
        ),
        (
            vec![with(binding(), "/spec/capabilities", json!(["FLY"])), voter()],
            vec!["SignerBinding cannot be read", "FLY"],
        ),
    ] {
        let (code, out, error) = render(&documents.iter().collect::<Vec<_>>())?;
        assert_eq!((code, out.as_str()), (Some(65), ""), "{error}");
        for part in parts {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
    }
    let output = operator(&["render", "-f", "/nonexistent.yaml"], "")?;
    assert!(String::from_utf8(output.stderr)?.contains("/nonexistent.yaml: cannot be read"));
    let output = operator(&["render", "-f", "-"], "a: [b")?;
    assert!(String::from_utf8(output.stderr)?.contains("-: not valid YAML"));
    Ok(())
}

#[test]
fn wrong_usage_and_a_missing_cluster_are_told_apart() -> Result<()> {
    let output = operator(&["fly"], "")?;
    assert_eq!(output.status.code(), Some(64));
    let output = operator(&["run", "--admin-address=127.0.0.1:0"], "")?;
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stderr)?.contains("KUBECONFIG"));
    let output = operator(&["run", "--admin-address=nowhere"], "")?;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr)?.contains("--admin-address"));
    Ok(())
}
