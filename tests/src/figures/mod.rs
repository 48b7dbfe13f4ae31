//! Figures in README and pages: the output of benches and soak is kept in one file, from which the pages are written.

mod blocks;
mod cell;
mod file;
mod parts;
mod tables;

pub use blocks::{pages, write};
pub use file::{File, Part, path};
pub use parts::{PARTS, Program, of};
pub use tables::{Table, tables};
