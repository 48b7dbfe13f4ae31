//! A key version in the transit engine of HashiCorp Vault or OpenBao.

use crds::names::{BACKEND_VARIABLE, KEY_VARIABLE, VAULT_VARIABLES};
use crds::{Source, VaultKey, VaultLogin};
use serde_json::{Value, json};

use super::backend::{AccountNeeds, GivenKey, Grantee, KeyBackend, Mounts, NamedSecret};
use super::files;

impl KeyBackend for VaultKey {
    fn field(&self) -> &'static str {
        "spec.key.vault"
    }

    fn variables(&self) -> [Value; 2] {
        let (mount, key, version) = (self.effective_mount(), &self.key, self.version);
        [
            json!({ "name": BACKEND_VARIABLE, "value": Source::Vault(self).backend() }),
            json!({ "name": KEY_VARIABLE, "value": format!("{mount}/keys/{key}/versions/{version}") }),
        ]
    }

    fn server(&self) -> Vec<Value> {
        let [address, namespace] = VAULT_VARIABLES;
        let of_namespace = self.namespace.iter();
        let of_namespace = of_namespace.map(|value| json!({ "name": namespace, "value": value }));
        let of_address = json!({ "name": address, "value": normalised(&self.address) });
        std::iter::once(of_address).chain(of_namespace).collect()
    }

    fn access(&self) -> Vec<Value> {
        let method = self.auth.method();
        let mount = method.and_then(|(_, login)| login.mount.clone());
        let ca = (self.ca_secret_ref.is_some() || self.ca_config_map_ref.is_some()).then(files::ca_file);
        let values = [
            ("ATTO_SIGNER_VAULT_AUTH", method.map(|(name, _)| name.to_owned())),
            ("ATTO_SIGNER_VAULT_ROLE", method.map(|(_, login)| login.role.clone())),
            ("ATTO_SIGNER_VAULT_AUTH_MOUNT", mount),
            ("ATTO_SIGNER_VAULT_CA_FILE", ca),
        ];
        let set = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        set.map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    }

    fn is_given<'a>(&self, found: &GivenKey<'_>, variable: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let GivenKey::Value(found) = found else { return false };
        let [address, namespace] = VAULT_VARIABLES;
        self.is_named(found)
            && variable(namespace) == self.namespace.as_deref()
            && variable(address).is_some_and(|address| normalised(address) == normalised(&self.address))
    }

    fn mounts(&self) -> Mounts {
        let of_secret = self.ca_secret_ref.as_ref().map(files::ca_of_secret);
        let of_config_map = self.ca_config_map_ref.as_ref().map(files::ca_of_config_map);
        files::identity(&audience(self)).and(of_secret.or(of_config_map))
    }

    fn audience(&self) -> Option<String> {
        Some(audience(self))
    }

    fn secret(&self) -> Option<NamedSecret<'_>> {
        Some(NamedSecret {
            reference: self.ca_secret_ref.as_ref()?,
            field: "spec.key.vault.caSecretRef",
            holds: "certificates",
        })
    }

    fn is_same_key(&self, other: &Source<'_>) -> bool {
        let Source::Vault(other) = other else { return false };
        let of = |key: &Self| {
            let place = (normalised(&key.address), key.namespace.clone());
            (place, key.effective_mount().to_owned(), key.key.clone(), key.version)
        };
        of(self) == of(other)
    }

    fn account(&self) -> Option<AccountNeeds> {
        Some(AccountNeeds::Token)
    }

    fn grants(&self, grantee: &Grantee<'_>) -> String {
        match self.auth.method() {
            Some((method, login)) => commands(self, method, login, grantee),
            None => String::new(),
        }
    }
}

/// Helpers for a Vault key.
trait Named {
    /// Whether a signer's key is this one, apart from the server. Called for each pod and each binding, so it does not allocate.
    fn is_named(&self, found: &str) -> bool;
}

impl Named for VaultKey {
    fn is_named(&self, found: &str) -> bool {
        let behind_mount = found.strip_prefix(self.effective_mount());
        let behind_key = behind_mount
            .and_then(|rest| rest.strip_prefix("/keys/"))
            .and_then(|rest| rest.strip_prefix(self.key.as_str()));
        let version = behind_key.and_then(|rest| rest.strip_prefix("/versions/"));
        version.is_some_and(|version| version.parse() == Ok(self.version))
    }
}

/// The address in a comparable form: lower case, without the default port of its scheme and without a trailing slash.
fn normalised(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let own_port = if scheme == "http" { ":80" } else { ":443" };
    format!("{scheme}://{}{path}", host.strip_suffix(own_port).unwrap_or(&host))
}

/// The audience of the signer's token.
fn audience(key: &VaultKey) -> String {
    let given = key.auth.method().and_then(|(_, login)| login.audience.clone());
    given.unwrap_or_else(|| normalised(&key.address))
}

/// Commands for both programs: `vault` has the same commands as `bao`. The server does not ask Kubernetes when it renews a token
/// of its own, so the role limits the token's total lifetime.
fn commands(key: &VaultKey, method: &str, login: &VaultLogin, grantee: &Grantee<'_>) -> String {
    let VaultKey { key: name, .. } = key;
    let (mount, audience) = (key.effective_mount(), audience(key));
    let at = login.mount.as_deref().unwrap_or(method);
    let role = &login.role;
    let within = key
        .namespace
        .as_ref()
        .map(|namespace| format!(" -namespace={namespace}"));
    let within = within.unwrap_or_default();
    let Grantee { namespace, account, .. } = grantee;
    let policy = format!(
        "bao policy write{within} {role} - <<'EOF'\npath \"{mount}/sign/{name}\" {{ capabilities = [\"update\"] }}\npath \"{mount}/keys/{name}\" {{ capabilities = [\"read\"] }}\nEOF"
    );
    let path = if at == method {
        String::new()
    } else {
        format!(" -path={at}")
    };
    let (trusts, binds, unknown) = match method {
        "jwt" => (
            format!("oidc_discovery_url={}", grantee.issuer()),
            format!(
                "role_type=jwt user_claim=sub bound_subject={} bound_audiences={audience}",
                grantee.subject()
            ),
            grantee.how_to_find_the_issuer(),
        ),
        _ => (
            "kubernetes_host=https://kubernetes.default.svc".to_owned(),
            format!(
                "bound_service_account_names={account} bound_service_account_namespaces={namespace} audience={audience}"
            ),
            " A server outside of this cluster needs the address at which it reaches the API server instead of that kubernetes_host, with kubernetes_ca_cert and token_reviewer_jwt.",
        ),
    };
    let address = normalised(&key.address);
    format!(
        "With BAO_ADDR={address} (or vault and VAULT_ADDR). Once for the cluster, unless bao auth list{within} shows {at}/; config replaces the cluster that a mount trusts:\nbao auth enable{within}{path} {method}\nbao write{within} auth/{at}/config {trusts}\nTo let this ServiceAccount use the key:\n{policy}\nbao write{within} auth/{at}/role/{role} {binds} token_policies={role} token_ttl=1h token_max_ttl=4h\nThe key is created by: bao write{within} -f {mount}/keys/{name} type=ed25519{unknown}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gke::Project;

    fn key(change: &[(&str, Value)]) -> VaultKey {
        let mut key = json!({
            "address": "https://Vault.example.com:8200/", "key": "voter", "version": 2,
            "auth": {"kubernetes": {"role": "atto-voter"}},
        });
        for (field, value) in change {
            key[field] = value.clone();
        }
        serde_json::from_value(key).unwrap()
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for (written, expected) in [
            ("https://Vault.Example.com:8200/", "https://vault.example.com:8200"),
            ("https://vault.example.com:443", "https://vault.example.com"),
            ("HTTP://LOCALHOST:80", "http://localhost"),
            ("https://[FD00::443]", "https://[fd00::443]"),
            ("https://proxy.example.com/Vault/", "https://proxy.example.com/Vault"),
        ] {
            assert_eq!(normalised(written), expected);
        }
    }

    #[test]
    fn renders_what_is_set_and_nothing_else() {
        let texts = |variables: Vec<Value>| -> Vec<String> {
            let entries = variables
                .iter()
                .map(|entry| format!("{}={}", entry["name"], entry["value"]));
            entries.map(|text| text.replace('"', "")).collect()
        };
        let plain = key(&[]);
        assert_eq!(
            texts(plain.voter()),
            [
                "ATTO_SIGNER_BACKEND=VAULT",
                "ATTO_SIGNER_KEY=transit/keys/voter/versions/2",
                "ATTO_SIGNER_VAULT_ADDRESS=https://vault.example.com:8200",
            ]
        );
        assert_eq!(
            texts(plain.access()),
            ["ATTO_SIGNER_VAULT_AUTH=kubernetes", "ATTO_SIGNER_VAULT_ROLE=atto-voter"]
        );
        assert_eq!(plain.mounts().volumes.len(), 1);
        assert_eq!(
            plain.mounts().volumes[0]["projected"]["sources"][0]["serviceAccountToken"]["audience"],
            "https://vault.example.com:8200"
        );
        let full = key(&[
            ("mount", json!("team/transit")),
            ("namespace", json!("team-a")),
            (
                "auth",
                json!({"jwt": {"role": "r", "mount": "jwt-k8s", "audience": "vault"}}),
            ),
            ("caConfigMapRef", json!({"name": "ca", "key": "root.pem"})),
        ]);
        assert_eq!(
            texts(full.voter())[1],
            "ATTO_SIGNER_KEY=team/transit/keys/voter/versions/2"
        );
        assert_eq!(texts(full.voter())[3], "ATTO_SIGNER_VAULT_NAMESPACE=team-a");
        assert_eq!(
            texts(full.access()),
            [
                "ATTO_SIGNER_VAULT_AUTH=jwt",
                "ATTO_SIGNER_VAULT_ROLE=r",
                "ATTO_SIGNER_VAULT_AUTH_MOUNT=jwt-k8s",
                "ATTO_SIGNER_VAULT_CA_FILE=/var/run/secrets/signer.atto.cash/ca/ca.crt",
            ]
        );
        assert_eq!(
            full.mounts().volumes[1],
            json!({"name": "signer-ca", "configMap": {"name": "ca", "items": [{"key": "root.pem", "path": "ca.crt"}]}})
        );
    }

    #[test]
    fn a_pod_has_the_key_with_server_and_version() {
        let key = key(&[("namespace", json!("team-a"))]);
        let has = |found: &str, address: &'static str, namespace: Option<&'static str>| {
            let variable = |name: &str| match name {
                "ATTO_SIGNER_VAULT_ADDRESS" => Some(address),
                _ => namespace,
            };
            key.is_given(&GivenKey::Value(found), &variable)
        };
        let (name, address) = ("transit/keys/voter/versions/2", "https://vault.example.com:8200");
        assert!(has(name, address, Some("team-a")) && has(name, "https://VAULT.example.com:8200/", Some("team-a")));
        for (found, address, namespace) in [
            (name, address, None),
            (name, "https://other.example.com:8200", Some("team-a")),
            ("transit/keys/voter/versions/1", address, Some("team-a")),
            ("transit/keys/voter/versions/22", address, Some("team-a")),
            ("transit/keys/voter2/versions/2", address, Some("team-a")),
            ("other/transit/keys/voter/versions/2", address, Some("team-a")),
        ] {
            assert!(!has(found, address, namespace), "{found} {address} {namespace:?}");
        }
    }

    #[test]
    fn prints_the_exact_commands_of_each_method() {
        let project = Project::default();
        let grantee = Grantee {
            project: &project,
            issuer: Some("https://oidc.example.com"),
            namespace: "atto",
            account: "voter",
            acts_as: None,
        };
        let kubernetes = key(&[]).grants(&grantee);
        let jwt = key(&[
            ("namespace", json!("team-a")),
            (
                "auth",
                json!({"jwt": {"role": "r", "mount": "clusters/blue", "audience": "vault"}}),
            ),
        ]);
        let jwt = jwt.grants(&grantee);
        for (text, line) in [
            (&kubernetes, "bao policy write atto-voter - <<'EOF'"),
            (
                &kubernetes,
                "path \"transit/sign/voter\" { capabilities = [\"update\"] }",
            ),
            (
                &kubernetes,
                "bao write auth/kubernetes/role/atto-voter bound_service_account_names=voter bound_service_account_namespaces=atto audience=https://vault.example.com:8200 token_policies=atto-voter token_ttl=1h token_max_ttl=4h",
            ),
            (&kubernetes, "bao auth enable kubernetes"),
            (
                &kubernetes,
                "bao write auth/kubernetes/config kubernetes_host=https://kubernetes.default.svc",
            ),
            (&jwt, "bao auth enable -namespace=team-a -path=clusters/blue jwt"),
            (
                &jwt,
                "bao write -namespace=team-a auth/clusters/blue/config oidc_discovery_url=https://oidc.example.com",
            ),
            (
                &jwt,
                "bao write -namespace=team-a auth/clusters/blue/role/r role_type=jwt user_claim=sub bound_subject=system:serviceaccount:atto:voter bound_audiences=vault token_policies=r token_ttl=1h token_max_ttl=4h",
            ),
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "`{line}` is missing in:\n{text}"
            );
        }
    }
}
