//! Downloads or builds what is missing of etcd, Kubernetes, Helm with the programs that check its charts, and promtool, and prints
//! where they are. With `demo`: only what `make demo` needs.

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
