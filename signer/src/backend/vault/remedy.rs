use super::{
    auth::{Auth, Method},
    place::Place,
};
use crate::backend::fault::Cause;

/// The remedy for a failure, with the names of this key and this login.
pub fn remedy(cause: Cause, place: &Place) -> String {
    let Place {
        key,
        address,
        namespace,
        auth,
        ..
    } = place;
    let (mount, name, version, url) = (&key.mount, &key.name, key.version, &address.url);
    // An option of every command.
    let to = namespace
        .as_ref()
        .map_or_else(String::new, |namespace| format!(" -namespace={namespace}"));
    let text = match cause {
        Cause::PermissionDenied => format!(
            "unless it was revoked on purpose, give a policy of this login the paths {mount}/keys/{name} (read) and {mount}/sign/{name} (update): bao \
            policy write{to} {name} - <<< 'path \"{mount}/keys/{name}\" {{ capabilities = [\"read\"] }} path \
            \"{mount}/sign/{name}\" {{ capabilities = [\"update\"] }}'; a changed policy applies to existing \
            tokens at once"
        ),
        Cause::NotFound => format!(
            "compare ATTO_SIGNER_KEY with: bao secrets list{to}; bao list{to} {mount}/keys; bao read{to} {mount}/keys/{name}; and the \
             namespace with ATTO_SIGNER_VAULT_NAMESPACE"
        ),
        Cause::FailedPrecondition => format!(
            "check the key: bao read{to} {mount}/keys/{name}; unless its minimum was raised on purpose, allow a version below it again with bao write{to} \
            {mount}/keys/{name}/config min_decryption_version={version} min_encryption_version=0"
        ),
        Cause::Credentials | Cause::Unauthenticated => credentials(auth, &to, url),
        Cause::ResourceExhausted => {
            format!("raise the quota: bao list{to} sys/quotas/rate-limit; bao read{to} sys/quotas/rate-limit/NAME")
        }
        Cause::InvalidArgument => format!("compare ATTO_SIGNER_KEY with: bao read{to} {mount}/keys/{name}"),
        Cause::Check => format!(
            "the answer is not one of OpenBao or Vault: check that {url} is the server itself, and for a proxy in between"
        ),
        Cause::Io | Cause::Timeout | Cause::DeadlineExceeded => format!(
            "check that the pod reaches {url} (network policy, DNS, firewall, HTTPS_PROXY), and that the server's certificate is for that \
             name and issued by an authority in ATTO_SIGNER_VAULT_CA_FILE"
        ),
        Cause::Unavailable => format!(
            "check the server: bao status -address={url}; unseal a sealed one with bao operator unseal; if it is a \
            standby that does not forward, set ATTO_SIGNER_VAULT_ADDRESS to the active server"
        ),
        Cause::Aborted | Cause::Internal => {
            format!("wait; check the log of the server, and: bao status -address={url}")
        }
        Cause::Other => {
            format!(
                "see the log lines before, and check the server: bao status -address={url}; SSL_CERT_FILE may not be readable"
            )
        }
    };
    format!("{text} (with Vault: vault instead of bao)")
}

fn credentials(auth: &Auth, to: &str, url: &str) -> String {
    match auth {
        Auth::Token(file) => format!(
            "write a valid token into {}: bao token create{to} -policy=POLICY -period=24h; check it with bao token lookup{to}",
            file.display()
        ),
        Auth::Role {
            method,
            mount,
            role,
            identity,
        } => {
            let bound = match method {
                Method::Kubernetes => {
                    "bound_service_account_names, bound_service_account_namespaces and audience must match the token of \
                    this pod), and that the server may create TokenReviews"
                }
                Method::Jwt => {
                    "bound_audiences and bound_subject, system:serviceaccount:NAMESPACE:NAME, must match the token of \
                    this pod), and that the server has the public keys of this cluster"
                }
            };
            format!(
                "check the role: bao read{to} auth/{mount}/role/{role} ({bound}: bao read{to} auth/{mount}/config; then \
                check the token in {}, that the pod reaches {url}, and the clock of this host (date -u)",
                identity.path().display()
            )
        }
    }
}
