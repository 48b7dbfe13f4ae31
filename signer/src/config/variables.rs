use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
};

use super::secrets::{SECRETS, Secret};

const PREFIX: &str = "ATTO_SIGNER_";
const NODE_PREFIX: &str = "ATTO_SIGNER_REMOTE_";

/// A warning for each unknown variable with the signer's prefix, which is usually a typing error.
pub fn unknown_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
    command: &clap::Command,
) -> Vec<String> {
    let secrets = SECRETS.iter().map(|(_, variable)| OsStr::new(*variable));
    let known = command.get_arguments().filter_map(clap::Arg::get_env);
    let known: BTreeSet<_> = known.chain(secrets).collect();
    let mut unknown: Vec<String> = variables
        // Every value of the environment passes through here, including secrets.
        .map(|(name, value)| (name, Secret::from(value)))
        .filter(|(name, _)| !known.contains(name.as_os_str()))
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(NODE_PREFIX))
        .filter(|(name, value)| !is_service_link(name, &value.as_os_str().to_string_lossy()))
        .map(|(name, _)| {
            format!("{name}: the signer knows no such variable and ignores it; `signer --help` lists those it knows")
        })
        .collect();
    unknown.sort_unstable();
    unknown
}

/// Whether Kubernetes set this variable for a Service whose name starts with `atto-signer`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = name.ends_with("_PORT") && value.contains("://");
    let is_service =
        name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_");
    let is_detail = name.split("_PORT_").skip(1).any(|rest| {
        let digits = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        digits.len() < rest.len()
            && ["_TCP", "_UDP", "_SCTP"]
                .iter()
                .any(|protocol| digits.starts_with(protocol))
    });
    is_port || is_service || is_detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_else_explains_is_warned_about() {
        let silent = [
            ("ATTO_SIGNER_PORT", "9090"),
            ("ATTO_SIGNER_POLICY_NETWORKS", "LIVE"),
            ("ATTO_SIGNER_REMOTE_URL", "http://localhost:9090"),
            ("ATTO_SIGNER_SERVICE_HOST", "10.0.0.1"),
            ("ATTO_SIGNER_SERVICE_PORT", "9090"),
            ("ATTO_SIGNER_SERVICE_PORT_HTTP", "9090"),
            ("ATTO_SIGNER_PORT_9090_TCP", "tcp://10.0.0.1:9090"),
            ("ATTO_SIGNER_PORT_9090_TCP_ADDR", "10.0.0.1"),
            ("ATTO_SIGNER_VOTER_PORT", "tcp://10.0.0.1:9090"),
            ("ATTO_SIGNER_VOTER_PORT_9091_UDP_PROTO", "udp"),
            ("ATTO_DB_HOST", "x"),
        ];
        let told = ["ATTO_SIGNER_CAPABILITY", "ATTO_SIGNER_PORTS", "ATTO_SIGNER_VOTER_PORT"];
        let variables = silent.into_iter().chain(told.map(|name| (name, "1")));
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let names: Vec<String> = unknown_variables(variables, &super::super::arguments::command())
            .into_iter()
            .filter_map(|line| line.split(':').next().map(str::to_owned))
            .collect();
        assert_eq!(names, told);
    }
}
