//! Heap calls per request, counted in the server. Unlike times, they are the same on every computer.

use anyhow::Result;

use super::load::{self, Connections};
use super::rounds::Ballot;
use super::row;
use super::server::Server;

const WARM_UP: u64 = 500;
const REQUESTS: u64 = 4_000;

/// Heap calls per request.
pub struct Heap {
    kept: f64,
    new: f64,
}

impl Heap {
    /// Measures the heap calls of the signer, and of the bare server.
    pub fn measure() -> Result<[Self; 2]> {
        let (mut signer, mut bare) = (Server::counted_local()?, Server::counted_bare()?);
        let mut votes = Ballot::of(load::public_key(signer.port())?);
        Ok([Self::of(&mut signer, &mut votes)?, Self::of(&mut bare, &mut votes)?])
    }

    fn of(server: &mut Server, votes: &mut Ballot) -> Result<Self> {
        let mut each = |connections| {
            load::run(server.port(), &votes.take(WARM_UP), connections)?;
            let before = server.heap_calls()?;
            load::run(server.port(), &votes.take(REQUESTS), connections)?;
            anyhow::Ok(per_request(server.heap_calls()? - before))
        };
        Ok(Self {
            kept: each(Connections::Kept)?,
            new: each(Connections::New)?,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousand calls")]
fn per_request(calls: u64) -> f64 {
    calls as f64 / REQUESTS as f64
}

/// A heading and a row for each way of connecting.
pub fn rows([signer, bare]: &[Heap; 2]) -> Vec<Vec<String>> {
    let line = |what: &str, signer: f64, bare: f64, most: &str| {
        row([
            what,
            &format!("{signer:.1}"),
            &format!("{bare:.1}"),
            &format!("at most {most}"),
        ])
    };
    vec![
        row(["heap calls of a request", "signer, audit off", "bare", "aim"]),
        line("keep-alive", signer.kept, bare.kept, "15"),
        line("one connection per request", signer.new, bare.new, "27"),
    ]
}
