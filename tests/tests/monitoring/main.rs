//! What dashboards and alerts name is what the programs show, the alerts fire when they should, and each has its page.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod alerts;
mod dashboards;
mod names;
mod scraping;
mod shown;
