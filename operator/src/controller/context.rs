//! Dependencies of a reconcile. Only the driver and the commands see the whole; each step gets a part.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::apply::Writer;
use super::observe::Sources;
use super::schedule::Schedule;
use crate::cluster::stores::Stores;
use crate::model::settings::Settings;
use crate::telemetry::Metrics;

/// Dependencies of a reconcile.
#[derive(Clone)]
pub struct Context {
    pub stores: Stores,
    pub sources: Sources,
    pub writer: Writer,
    pub schedule: Schedule,
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    /// Set when the operator is stopping.
    pub stopping: Arc<AtomicBool>,
}

impl Context {
    /// A context with empty caches, except for the schedule.
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
