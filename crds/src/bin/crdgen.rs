//! Writes the manifest of the CustomResourceDefinition to the files that contain it.

use std::path::Path;
use std::process::ExitCode;

/// Relative to the root of the workspace. The chart needs a copy, because Helm reads only files of its own chart.
const COPIES: [&str; 2] = [
    "crds/signerbindings.yaml",
    "charts/signer-operator/files/signerbindings.yaml",
];

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = match crds::manifest::render() {
        Ok(text) => text,
        Err(error) => {
            eprintln!("crdgen: the types do not serialise: {error}");
            return ExitCode::FAILURE;
        }
    };
    for copy in COPIES {
        let path = root.join(copy);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, &text));
        if let Err(error) = written {
            eprintln!("crdgen: cannot write {copy}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{copy}");
    }
    ExitCode::SUCCESS
}
