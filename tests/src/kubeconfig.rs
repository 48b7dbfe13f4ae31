//! An identity at an API server as a kubeconfig file, for a client or kubectl.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig as Contents};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::assets;
use crate::process::random_suffix;
use crate::write::write_by_kubectl;

/// A kubeconfig file. Its creator keeps the folder.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    path: PathBuf,
}

/// The result of a person's command.
#[derive(Clone, Debug)]
pub struct Answer {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Kubeconfig {
    /// An existing file.
    pub fn existing(path: &Path) -> Result<Self> {
        let path = fs::canonicalize(path).with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
        Ok(Self { path })
    }

    /// `user` is the `user` object of a kubeconfig: a certificate and its key, or a token.
    pub(crate) fn write(path: PathBuf, cluster: &Value, user: &Value) -> Result<Self> {
        let contents = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": user}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
            "current-context": "tests",
        });
        // Written under another name first, because two tests may use the same account, and kubectl reads an empty file as no
        // cluster.
        let unfinished = path.with_extension(random_suffix());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .with_context(|| format!("cannot write {}", unfinished.display()))?;
        file.write_all(&serde_json::to_vec_pretty(&contents)?)?;
        fs::rename(&unfinished, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A client for each test, because its background tasks end with the runtime that created it.
    pub async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// The minor version of the cluster's Kubernetes 1.
    pub async fn minor(&self) -> Result<u32> {
        let version = self.client().await?.apiserver_version().await?;
        // Managed clusters may report `30+`.
        let minor = version.minor.trim_end_matches('+').parse();
        minor.with_context(|| format!("the API server calls itself {}", version.git_version))
    }

    /// A client that does not retry, so that the caller sees every failure.
    pub(crate) async fn client_without_retries(&self) -> Result<Client> {
        let mut config = self.config().await?;
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    async fn config(&self) -> Result<Config> {
        crate::install_crypto();
        let contents = Contents::read_from(&self.path)?;
        let mut config = Config::from_custom_kubeconfig(contents, &KubeConfigOptions::default()).await?;
        // A proxy in the environment must not be used for addresses of this computer.
        let host = config.cluster_url.host().and_then(|host| host.parse::<Ipv4Addr>().ok());
        if host.is_some_and(|address| address.is_loopback() || address.is_private()) {
            config.proxy_url = None;
        }
        Ok(config)
    }

    /// A kubeconfig in `directory` for a service account of the same cluster, with a token that is valid for ten hours.
    pub async fn for_service_account(&self, namespace: &str, name: &str, directory: &Path) -> Result<Self> {
        let token = self.token(namespace, name, vec![], 36_000).await?;
        let path = directory.join(format!("{namespace}.{name}.kubeconfig"));
        Self::write(path, &self.cluster()?, &json!({"token": token}))
    }

    /// A token of a service account for these audiences, or for the API server itself, with this lifetime in seconds.
    pub async fn token(&self, namespace: &str, name: &str, audiences: Vec<String>, seconds: i64) -> Result<String> {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences,
                expiration_seconds: Some(seconds),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let accounts = Api::<ServiceAccount>::namespaced(self.client().await?, namespace);
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await;
        let answer = answer.with_context(|| format!("no token for service account {namespace}/{name}"))?;
        let status = answer
            .status
            .context("the token request was answered without a token")?;
        Ok(status.token)
    }

    /// The `cluster` object of the current context, with its certificate authority included.
    fn cluster(&self) -> Result<Value> {
        let contents = Contents::read_from(&self.path)?;
        let context = contents.current_context.as_deref().unwrap_or_default();
        let named = contents
            .contexts
            .iter()
            .find(|named| named.name == context)
            .and_then(|named| named.context.clone());
        let cluster = named.map(|context| context.cluster).unwrap_or_default();
        let found = contents
            .clusters
            .into_iter()
            .find(|named| named.name == cluster)
            .and_then(|named| named.cluster);
        let mut found = found.with_context(|| format!("{} has no current cluster", self.path.display()))?;
        if let Some(file) = found.certificate_authority.take() {
            let file = self.path.parent().unwrap_or(Path::new("/")).join(file);
            found.certificate_authority_data = Some(data_encoding::BASE64.encode(&fs::read(file)?));
        }
        Ok(serde_json::to_value(found)?)
    }

    /// Runs kubectl with the kubeconfig files of a given `KUBECONFIG`.
    pub async fn of_environment(arguments: &[&str], kubeconfig: &OsStr) -> Result<String> {
        let mut command = tokio::process::Command::new(&assets::kubernetes()?.kubectl);
        command.args(arguments).env("KUBECONFIG", kubeconfig).kill_on_drop(true);
        let answer = Answer::from(output(command, "").await?);
        ensure!(answer.succeeded, "kubectl {}: {}", arguments.join(" "), answer.stderr);
        Ok(answer.stdout)
    }

    /// Runs kubectl as this identity and waits for it. A request that fails because another client has written the object in
    /// between is repeated, unless it names the object's version.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<Answer> {
        self.kubectl_in(Path::new("."), arguments, "").await
    }

    /// Runs kubectl as this identity in a folder, with text on standard input.
    pub async fn kubectl_in(&self, folder: &Path, arguments: &[&str], input: &str) -> Result<Answer> {
        if input.contains("resourceVersion") {
            return self.kubectl_once(folder, arguments, input).await;
        }
        write_by_kubectl(|| self.kubectl_once(folder, arguments, input)).await
    }

    async fn kubectl_once(&self, folder: &Path, arguments: &[&str], input: &str) -> Result<Answer> {
        let program = &assets::kubernetes()?.kubectl;
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env("KUBECONFIG", &self.path);
        // Its discovery cache is keyed by server address, and ports are reused.
        command.env("KUBECACHEDIR", self.path.with_extension("cache"));
        command.kill_on_drop(true);
        output(command, input)
            .await
            .with_context(|| format!("kubectl {}", arguments.join(" ")))
            .map(Answer::from)
    }

    /// Runs a kubectl command that must succeed. Returns its standard output.
    pub async fn kubectl_ok(&self, arguments: &[&str]) -> Result<String> {
        let answer = self.kubectl(arguments).await?;
        if !answer.succeeded {
            bail!(
                "kubectl {} failed: {}{}",
                arguments.join(" "),
                answer.stderr,
                answer.stdout
            );
        }
        Ok(answer.stdout)
    }
}

async fn output(mut command: tokio::process::Command, input: &str) -> Result<Output> {
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt;

    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes it early. Its result tells the rest.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    Ok(child.wait_with_output().await?)
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            succeeded: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
