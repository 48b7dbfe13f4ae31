//! Finds the API server and the credentials for it, as kubectl and Kubernetes' client do.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, anyhow, bail, ensure};
use data_encoding::BASE64;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::choice::Choice;
use super::kubeconfig::{self, Chosen};
use super::proxy;
use super::token_file::TokenFile;

const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The configuration, and the token of a file that the kubeconfig names.
pub fn find(choice: &Choice) -> anyhow::Result<(Config, TokenFile)> {
    let (mut config, token) = match kubeconfig::chosen(choice)? {
        Some(chosen) => of_kubeconfig(chosen)?,
        None if choice.kubeconfig.is_none() && is_in_cluster() => (
            Config::incluster().context("the service account cannot be used")?,
            TokenFile::default(),
        ),
        None => bail!(
            "found no cluster: expected a service account (in a pod) or KUBECONFIG with a current-context \
             (kubectl config get-contexts lists them, kubectl config use-context NAME sets it)"
        ),
    };
    // A proxy in the kubeconfig takes precedence.
    if config.proxy_url.is_none() {
        let variable = |name: &str| env::var(name).ok();
        config.proxy_url = proxy::of_environment(&config.cluster_url, variable).map_err(|error| anyhow!(error))?;
    }
    // The controller retries itself, because it knows what has changed in the meantime.
    config.default_retry = false;
    Ok((config, token))
}

fn is_in_cluster() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("KUBERNETES_SERVICE_HOST") && is_set("KUBERNETES_SERVICE_PORT") && Path::new(SERVICE_ACCOUNT_TOKEN).is_file()
}

fn of_kubeconfig(chosen: Chosen) -> anyhow::Result<(Config, TokenFile)> {
    let Chosen {
        context,
        cluster,
        user,
        namespace,
    } = chosen;
    let place = || format!("kubeconfig: context {context:?}");
    let mut config = Config::new(server(&cluster).with_context(place)?);
    config.root_cert = authority(&cluster).with_context(place)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify == Some(true);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    if let Some(namespace) = namespace {
        config.default_namespace = namespace;
    }
    if let Some(address) = &cluster.proxy_url {
        let proxy = proxy::of_kubeconfig(address).map_err(|error| anyhow!("proxy-url: {error}"));
        config.proxy_url = Some(proxy.with_context(place)?);
    }
    let mut token = TokenFile::default();
    // Never send credentials unencrypted.
    if config.cluster_url.scheme_str() == Some("https") {
        (config.auth_info, token) = credentials(user, &cluster).with_context(place)?;
    }
    Ok((config, token))
}

/// An address without a scheme means plain HTTP.
fn server(cluster: &Cluster) -> anyhow::Result<Uri> {
    let given = cluster
        .server
        .as_deref()
        .context("found no server in the cluster, expected https://HOST:PORT")?;
    let full = if given.contains("://") {
        given.to_owned()
    } else {
        format!("http://{given}")
    };
    let server: Uri = full
        .parse()
        .map_err(|error| anyhow!("server: found {given:?}, expected https://HOST:PORT: {error}"))?;
    ensure!(
        server.host().is_some() && matches!(server.scheme_str(), Some("https" | "http")),
        "server: found {given:?}, expected https://HOST:PORT"
    );
    Ok(server)
}

fn authority(cluster: &Cluster) -> anyhow::Result<Option<Vec<Vec<u8>>>> {
    let (pem, from) = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => {
            let pem = BASE64
                .decode(data.as_bytes())
                .context("certificate-authority-data: not base64")?;
            (pem, "certificate-authority-data".to_owned())
        }
        (None, Some(file)) => {
            let pem = fs::read(file).with_context(|| format!("certificate-authority: {file}"))?;
            (pem, format!("certificate-authority: {file}"))
        }
        (None, None) => return Ok(None),
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| anyhow!("{from}: not PEM: {error}"))?;
    ensure!(!certificates.is_empty(), "{from}: found no certificate in it");
    Ok(Some(
        certificates
            .into_iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
    ))
}

fn credentials(mut user: AuthInfo, cluster: &Cluster) -> anyhow::Result<(AuthInfo, TokenFile)> {
    let mut token = TokenFile::default();
    if let Some(file) = user.token_file.take() {
        match TokenFile::open((&file).into()) {
            Ok(open) => {
                token = open;
                user.token = None;
            }
            // The token is sufficient without the unusable credentials.
            Err(error) if user.token.is_none() => bail!("tokenFile: {file}: {error}"),
            Err(_) => {}
        }
    }
    if let Some(exec) = &mut user.exec
        && exec.provide_cluster_info
    {
        exec.cluster = Some(ExecAuthCluster::try_from(cluster)?);
    }
    Ok((user, token))
}
