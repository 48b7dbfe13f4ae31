//! The CEL rules of a server's address. Kubernetes 1.30 has no function for IP addresses, so the rules are regular
//! expressions.

use kube::core::Rule;

const LABEL: &str = "[a-zA-Z0-9_]([-_a-zA-Z0-9]*[a-zA-Z0-9_])?";
/// The last label of a host name. It is not a number, because then the host would be an IPv4 address.
const LAST_LABEL: &str = "([0-9]*[a-zA-Z_]([-_a-zA-Z0-9]*[a-zA-Z0-9_])?|[0-9]+-[-_a-zA-Z0-9]*[a-zA-Z0-9_])";
const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const PORT: &str = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/// Up to eight groups, with `::` in the place of some of them.
const IPV6: &str = "((H:){7}H|(H:){1,7}:|(H:){1,6}:H|(H:){1,5}(:H){1,2}|(H:){1,4}(:H){1,3}|(H:){1,3}(:H){1,4}|(H:){1,2}(:H){1,5}|H:(:H){1,6}|:((:H){1,7}|:))";

const LOCALHOST: &str = "[lL][oO][cC][aA][lL][hH][oO][sS][tT]";

/// Scheme, host and port.
pub fn server() -> Rule {
    let ipv6 = IPV6.replace('H', "[0-9a-fA-F]{1,4}");
    let host = format!(r"(({LABEL}[.])*{LAST_LABEL}|{OCTET}([.]{OCTET}){{3}}|\[{ipv6}\])");
    let loopback = format!(r"({LOCALHOST}|127([.]{OCTET}){{3}}|\[::1\])");
    // A last label such as 0x7f is a number too.
    Rule::new(format!(
        "self.matches(r'^(https://{host}|http://{loopback})(:{PORT})?(/|$)') && !self.matches(r'^[a-z]+://([^/]*[.])?0[xX][0-9a-fA-F]*(:|/|$)')"
    ))
    .message(
        "must be the address of the server: https://HOST:PORT, with the host as a name, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535; http:// only on a loopback address (localhost, 127.0.0.1, [::1]), because the login would be readable on its way",
    )
}

/// Text after host and port: nothing, or the path at a proxy. Another rule refuses text that is not a server's address.
pub fn path() -> Rule {
    Rule::new(
        "!self.matches(r'^[a-z]+://[^/]+/') || (self.matches(r'^[a-z]+://[^/]+(/[-._a-zA-Z0-9]{1,128})*/?$') && !self.matches(r'^[a-z]+://[^/]+/([^/]+/)*(v1|ui|[.]|[.][.])(/|$)'))",
    )
    .message(
        "must be the address of the server only, without /v1, /ui and what follows; a path before them, as behind a proxy, may have letters, digits, '-', '_' and '.'",
    )
}

/// A rule of the object that contains both the address and the certificates.
pub fn no_certificates_of_plain_http() -> Rule {
    Rule::new("!(has(self.caSecretRef) || has(self.caConfigMapRef)) || !self.address.startsWith('http://')").message(
        "caSecretRef and caConfigMapRef must not be set with an http:// address, whose server has no certificate: leave them out, or use an address that starts with https://",
    )
}
