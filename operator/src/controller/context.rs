//! What a reconcile needs. Only the driver and the commands see it whole; each step gets its part.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::apply::Writer;
use super::observe::Sources;
use super::schedule::Schedule;
use crate::cluster::stores::Stores;
use crate::model::settings::Settings;
use crate::telemetry::Metrics;

/// What a reconcile needs.
#[derive(Clone)]
pub struct Context {
    pub stores: Stores,
    pub sources: Sources,
    pub writer: Writer,
    pub schedule: Schedule,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    /// Set once the operator is to end.
    pub stopping: Arc<AtomicBool>,
}

impl Context {
    /// Nothing is remembered yet, except for the schedule.
    pub fn new(sources: Sources, writer: Writer, schedule: Schedule, settings: Settings) -> Self {
        Self {
            stores: sources.stores.clone(),
            metrics: writer.metrics.clone(),
            settings: Arc::new(settings),
            sources,
            writer,
            schedule,
            stopping: Arc::default(),
        }
    }
}
