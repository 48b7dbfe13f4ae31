//! What stands between a pod template and its pods: Pod Security, quotas, limits, policies and webhooks of the namespace.

mod refused;
mod restricted;
mod support;
mod trial;
