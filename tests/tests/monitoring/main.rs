//! Dashboards and alerts name existing metrics, the alerts fire when they should, and each has its section.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod alerts;
mod dashboards;
mod names;
mod scraping;
mod shown;
