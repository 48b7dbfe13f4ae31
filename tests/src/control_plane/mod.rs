//! A real etcd, kube-apiserver and kube-controller-manager on loopback, for one test binary or one demo.

mod audit;
mod outage;
pub(crate) mod pki;
mod programs;

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use data_encoding::BASE64;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

pub use audit::Request;
use pki::{Authority, Identity};

use crate::assets;
use crate::kubeconfig::Kubeconfig;
use crate::process::{Directory, Port, Process, random_suffix};

/// The addresses of Services.
pub const SERVICES: &str = "10.0.0.0/24";

const READY_WITHIN: Duration = Duration::from_secs(90);

/// How often another port is tried if another program has taken a port that was free before.
const PORTS_TRIED: u32 = 5;

/// The programs end, and the folder is removed, when this value is dropped or its process ends in any way. Fields are in the
/// order in which they end: kube-apiserver hangs if its etcd ends first.
pub struct ControlPlane {
    controller_manager: Process,
    apiserver: Mutex<Process>,
    etcd: Mutex<Process>,
    directory: Directory,
    _port: Port,
    address: SocketAddrV4,
    admin: Kubeconfig,
    authority: Authority,
    /// The `cluster` object of its kubeconfigs.
    cluster: Value,
    users: AtomicU32,
}

impl ControlPlane {
    /// The control plane that all tests of a test binary share. It ends with the test binary.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Starts a control plane and waits until it is ready, which takes about three seconds.
    ///
    /// # Errors
    /// With the last lines of the log of the program that did not become ready.
    pub async fn start() -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// Starts a control plane at this address, which pods can reach unless it is a loopback address.
    pub async fn start_at(ip: Ipv4Addr) -> Result<Self> {
        // The first build takes minutes and must not block the runtime.
        let programs = tokio::task::spawn_blocking(assets::kubernetes).await??;
        let directory = Directory::new()?;
        let authority = Authority::new()?;
        write_certificates(directory.path(), &authority, ip)?;
        let mut etcd = programs::etcd(programs, &directory)?;
        for _ in 0..PORTS_TRIED {
            let port = Port::reserve()?;
            let address = SocketAddrV4::new(ip, port.number());
            let cluster = json!({
                "server": format!("https://{address}"),
                "certificate-authority-data": BASE64.encode(authority.certificate.as_bytes()),
            });
            let kubeconfig = |name: &str, user: &str, groups: &[&str]| {
                let path = directory.path().join(format!("{name}.kubeconfig"));
                Kubeconfig::write(path, &cluster, &authority.user(user, groups)?.kubeconfig_user())
            };
            let admin = kubeconfig("admin", "admin", &["system:masters"])?;
            kubeconfig("kube-controller-manager", "system:kube-controller-manager", &[])?;
            let mut apiserver = programs::kube_apiserver(programs, directory.path(), etcd.lifeline(), address)?;
            if let Err(error) = ready(&admin, &mut [&mut etcd, &mut apiserver]).await {
                if error.to_string().contains("address already in use") {
                    continue;
                }
                return Err(error);
            }
            let controller_manager =
                programs::kube_controller_manager(programs, directory.path(), apiserver.lifeline())?;
            let users = AtomicU32::new(0);
            return Ok(Self {
                controller_manager,
                apiserver: Mutex::new(apiserver),
                etcd: Mutex::new(etcd),
                directory,
                _port: port,
                address,
                admin,
                authority,
                cluster,
                users,
            });
        }
        bail!("kube-apiserver found its port taken {PORTS_TRIED} times")
    }

    /// A member of the group `system:masters`, which may do everything.
    pub fn admin(&self) -> &Kubeconfig {
        &self.admin
    }

    /// Its address, `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// An admin's client for the calling test.
    pub async fn client(&self) -> Result<Client> {
        self.admin.client().await
    }

    /// The minor version of its Kubernetes 1.
    pub async fn minor(&self) -> Result<u32> {
        self.admin.minor().await
    }

    /// A kubeconfig for a person with a client certificate and at most two groups.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<Kubeconfig> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.path().join(format!("user-{number}.kubeconfig"));
        Kubeconfig::write(
            path,
            &self.cluster,
            &self.authority.user(name, groups)?.kubeconfig_user(),
        )
    }

    /// A kubeconfig with a token for an existing service account.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Kubeconfig> {
        self.admin
            .for_service_account(namespace, name, self.directory.path())
            .await
    }

    /// Creates a service account.
    pub async fn create_account(&self, namespace: &str, name: &str) -> Result<()> {
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        Api::namespaced(self.client().await?, namespace)
            .create(&PostParams::default(), &account)
            .await?;
        Ok(())
    }

    /// A token of a service account for this audience, as in a projected volume: valid for an hour.
    pub async fn token(&self, namespace: &str, name: &str, audience: &str) -> Result<String> {
        self.admin
            .token(namespace, name, vec![audience.to_owned()], 3_600)
            .await
    }

    /// Creates a namespace for the calling test, and returns its name.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", random_suffix());
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        Api::all(self.client().await?)
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(name)
    }

    /// Every request by people, service accounts and this workspace's programs so far, in order.
    pub fn requests(&self) -> Result<Vec<Request>> {
        audit::read(&self.directory.path().join("audit.log"))
    }

    /// Number of requests by `user` with this verb on this resource, such as `patch` on `deployments`.
    pub fn count(&self, user: &str, verb: &str, resource: &str) -> Result<usize> {
        let asked =
            |request: &&Request| request.user() == user && request.verb == verb && request.resource() == resource;
        Ok(self.requests()?.iter().filter(asked).count())
    }

    /// Denied requests of `user` outside the namespace `but`.
    pub fn denied(&self, user: &str, but: Option<&str>) -> Result<Vec<String>> {
        let denied = self.requests()?.into_iter().filter(|request| {
            request.user() == user && request.code() == Some(403) && Some(request.namespace()) != but
        });
        Ok(denied
            .map(|request| format!("{} {}", request.verb, request.uri))
            .collect())
    }

    /// For files that are removed with the control plane: logs, kubeconfigs.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The process ids of etcd, kube-apiserver and kube-controller-manager.
    pub fn pids(&self) -> [u32; 3] {
        let pid = |process| outage::lock(process).pid();
        [pid(&self.etcd), pid(&self.apiserver), self.controller_manager.pid()]
    }
}

impl Identity {
    fn kubeconfig_user(&self) -> Value {
        json!({
            "client-certificate-data": BASE64.encode(self.certificate.as_bytes()),
            "client-key-data": BASE64.encode(self.key.as_bytes()),
        })
    }
}

fn write_certificates(directory: &Path, authority: &Authority, address: Ipv4Addr) -> Result<()> {
    let server = authority.server(address)?;
    let to_kubelets = authority.user("kube-apiserver", &["system:masters"])?;
    let tokens = KeyPair::generate()?;
    let files = [
        ("ca.crt", authority.certificate.as_str()),
        ("ca.key", &authority.key),
        ("kube-apiserver.crt", &server.certificate),
        ("kube-apiserver.key", &server.key),
        ("kubelet-client.crt", &to_kubelets.certificate),
        ("kubelet-client.key", &to_kubelets.key),
        ("service-account.key", &tokens.serialize_pem()),
        ("service-account.pub", &tokens.public_key_pem()),
        ("audit-policy.yaml", include_str!("audit-policy.yaml")),
    ];
    for (name, contents) in files {
        fs::write(directory.join(name), contents).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// Waits for `/readyz`, as long as these programs run.
async fn ready(admin: &Kubeconfig, programs: &mut [&mut Process]) -> Result<()> {
    let client = admin.client().await?;
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        for program in &mut *programs {
            program.still_runs()?;
        }
        let request = http::Request::get("/readyz").body(Vec::new())?;
        match timeout(Duration::from_secs(5), client.request_text(request)).await {
            Ok(Ok(answer)) if answer == "ok" => return Ok(()),
            _ if Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            _ => bail!(
                "kube-apiserver is not ready after {READY_WITHIN:?}:\n{}",
                programs.last().map(|program| program.last_lines()).unwrap_or_default()
            ),
        }
    }
}
