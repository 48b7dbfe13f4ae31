//! The namespace's admission of pods: Pod Security, quotas, limits, policies and webhooks.

mod refused;
mod restricted;
mod support;
mod trial;
