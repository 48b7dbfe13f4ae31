//! The public authorities that Mozilla trusts, as a bundle that TLS libraries find.

use data_encoding::BASE64;

/// The default path of the bundle.
pub const PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// All public authorities in PEM (RFC 7468), in the version that the lock file pins.
pub fn bundle() -> String {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    certificates.map(|der| pem(der)).collect()
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let encoded = BASE64.encode(der);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
