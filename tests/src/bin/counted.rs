//! A benchmark server whose heap calls are counted: `signer`, with its settings in the environment, or `bare PORT`. It answers
//! each line on standard input with the number so far.

use std::alloc::System;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tests::bench;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    thread::spawn(tell);
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["signer"] => signer::cli::run(["signer".into()]),
        ["bare", port] => match port.parse().map(bench::serve_bare) {
            Ok(Ok(())) => ExitCode::SUCCESS,
            other => {
                eprintln!("bare {port}: {other:?}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("takes `signer`, or `bare PORT`");
            ExitCode::FAILURE
        }
    }
}

fn tell() -> io::Result<()> {
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        let stats = HEAP.stats();
        println!("{}", stats.allocations + stats.reallocations);
        io::stdout().flush()?;
    }
    Ok(())
}
