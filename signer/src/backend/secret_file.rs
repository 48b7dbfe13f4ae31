//! Reads a small secret, such as a token, from a file that another program writes.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

/// The maximum length of the file, in bytes.
const MAX_LENGTH: u64 = 16 * 1024;
const ROOM: usize = 16 * 1024 + 1;

/// The whole text, or a description of what was found instead. Blocks.
pub fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let unreadable = |error: io::Error| format!("nothing readable ({error})");
    // Opening a pipe may never return.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("something other than a file".to_owned());
    }
    // Allocated at full length, because growing would leave copies behind that are not wiped.
    let mut text = Zeroizing::new(String::with_capacity(ROOM));
    // Reads one byte more than allowed, to detect a longer file.
    let read = File::open(path).and_then(|file| file.take(ROOM as u64).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > MAX_LENGTH => Err("more than 16 KiB".to_owned()),
        Ok(_) if text.trim_ascii().is_empty() => Err("an empty file".to_owned()),
        Ok(_) => Ok(text),
        Err(error) => Err(unreadable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let directory = std::env::temp_dir().join(format!("atto-signer-secret-file-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("token");
        let found = |text: &[u8]| {
            fs::write(&file, text).unwrap();
            read(&file)
        };
        assert!(read(&file).unwrap_err().contains("No such file"));
        assert_eq!(read(&directory).unwrap_err(), "something other than a file");
        assert_eq!(found(b" a token\n").unwrap().as_str(), " a token\n");
        assert_eq!(found(b" \n").unwrap_err(), "an empty file");
        assert_eq!(found(&vec![b'x'; ROOM]).unwrap_err(), "more than 16 KiB");
        assert!(found(&vec![b'x'; ROOM - 1]).is_ok());
        assert!(found(&[0xFF]).unwrap_err().contains("UTF-8"));
        fs::remove_dir_all(&directory).unwrap();
    }
}
