//! Infrastructure of the tests and the demo: a real control plane, the real programs, and functions that wait.

pub mod assets;
pub mod bench;
pub mod chart;
pub mod control_plane;
pub mod demo;
pub mod docs;
pub mod e2e;
pub mod eventually;
pub mod everyday;
pub mod fake_kms;
pub mod fake_metadata;
pub mod fake_server;
pub mod fake_sts;
pub mod faulty_api;
pub mod figures;
pub mod helm;
pub mod hold;
pub mod images;
pub mod key_front;
pub mod key_services;
pub mod kubeconfig;
pub mod metrics;
pub mod ministack;
pub mod monitoring;
pub mod node;
pub mod node_client;
pub mod openbao;
pub mod operated;
pub mod operator_process;
pub mod oracle;
pub mod platform;
pub mod plugin;
pub mod pods;
pub mod preview;
pub mod process;
pub mod procfs;
pub mod reference;
pub mod replica_sets;
pub mod shape;
pub mod signer_process;
pub mod simulated;
pub mod simulation;
pub mod soak;
pub mod sockets;
pub mod version;
pub mod waiting_signer;
pub mod words;
pub mod workflows;
pub mod workspace;
pub mod write;

pub use control_plane::ControlPlane;
pub use eventually::eventually;
pub use helm::helm;
pub use kubeconfig::Kubeconfig;

/// Installs the TLS provider of the process, on the first call.
pub fn install_crypto() {
    // An error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
