//! The only layer of an image.

use std::io::Write;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::{Image, certificates};

/// The program at the root, and the certificates at the default path of TLS libraries.
pub fn tar(image: &Image, program: &[u8]) -> Result<Vec<u8>> {
    let Image {
        name, epoch, additions, ..
    } = image;
    let mut archive = Builder::new(vec![]);
    let mut add = |path: &str, kind: EntryType, mode: u32, bytes: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(epoch.unsigned_abs());
        header.set_size(bytes.len() as u64);
        // Independent of the user who builds. Zero is root, the only user who could write.
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, bytes)
    };
    for directory in ["etc/", "etc/ssl/", "etc/ssl/certs/"] {
        add(directory, EntryType::Directory, 0o755, &[])?;
    }
    let authorities = certificates::bundle() + &additions.authority;
    add(certificates::PATH, EntryType::Regular, 0o644, authorities.as_bytes())?;
    add(name, EntryType::Regular, 0o755, program)?;
    for (path, library) in &additions.libraries {
        add(path, EntryType::Regular, 0o755, library)?;
    }
    Ok(archive.into_inner()?)
}

/// Without a name and a time in its header.
pub fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(vec![], Compression::best());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}
