//! Builds what is missing of etcd, Kubernetes, Helm and promtool, and prints where they are.

use std::process::ExitCode;

use tests::assets;

fn main() -> ExitCode {
    let built = assets::kubernetes().and_then(|kubernetes| Ok((kubernetes, assets::helm()?, assets::promtool()?)));
    match built {
        Ok((kubernetes, helm, promtool)) => {
            let programs = [
                &kubernetes.etcd,
                &kubernetes.kube_apiserver,
                &kubernetes.kube_controller_manager,
                &kubernetes.kubectl,
                helm,
                promtool,
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
