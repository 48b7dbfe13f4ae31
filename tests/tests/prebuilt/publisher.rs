//! A server on loopback with the files of the pins, and with faults.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// The result of a request for an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    /// Other bytes of the same number.
    Wrong,
    /// Half of them, and the end of the connection.
    Truncated,
    Silent,
}

pub struct Publisher {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

impl Publisher {
    /// Serves these files, by path, until the test's process ends.
    pub fn start(files: BTreeMap<String, Vec<u8>>, mood: Mood) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, files) = (Arc::clone(&requests), Arc::new(files));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let files = Arc::clone(&files);
                // A client that disconnects is not an error.
                thread::spawn(move || answer(connection, &files, mood).ok());
            }
        });
        Ok(Self { url, requests })
    }

    /// Connections up to now.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(mut connection: TcpStream, files: &BTreeMap<String, Vec<u8>>, mood: Mood) -> Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let Some(file) = files.get(path) else {
        connection.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        return Ok(());
    };
    if mood == Mood::Silent {
        thread::sleep(Duration::from_mins(5));
        return Ok(());
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        file.len()
    );
    connection.write_all(head.as_bytes())?;
    let mut body = file.clone();
    match mood {
        Mood::Wrong => body.fill(b'x'),
        Mood::Truncated => body.truncate(file.len() / 2),
        Mood::Good | Mood::Silent => {}
    }
    Ok(connection.write_all(&body)?)
}
