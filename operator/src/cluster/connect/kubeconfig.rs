//! Reads kubeconfig files as kubectl does.
//!
//! The library's own reader refuses files that kubectl accepts: a missing file among several, or a null in an unused context.
//! Therefore this module reads the files, and hands the library its own types.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, anyhow, bail, ensure};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde_json::{Map, Value};

use super::choice::Choice;
use super::tidy::tidy;
use crate::yaml;

/// The entries that the current context names.
#[derive(Debug)]
pub struct Chosen {
    pub context: String,
    pub cluster: Cluster,
    pub user: AuthInfo,
    pub namespace: Option<String>,
}

/// Reads the files in `KUBECONFIG`, or the one in the home directory. `None` if they select no cluster.
///
/// # Errors
/// Names the file or the context, and the error.
pub fn chosen(choice: &Choice) -> anyhow::Result<Option<Chosen>> {
    let mut merged = Map::new();
    let (paths, are_named) = match &choice.kubeconfig {
        Some(path) => {
            ensure!(path.is_file(), "--kubeconfig: found no file {}", path.display());
            (vec![path.clone()], true)
        }
        None => paths(),
    };
    for path in paths {
        let Some(contents) = read(&path, are_named).with_context(|| format!("kubeconfig {}", path.display()))? else {
            continue;
        };
        merge(&mut merged, contents);
    }
    let (context, named_by) = match (&choice.context, merged.get("current-context")) {
        (Some(context), _) => (context.clone(), "--context"),
        (None, Some(Value::String(context))) => (context.clone(), "kubeconfig: current-context"),
        (None, _) => return Ok(None),
    };
    // Checks all types, as kubectl does.
    let config: Kubeconfig = serde_json::from_value(Value::Object(merged)).context("kubeconfig")?;
    choose(config, context, named_by).map(Some)
}

/// The paths, and whether the user named them.
fn paths() -> (Vec<PathBuf>, bool) {
    let given = env::var_os("KUBECONFIG").filter(|given| !given.is_empty());
    match given {
        Some(given) => {
            let paths = env::split_paths(&given).filter(|path| !path.as_os_str().is_empty());
            (paths.collect(), true)
        }
        None => (
            env::home_dir()
                .map(|home| home.join(".kube/config"))
                .into_iter()
                .collect(),
            false,
        ),
    }
}

/// The contents with absolute paths. `None` if the file does not exist.
fn read(path: &Path, is_named: bool) -> anyhow::Result<Option<Map<String, Value>>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // In a container, the home directory may be any path.
        Err(error) if !is_named && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let contents = yaml::document(&yaml::decode(&bytes)).map_err(|error| anyhow!(error))?;
    let folder = std::path::absolute(path)?;
    let folder = folder.parent().unwrap_or(Path::new("/"));
    match contents {
        Value::Null => Ok(Some(Map::new())),
        Value::Object(contents) => tidy(contents, folder).map(Some).map_err(|error| anyhow!(error)),
        _ => bail!("found no object, expected a Config (v1)"),
    }
}

/// For each name, the first file takes precedence.
fn merge(merged: &mut Map<String, Value>, contents: Map<String, Value>) {
    for (field, value) in contents {
        match (merged.get_mut(&field), value) {
            (Some(Value::Array(known)), Value::Array(entries)) => {
                for entry in entries {
                    if !known.iter().any(|known| known["name"] == entry["name"]) {
                        known.push(entry);
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                merged.insert(field, value);
            }
        }
    }
}

fn choose(config: Kubeconfig, context: String, named_by: &str) -> anyhow::Result<Chosen> {
    let found = config.contexts.into_iter().find(|named| named.name == context);
    let found = found
        .map(|named| named.context.unwrap_or_default())
        .ok_or_else(|| anyhow!("{named_by}: found no context {context:?}"))?;
    let cluster = config.clusters.into_iter().find(|named| named.name == found.cluster);
    let cluster = cluster
        .and_then(|named| named.cluster)
        .ok_or_else(|| anyhow!("kubeconfig: context {context:?}: found no cluster {:?}", found.cluster))?;
    let user = found.user.unwrap_or_default();
    // Without a user, requests are anonymous.
    let user = config.auth_infos.into_iter().find(|named| named.name == user);
    let chosen = Chosen {
        context,
        cluster,
        user: user.and_then(|named| named.auth_info).unwrap_or_default(),
        namespace: found.namespace,
    };
    check(&chosen).with_context(|| format!("kubeconfig: context {:?}", chosen.context))?;
    Ok(chosen)
}

/// Refuses the combinations that kubectl refuses at its start.
fn check(Chosen { cluster, user, .. }: &Chosen) -> anyhow::Result<()> {
    let authority = [&cluster.certificate_authority, &cluster.certificate_authority_data];
    ensure!(
        authority.iter().any(|given| given.is_none()),
        "found certificate-authority and certificate-authority-data, expected one of them"
    );
    ensure!(
        cluster.insecure_skip_tls_verify != Some(true) || authority.iter().all(|given| given.is_none()),
        "found insecure-skip-tls-verify with a certificate authority, expected one of them"
    );
    for (kind, file, is_data) in [
        (
            "client-certificate",
            &user.client_certificate,
            user.client_certificate_data.is_some(),
        ),
        ("client-key", &user.client_key, user.client_key_data.is_some()),
    ] {
        ensure!(
            file.is_none() || !is_data,
            "found {kind} and {kind}-data, expected one of them"
        );
    }
    let has = |file: &Option<String>, is_data: bool| file.is_some() || is_data;
    ensure!(
        has(&user.client_key, user.client_key_data.is_some())
            || !has(&user.client_certificate, user.client_certificate_data.is_some()),
        "found a client certificate without its key, expected client-key or client-key-data"
    );
    ensure!(
        user.token.is_none() || (user.username.is_none() && user.password.is_none()),
        "found a token and a user name, expected one of them"
    );
    ensure!(
        user.impersonate.is_some()
            || (user.impersonate_uid.is_none()
                && user.impersonate_groups.is_none()
                && user.impersonate_user_extra.is_none()),
        "found as-uid, as-groups or as-user-extra without as"
    );
    if let Some(exec) = &user.exec {
        ensure!(
            user.auth_provider.is_none(),
            "found exec and auth-provider, expected one of them"
        );
        ensure!(exec.command.is_some(), "exec: found no command");
        ensure!(
            exec.api_version.is_some(),
            "exec: found no apiVersion, expected client.authentication.k8s.io/v1"
        );
        ensure!(
            exec.interactive_mode.is_some(),
            "exec: found no interactiveMode, expected Never, IfAvailable or Always"
        );
    }
    Ok(())
}
