//! The output for the person: numbered steps, commands as typed, and their results.

use std::io::{Stdout, Write, stdout};

pub struct Screen {
    step: u32,
    out: Stdout,
}

impl Screen {
    pub fn new() -> Self {
        Self { step: 0, out: stdout() }
    }

    pub fn step(&mut self, title: &str) {
        self.step += 1;
        self.print(&format!("\n{:>2}. {title}\n", self.step));
    }

    pub fn note(&self, text: &str) {
        self.print(&format!("    {text}\n"));
    }

    pub fn command(&self, command: &str) {
        self.print(&format!("    $ {command}\n"));
    }

    pub fn output(&self, text: &str) {
        for line in text.lines() {
            self.print(&format!("{}\n", format!("      {line}").trim_end()));
        }
    }

    /// The final line.
    pub fn last(&self, text: &str) {
        self.print(&format!("\n{text}\n"));
    }

    /// A closed output is no reason to stop, because the exit code still reports the result.
    fn print(&self, text: &str) {
        let mut out = &self.out;
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
