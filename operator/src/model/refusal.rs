//! The API server's refusal of a pod, and how to fix it.

use super::text::one_line;

/// The API server names each container and each rule. A status has less room.
const LONGEST: usize = 1024;

/// The text without the generated name of the pod. It would differ each time, and an unchanged status is not written.
pub fn reason(text: &str) -> String {
    let of_pod = ["pods \"", "Pod \""].iter().find_map(|begin| text.strip_prefix(begin));
    let behind = |said: &str| Some(of_pod?.split_once(said)?.1.trim_start_matches(": "));
    let told = behind("\" is forbidden: ").or_else(|| behind("\" is invalid: "));
    one_line(told.unwrap_or(text), LONGEST)
}

/// The part of the text that does not change while the cause is the same. The numbers of a quota depend on other users.
pub fn cause(text: &str) -> &str {
    text.split(", requested: ").next().unwrap_or(text)
}

/// Text that identifies a cause, with its remedy. The first match counts.
const REMEDIES: [(&[&str], &str); 9] = [
    (
        &["must specify "],
        "Set what it requires for init container signer in spec.signer.resources of the SignerBinding, or give the namespace a LimitRange with defaults",
    ),
    (
        &["exceeded quota"],
        "Raise that ResourceQuota by what the signer requests, or request less in spec.signer.resources of the SignerBinding",
    ),
    (
        &["violates PodSecurity"],
        "The signer itself meets the level restricted: set what is missing in the pod and the containers that the message names, in the manifest of the Deployment",
    ),
    (
        &[
            "security context constraint",
            "runAsUser",
            "runAsGroup",
            "must be in the ranges",
            "MustRunAs",
        ],
        "Where the platform chooses user and group, as OpenShift does, set spec.signer.securityContext: {} in the SignerBinding",
    ),
    (
        &["aggregate container", "pod limits", "pod requests"],
        "Raise spec.template.spec.resources of the Deployment, or request less in spec.signer.resources of the SignerBinding",
    ),
    (
        &["usage per", "limit to request ratio", "must be less than or equal to"],
        "Set spec.signer.resources of the SignerBinding to what the LimitRange of the namespace allows",
    ),
    (
        &["error looking up service account"],
        "Create that ServiceAccount, or name another one in spec.template.spec.serviceAccountName",
    ),
    (
        &["would start without its signer"],
        "A webhook or a policy rewrites the pods of this namespace: make an exception for this one there",
    ),
    (
        &["image"],
        "Allow the signer's image there, or name an allowed copy of it in spec.signer.image of the SignerBinding",
    ),
];

/// The setting or change that fixes the cause of this refusal.
pub fn remedy(text: &str) -> &'static str {
    let fits = |causes: &[&str]| causes.iter().any(|cause| text.contains(cause));
    let found = REMEDIES.iter().find(|(causes, _)| fits(causes));
    found.map_or(
        "Make an exception for this pod where it is refused, or set spec.signer.resources, spec.signer.securityContext or spec.signer.image of the SignerBinding so that it fits",
        |(_, remedy)| remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_pod_is_left_out() {
        let quota = "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1";
        assert_eq!(reason(&format!("pods \"voter-x7k2p\" is forbidden: {quota}")), quota);
        assert_eq!(
            reason("pods \"voter-x7k2p\" is invalid: : ValidatingAdmissionPolicy 'a'"),
            "ValidatingAdmissionPolicy 'a'"
        );
        assert_eq!(cause(quota), "exceeded quota: small");
        assert_eq!(
            reason("admission webhook \"a\" denied the request: no\u{1b}[2J"),
            "admission webhook \"a\" denied the request: no[2J"
        );
    }

    #[test]
    fn each_kind_of_refusal_names_what_to_set() {
        for (text, expected) in [
            (
                "failed quota: q: must specify limits.cpu for: signer",
                "spec.signer.resources",
            ),
            (
                "exceeded quota: q, requested: limits.memory=2Gi, used: limits.memory=1Gi, limited: limits.memory=2Gi",
                "ResourceQuota",
            ),
            (
                "unable to validate against any security context constraint: [provider restricted-v2: .initContainers[0].runAsUser: Invalid value: 65532: must be in the ranges: [1000680000, 1000689999]]",
                "spec.signer.securityContext: {}",
            ),
            (
                "violates PodSecurity \"restricted:latest\": runAsNonRoot != true (container \"node\" must set securityContext.runAsNonRoot=true)",
                "manifest of the Deployment",
            ),
            (
                "minimum cpu usage per Container is 100m, but request is 50m",
                "LimitRange",
            ),
            (
                "error looking up service account atto/voter: serviceaccount \"voter\" not found",
                "ServiceAccount",
            ),
            ("something else", "exception"),
        ] {
            assert!(remedy(text).contains(expected), "{text}: {}", remedy(text));
        }
    }
}
