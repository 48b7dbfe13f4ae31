//! Builds what is missing of etcd, Kubernetes, Helm with the programs that check its charts, and promtool, and prints where they are.

use std::process::ExitCode;

use anyhow::Result;
use tests::assets;

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<()> {
    let kubernetes = assets::kubernetes()?;
    let programs = [
        &kubernetes.etcd,
        &kubernetes.kube_apiserver,
        &kubernetes.kube_controller_manager,
        &kubernetes.kubectl,
        assets::helm()?,
        assets::helm_unittest()?,
        assets::helm_docs()?,
        assets::kubeconform()?,
        assets::promtool()?,
    ];
    for program in programs {
        println!("{}", program.display());
    }
    Ok(())
}
