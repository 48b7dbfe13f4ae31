//! Downloads or builds missing programs of etcd, Kubernetes, Helm with its chart checkers, and promtool, and prints their
//! folders. With `demo`: only those for `make demo`.

use std::process::ExitCode;

use anyhow::Result;
use tests::assets;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let found = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => of_the_demo().and_then(|()| of_the_tests()),
        ["demo"] => of_the_demo(),
        _ => {
            eprintln!("Arguments: found {arguments:?}, expected none, or demo");
            return ExitCode::from(64);
        }
    };
    match found {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn of_the_demo() -> Result<()> {
    let kubernetes = assets::kubernetes()?;
    for program in [
        &kubernetes.etcd,
        &kubernetes.kube_apiserver,
        &kubernetes.kube_controller_manager,
        &kubernetes.kubectl,
        assets::helm()?,
    ] {
        println!("{}", program.display());
    }
    Ok(())
}

fn of_the_tests() -> Result<()> {
    for program in [
        assets::helm_unittest()?,
        assets::helm_docs()?,
        assets::kubeconform()?,
        assets::promtool()?,
    ] {
        println!("{}", program.display());
    }
    Ok(())
}
