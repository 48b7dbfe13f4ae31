//! A private key in a Secret.

use crds::conditions::warnings;
use crds::names::{BACKEND_VARIABLE, KEY_VARIABLE};
use crds::{LocalKey, SecretKeyRef, Source};
use serde_json::{Value, json};

use super::backend::{GivenKey, KeyBackend, NamedSecret, Noted};
use crate::template::variables::secret_reference;

impl KeyBackend for LocalKey {
    fn field(&self) -> &'static str {
        "spec.key.local.secretRef"
    }

    fn variables(&self) -> [Value; 2] {
        [
            json!({ "name": BACKEND_VARIABLE, "value": Source::Local(self).backend() }),
            json!({ "name": KEY_VARIABLE, "valueFrom": secret_reference(&self.secret_ref) }),
        ]
    }

    fn is_given<'a>(&self, found: &GivenKey<'_>, _variable: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let SecretKeyRef { name, key } = &self.secret_ref;
        *found == GivenKey::Secret { name, key }
    }

    fn secret(&self) -> Option<NamedSecret<'_>> {
        Some(NamedSecret {
            reference: &self.secret_ref,
            field: self.field(),
            holds: "private key",
        })
    }

    fn private_key(&self) -> Option<&SecretKeyRef> {
        Some(&self.secret_ref)
    }

    fn is_same_key(&self, _other: &Source<'_>) -> bool {
        false
    }

    fn note(&self) -> Option<Noted> {
        Some((
            warnings::LOCAL_KEY,
            "The private key is in a Secret: anyone who can read it can act as the voter. Use spec.key.local in development clusters only, and a key service elsewhere (spec.key.gcp, aws or vault)".to_owned(),
        ))
    }
}
