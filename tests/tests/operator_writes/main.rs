//! The number of the operator's writes if they are refused, or if the reported state flaps.

mod cases;
mod flapping;
mod refusing;
