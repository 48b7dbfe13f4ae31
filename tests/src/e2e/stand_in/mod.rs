//! Stand-ins that run in pods: for Atto's node and Google's services. Each is a program of its own in `src/bin`.

mod answer;
pub mod google;
pub mod node;
