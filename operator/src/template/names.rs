//! Names derived from the Deployment's.

use crds::names::FIELD_MANAGER;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Marks the operator's Services, so that only those are watched.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", FIELD_MANAGER);

/// Name of the signer's management port in its container.
pub const MANAGEMENT_PORT: &str = "signer-mgmt";

/// Leaves room for `-signer` within the 63 characters of a DNS label.
const LONGEST: usize = 56;

/// The value of the operator's pod label: the Deployment's name if it is a DNS label (RFC 1035) of at most 56 characters,
/// otherwise its beginning and a hash. A Deployment may have a longer name, or one with dots.
pub fn short_name(deployment: &str) -> String {
    if deployment.len() <= LONGEST && is_dns_label(deployment) {
        return deployment.to_owned();
    }
    let digest = HEXLOWER.encode(&Sha256::digest(deployment));
    let mut beginning = deployment.replace('.', "-");
    // A Service's name begins with a letter; a Deployment's may begin with a digit.
    if beginning.starts_with(|first: char| first.is_ascii_digit()) {
        beginning.insert(0, 'd');
    }
    beginning.truncate(47);
    format!("{beginning}-{}", &digest[..8])
}

/// The name of the Service of a Deployment.
pub fn service_name(deployment: &str) -> String {
    format!("{}-signer", short_name(deployment))
}

fn is_dns_label(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_name_that_fits_and_shortens_one_that_does_not() {
        assert_eq!(service_name("atto-voter"), "atto-voter-signer");
        assert_eq!(short_name(&"a".repeat(56)), "a".repeat(56));
        for long in [
            "a".repeat(57),
            "a.b".to_owned(),
            "0-voter".to_owned(),
            "a.".repeat(100) + "z",
        ] {
            let service = service_name(&long);
            assert!(service.len() <= 63 && is_dns_label(&service), "{long} gives {service}");
        }
        assert_eq!(&short_name("a.b")[..4], "a-b-");
        assert_ne!(
            short_name("a.b"),
            short_name("a-b"),
            "two Deployments never share a Service"
        );
    }
}
