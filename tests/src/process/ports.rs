//! Loopback ports that no other process of these tests uses at the same time.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use anyhow::{Result, bail};

use crate::assets;

/// Below the range of the system's ports for outgoing connections.
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// A port that was free when it was reserved. The reservation keeps it from other processes of these tests until it is dropped.
/// Another program can still take it, so the start of its listener must be checked.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reservation: File,
}

impl Port {
    pub fn reserve() -> Result<Self> {
        let random = RandomState::new();
        for attempt in 0..1_000_u32 {
            let span = u64::from(RANGE.end - RANGE.start);
            let number = RANGE.start + u16::try_from(random.hash_one(attempt) % span).unwrap_or_default();
            if let Some(port) = Self::reserve_exactly(number)? {
                return Ok(port);
            }
        }
        bail!(
            "no free loopback port between {} and {} in 1000 attempts",
            RANGE.start,
            RANGE.end
        )
    }

    /// This port, if it is free.
    pub fn reserve_exactly(number: u16) -> Result<Option<Self>> {
        let reservations = assets::cache_root()?.join("ports");
        fs::create_dir_all(&reservations)?;
        let reservation = File::create(reservations.join(number.to_string()))?;
        let is_ours = reservation.try_lock().is_ok() && is_free(number);
        Ok(is_ours.then_some(Self {
            number,
            _reservation: reservation,
        }))
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

fn is_free(number: u16) -> bool {
    let taken = |bound: io::Result<TcpListener>| bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    !taken(TcpListener::bind((Ipv4Addr::LOCALHOST, number))) && !taken(TcpListener::bind((Ipv6Addr::LOCALHOST, number)))
}
