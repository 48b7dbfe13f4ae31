use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The destination of lines.
pub enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Sink {
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        Ok(match path {
            None => Self::Stdout,
            Some(path) => Self::File {
                path: path.to_owned(),
                file: append(path)?,
            },
        })
    }

    /// Writes whole lines, or nothing.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines)?;
                stdout.flush()
            }
            Self::File { path, file } => {
                let open = file.metadata()?;
                // The file was moved away, for example by log rotation.
                if !std::fs::metadata(&*path).is_ok_and(|found| is_same(&found, &open)) {
                    *file = append(path)?;
                }
                let before = file.metadata()?;
                file.write_all(lines).inspect_err(|_| {
                    // An incomplete line would make the next one unreadable. If this fails too, the error is the same.
                    if before.is_file() {
                        let _ = file.set_len(before.len());
                    }
                })
            }
        }
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    one.dev() == other.dev() && one.ino() == other.ino()
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl fmt::Display for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => formatter.write_str("the standard output stream"),
            Self::File { path, .. } => write!(formatter, "ATTO_SIGNER_AUDIT_FILE ({})", path.display()),
        }
    }
}
