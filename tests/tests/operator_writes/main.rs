//! How often the operator writes: where it is refused, and where what it reports flaps.

mod cases;
mod flapping;
mod refusing;
