//! The addresses of KMS and STS. The SDK knows them, unless its own variables set others.

use super::{arn::is_region, environment::Environment, key_arn::KeyArn};
use crate::{
    backend::address::{Address, EXPECTED, shown},
    settings::{ConfigError, Errors},
};

const KMS: &str = "AWS_ENDPOINT_URL_KMS";
const STS: &str = "AWS_ENDPOINT_URL_STS";
const ALL: &str = "AWS_ENDPOINT_URL";
const NONE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// The addresses of the services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Endpoint of KMS instead of the default one in the key's Region, for example a VPC endpoint.
    pub kms: Option<String>,
    /// Endpoint of STS instead of the default one in the key's Region.
    pub sts: Option<String>,
    /// Whether the endpoints with FIPS-validated cryptography are used.
    pub is_fips: bool,
    /// Whether the dual-stack endpoints are used.
    pub is_dual_stack: bool,
}

impl Endpoints {
    /// Checks the variables. The result is unused if there are `errors`.
    pub fn read(environment: &Environment<'_>, key: Option<&KeyArn>, errors: &mut Errors) -> Self {
        let is_fips = environment.switch(FIPS, errors);
        let is_dual_stack = environment.switch(DUAL_STACK, errors);
        if environment.switch(NONE, errors) {
            return Self {
                is_fips,
                is_dual_stack,
                ..Self::default()
            };
        }
        let all = url(environment, ALL, errors);
        let kms = url(environment, KMS, errors).map(|address| (KMS, address));
        let kms = kms.or_else(|| all.clone().map(|address| (ALL, address)));
        let sts = url(environment, STS, errors).or(all);
        if let (Some((variable, address)), Some(key)) = (&kms, key) {
            errors.take(is_in_region(variable, address, key));
        }
        if let Some((variable, _)) = &kms {
            for (switch, is_on, what) in [
                (FIPS, is_fips, "kms-fips"),
                (DUAL_STACK, is_dual_stack, "a host with IPv6"),
            ] {
                if is_on {
                    let expected =
                        format!("one of the two, as in every AWS SDK; the URL of such an endpoint names {what}");
                    errors.push(ConfigError::new(
                        switch,
                        format!("true together with {variable}"),
                        expected,
                    ));
                }
            }
        }
        Self {
            kms: kms.map(|(_, address)| address.url),
            sts: sts.map(|address| address.url),
            is_fips,
            is_dual_stack,
        }
    }

    /// The host of KMS, for messages.
    pub fn kms_host(&self, key: &KeyArn) -> String {
        host(self.kms.as_deref(), if self.is_fips { "kms-fips" } else { "kms" }, key)
    }

    /// The host that provides credentials, for messages.
    pub fn sts_host(&self, key: &KeyArn) -> String {
        host(self.sts.as_deref(), "sts", key)
    }
}

fn url(environment: &Environment<'_>, variable: &'static str, errors: &mut Errors) -> Option<Address> {
    let text = environment.text(variable, errors)?;
    let address = Address::parse(&text);
    if address.is_none() {
        errors.push(ConfigError::new(variable, shown(&text), EXPECTED));
    }
    address
}

/// An endpoint of AWS has its Region in its name: `kms.REGION.…`, `kms-fips.REGION.…`, `vpce-….kms.REGION.vpce.…`.
fn is_in_region(variable: &'static str, address: &Address, key: &KeyArn) -> Result<(), ConfigError> {
    let mut labels = address
        .host
        .split('.')
        .skip_while(|label| !matches!(*label, "kms" | "kms-fips"));
    let region = labels.nth(1).filter(|label| is_region(label));
    match region {
        Some(region) if region != key.region => {
            let expected = format!(
                "an endpoint in the Region of the key, {} ({}), or the variable not set",
                key.region, key.partition
            );
            Err(ConfigError::new(
                variable,
                format!("{}, which is in {region}", shown(&address.url)),
                expected,
            ))
        }
        _ => Ok(()),
    }
}

fn host(url: Option<&str>, service: &str, key: &KeyArn) -> String {
    let port = |url: &http::Uri| {
        url.port_u16()
            .unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 })
    };
    if let Some(url) = url.and_then(|url| url.parse::<http::Uri>().ok()) {
        return format!("{}:{}", url.host().unwrap_or_default(), port(&url));
    }
    let domain = match &*key.partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        // The SDK does not publish the domains of other partitions.
        _ => return format!("the endpoint of {service} in {}", key.region),
    };
    format!("{service}.{}.{domain}:443", key.region)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn key(text: &str) -> KeyArn {
        KeyArn::read(Some(&text.into())).unwrap()
    }

    fn read(variables: &[(&str, &str)]) -> (Endpoints, String) {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let mut errors = Errors::default();
        let key = key("arn:aws:kms:eu-central-1:123456789012:key/a");
        let endpoints = Endpoints::read(&Environment(&get), Some(&key), &mut errors);
        (endpoints, errors.to_string())
    }

    #[test]
    fn the_own_variable_of_a_service_comes_before_that_of_all() {
        let (endpoints, errors) = read(&[
            (ALL, "http://127.0.0.1:1/"),
            (STS, "https://sts.example.com"),
            (FIPS, " "),
        ]);
        assert_eq!(errors, "");
        assert_eq!(endpoints.kms.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(endpoints.sts.as_deref(), Some("https://sts.example.com"));
        let (endpoints, errors) = read(&[
            (ALL, "http://10.0.0.1"),
            (NONE, "TRUE"),
            (FIPS, "true"),
            (DUAL_STACK, "False"),
        ]);
        let expected = Endpoints {
            is_fips: true,
            ..Endpoints::default()
        };
        assert_eq!((endpoints, &*errors), (expected, ""));
    }

    #[test]
    fn an_endpoint_of_another_region_or_by_plain_http_is_refused() {
        for right in [
            "https://kms.eu-central-1.amazonaws.com",
            "https://kms-fips.eu-central-1.amazonaws.com",
            "https://kms.eu-central-1.api.aws",
            "https://vpce-0a1b2c3d-9z8y-eu-west-1a.kms.eu-central-1.vpce.amazonaws.com",
            "https://kms.example.com",
            "https://eu-west-1.example.com",
            "http://localhost:4566",
        ] {
            assert_eq!(read(&[(KMS, right)]).1, "", "{right}");
        }
        for other in [
            "https://kms.eu-west-1.amazonaws.com",
            "https://kms-fips.us-gov-west-1.amazonaws.com",
            "https://vpce-0a1b2c3d-9z8y.kms.eu-west-1.vpce.amazonaws.com",
            "https://kms.cn-north-1.amazonaws.com.cn:443/",
        ] {
            let told = read(&[(KMS, other)]).1;
            assert!(told.starts_with(&format!("{KMS}: found https://")), "{told}");
            assert!(
                told.contains("expected an endpoint in the Region of the key, eu-central-1 (aws)"),
                "{told}"
            );
        }
        for (variable, wrong) in [
            (KMS, "http://kms.eu-central-1.amazonaws.com"),
            (STS, "sts.example.com"),
            (ALL, "ftp://x"),
        ] {
            let told = read(&[(variable, wrong)]).1;
            assert!(
                told.starts_with(&format!(
                    "{variable}: found {wrong}, expected a URL that starts with https://"
                )),
                "{told}"
            );
        }
        let told = read(&[(KMS, "https://somebody:5ec2e7@x")]).1;
        assert!(told.starts_with(KMS) && !told.contains("5ec2e7"), "{told}");
    }

    #[test]
    fn switches_are_true_or_false_and_no_endpoint_of_ones_own_goes_with_them() {
        let told = read(&[(FIPS, "yes"), (DUAL_STACK, "1"), (NONE, "no")]).1;
        assert_eq!(told.lines().count(), 3, "{told}");
        assert!(
            told.lines().all(|line| line.ends_with("expected true or false")),
            "{told}"
        );
        let told = read(&[(FIPS, "true"), (KMS, "https://kms.example.com")]).1;
        assert!(
            told.starts_with("AWS_USE_FIPS_ENDPOINT: found true together with AWS_ENDPOINT_URL_KMS"),
            "{told}"
        );
    }

    #[test]
    fn messages_name_the_machine_that_is_asked() {
        let hosts = |endpoints: Endpoints, text: &str| {
            let key = key(text);
            (endpoints.kms_host(&key), endpoints.sts_host(&key))
        };
        let own = Endpoints {
            kms: Some("https://kms.example.com/x".to_owned()),
            sts: Some("http://[::1]:4566".to_owned()),
            ..Endpoints::default()
        };
        let text = "arn:aws:kms:eu-central-1:123456789012:key/a";
        assert_eq!(
            hosts(own, text),
            ("kms.example.com:443".to_owned(), "[::1]:4566".to_owned())
        );
        let fips = Endpoints {
            is_fips: true,
            ..Endpoints::default()
        };
        assert_eq!(hosts(fips, text).0, "kms-fips.eu-central-1.amazonaws.com:443");
        let china = "arn:aws-cn:kms:cn-north-1:123456789012:key/a";
        assert_eq!(
            hosts(Endpoints::default(), china).1,
            "sts.cn-north-1.amazonaws.com.cn:443"
        );
    }
}
