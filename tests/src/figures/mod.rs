//! Figures of README and pages: what benches and soak have printed is kept in one file, and pages have it from there.

mod blocks;
mod cell;
mod file;
mod parts;
mod tables;

pub use blocks::{pages, write};
pub use file::{File, Part, path};
pub use parts::{PARTS, Program, of};
pub use tables::{Table, tables};
