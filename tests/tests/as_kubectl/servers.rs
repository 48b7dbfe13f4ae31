//! The address of the API server in a kubeconfig, and the verification of its certificate.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::subject::{set, unset};
use super::table::Table;

const CLUSTER: &str = "/clusters/0/cluster";

#[tokio::test]
async fn the_authority_is_read_as_kubectl_does_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let data = admin
        .pointer("/clusters/0/cluster/certificate-authority-data")
        .and_then(Value::as_str);
    let data = data.context("no authority")?.to_owned();
    let pem = data_encoding::BASE64.decode(data.as_bytes())?;
    table.beside("ca.crt", &String::from_utf8(pem)?)?;
    table.beside("nothing.crt", "")?;
    let open = unset(admin.clone(), "/clusters/0/cluster/certificate-authority-data");
    let insecure = |contents: &Value, value: bool| of_cluster(contents, "insecure-skip-tls-verify", json!(value));
    let lines: Vec<_> = data.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    for (name, contents, reached) in [
        ("no authority", open.clone(), false),
        ("insecure-skip-tls-verify", insecure(&open, true), true),
        ("insecure-skip-tls-verify: false", insecure(&open, false), false),
        (
            "insecure-skip-tls-verify with an authority",
            insecure(&admin, true),
            false,
        ),
        (
            "a file beside the kubeconfig",
            of_cluster(&open, "certificate-authority", json!("ca.crt")),
            true,
        ),
        (
            "a file that is not there",
            of_cluster(&open, "certificate-authority", json!("missing.crt")),
            false,
        ),
        (
            "a file with nothing in it",
            of_cluster(&open, "certificate-authority", json!("nothing.crt")),
            false,
        ),
        (
            "a file and data",
            of_cluster(&admin, "certificate-authority", json!("ca.crt")),
            false,
        ),
        (
            "data in lines",
            of_cluster(&admin, "certificate-authority-data", json!(lines.join("\n"))),
            true,
        ),
        (
            "data that is not base64",
            of_cluster(&admin, "certificate-authority-data", json!("?")),
            false,
        ),
        (
            "data that is no certificate",
            of_cluster(&admin, "certificate-authority-data", json!("YWJj")),
            false,
        ),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

#[tokio::test]
async fn the_server_is_verified_as_kubectl_does_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let server = admin
        .pointer("/clusters/0/cluster/server")
        .and_then(Value::as_str)
        .context("no server")?;
    let bare = server.trim_start_matches("https://");
    for (name, contents, reached) in [
        (
            "tls-server-name",
            of_cluster(&admin, "tls-server-name", json!("kubernetes")),
            true,
        ),
        (
            "tls-server-name of another",
            of_cluster(&admin, "tls-server-name", json!("other.example")),
            false,
        ),
        (
            "tls-server-name: null",
            of_cluster(&admin, "tls-server-name", json!(null)),
            true,
        ),
        (
            "a server without a scheme",
            of_cluster(&admin, "server", json!(bare)),
            false,
        ),
        (
            "a server with a slash",
            of_cluster(&admin, "server", json!(format!("{server}/"))),
            true,
        ),
        (
            "a server with a strange scheme",
            of_cluster(&admin, "server", json!("ftp://127.0.0.1")),
            false,
        ),
        ("no server", unset(admin.clone(), "/clusters/0/cluster/server"), false),
        (
            "disable-compression",
            of_cluster(&admin, "disable-compression", json!(true)),
            true,
        ),
    ] {
        table.file(name, &contents, reached)?;
    }
    // `kubectl get --raw` of the oldest version drops the path in the server's address.
    let nowhere = of_cluster(&admin, "server", json!(format!("{server}/nowhere")));
    table
        .file("a server with a path that is not there", &nowhere, false)?
        .reached_by_the_oldest = true;
    table.holds().await
}

/// The file with another value in its cluster.
fn of_cluster(contents: &Value, field: &str, value: Value) -> Value {
    set(contents.clone(), &format!("{CLUSTER}/{field}"), value)
}
