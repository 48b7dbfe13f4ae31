//! Builds what is missing of etcd, Kubernetes and Helm, and prints where they are.

use std::process::ExitCode;

use tests::assets;

fn main() -> ExitCode {
    match assets::kubernetes().and_then(|kubernetes| Ok((kubernetes, assets::helm()?))) {
        Ok((kubernetes, helm)) => {
            let programs = [
                &kubernetes.etcd,
                &kubernetes.kube_apiserver,
                &kubernetes.kube_controller_manager,
                &kubernetes.kubectl,
                helm,
            ];
            for program in programs {
                println!("{}", program.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
