//! The settings of OpenBao or Vault, with their checks.

use std::{ffi::OsString, path::Path, sync::Arc};

use clap::{ArgMatches, Args, FromArgMatches};

use super::{
    auth::{Auth, Method},
    key::{self, KeyVersion, Wrong},
    location::{NAME, VaultLocation},
    place::Place,
    trust,
};
use crate::{
    backend::{
        address::{self, Address},
        identity_token::IdentityTokenFile,
        vendor::{Location, Vendor},
    },
    settings::{ConfigError, Errors, Setting, excerpt, text},
};

/// The transit engine of OpenBao and HashiCorp Vault.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "OpenBao or Vault",
    key: "MOUNT/keys/NAME/versions/N",
    key_noun: "the name of a key version of OpenBao or Vault",
    is_key: key::looks_like_one,
    libraries: &["/reqwest-"],
    args: VaultArguments::augment_args,
    variables: &[],
    read,
};

const ADDRESS: &str = "ATTO_SIGNER_VAULT_ADDRESS";
const AUTH: &str = "ATTO_SIGNER_VAULT_AUTH";
const ROLE: &str = "ATTO_SIGNER_VAULT_ROLE";
const AUTH_MOUNT: &str = "ATTO_SIGNER_VAULT_AUTH_MOUNT";
const NAMESPACE: &str = "ATTO_SIGNER_VAULT_NAMESPACE";
const TOKEN_FILE: &str = "ATTO_SIGNER_VAULT_TOKEN_FILE";

#[derive(Args)]
#[allow(clippy::struct_field_names, reason = "the flags have these names")]
struct VaultArguments {
    /// VAULT (required): the server, such as `https://openbao.example.com:8200`. Plain `http` only on loopback
    #[arg(long, env = "ATTO_SIGNER_VAULT_ADDRESS", hide_env_values = true)]
    vault_address: Option<OsString>,
    /// VAULT: how to log in: `kubernetes` or `jwt` with the token in `ATTO_SIGNER_IDENTITY_TOKEN_FILE`, or `token` with that in
    /// `ATTO_SIGNER_VAULT_TOKEN_FILE` [default: kubernetes]
    #[arg(long, env = "ATTO_SIGNER_VAULT_AUTH", hide_env_values = true)]
    vault_auth: Option<OsString>,
    /// VAULT (required with `kubernetes` and `jwt`): the role to log in with
    #[arg(long, env = "ATTO_SIGNER_VAULT_ROLE", hide_env_values = true)]
    vault_role: Option<OsString>,
    /// VAULT: where the login method is mounted, without `auth/` [default: the name of the method]
    #[arg(long, env = "ATTO_SIGNER_VAULT_AUTH_MOUNT", hide_env_values = true)]
    vault_auth_mount: Option<OsString>,
    /// VAULT: the namespace of key and login [default: the root namespace]
    #[arg(long, env = "ATTO_SIGNER_VAULT_NAMESPACE", hide_env_values = true)]
    vault_namespace: Option<OsString>,
    /// VAULT: a PEM file with the only certificate authorities to trust for the server [default: those of the system]
    #[arg(long, env = "ATTO_SIGNER_VAULT_CA_FILE", hide_env_values = true)]
    vault_ca_file: Option<OsString>,
    /// VAULT (required with `token`): a file with a token of the server. It is read again when the current token is no longer valid
    #[arg(long, env = "ATTO_SIGNER_VAULT_TOKEN_FILE", hide_env_values = true)]
    vault_token_file: Option<OsString>,
}

fn read(key: Setting<'_>, matches: &ArgMatches) -> Result<Arc<dyn Location>, Errors> {
    let arguments = VaultArguments::from_arg_matches(matches).map_err(|error| {
        // clap refuses no value before this point, so this reports a defect.
        ConfigError::new(ADDRESS, error.to_string(), "an address")
    })?;
    let mut errors = Errors::default();
    let key = errors.take(key_version(key));
    let address = errors.take(server(arguments.vault_address.as_ref()));
    let namespace = errors.take(path(
        NAMESPACE,
        arguments.vault_namespace.as_ref(),
        "a namespace, such as team-a or team-a/voters",
    ));
    let auth = errors.take_all(auth(&arguments, matches));
    let ca_file = errors.take(ca_file(arguments.vault_ca_file.as_ref(), address.as_ref()));
    match (key, address, namespace, auth, ca_file) {
        (Some(key), Some(address), Some(namespace), Some(auth), Some(ca_file)) => Ok(Arc::new(VaultLocation(Place {
            key,
            address,
            ca_file: ca_file.map(Into::into),
            namespace,
            auth,
        }))),
        _ => Err(errors),
    }
}

fn key_version(value: Setting<'_>) -> Result<KeyVersion, ConfigError> {
    const VARIABLE: &str = "ATTO_SIGNER_KEY";
    const EXPECTED: &str = "with ATTO_SIGNER_BACKEND=VAULT a version of a key of the transit engine, MOUNT/keys/NAME/versions/N, such as \
                            transit/keys/voter/versions/1";
    const NUMBER: &str = "MOUNT/keys/NAME/versions/N with the number of the key's version, from 1 on, as `bao read MOUNT/keys/NAME` shows it: \
    each rotation creates another version, and another version changes the voter's identity";
    let Some(text) = text(VARIABLE, value, EXPECTED)? else {
        return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
    };
    KeyVersion::parse(text).map_err(|wrong| match wrong {
        Wrong::NoVersion => ConfigError::new(VARIABLE, format!("{}, without a version", excerpt(text)), NUMBER),
        Wrong::Version => ConfigError::new(VARIABLE, excerpt(text), NUMBER),
        Wrong::Name => ConfigError::new(
            VARIABLE,
            excerpt(text),
            format!(
                "{EXPECTED}; without v1/, without a slash around it, and in its parts only letters, digits, - _ and ."
            ),
        ),
        // It may be a private key that was meant for LOCAL, or a token.
        Wrong::Other => ConfigError::new(
            VARIABLE,
            "another value (not shown, because it may be a secret)",
            EXPECTED,
        ),
    })
}

fn server(value: Setting<'_>) -> Result<Address, ConfigError> {
    let Some(text) = text(ADDRESS, value, address::EXPECTED)? else {
        return Err(ConfigError::new(
            ADDRESS,
            "nothing",
            "with ATTO_SIGNER_BACKEND=VAULT the address of the server, such as https://openbao.example.com:8200",
        ));
    };
    let found =
        Address::parse(text).ok_or_else(|| ConfigError::new(ADDRESS, address::shown(text), address::EXPECTED))?;
    let is_path = |part: &str| key::is_name(part) && part != "v1" && part != "ui";
    if found.path.split('/').skip(1).all(is_path) {
        return Ok(found);
    }
    Err(ConfigError::new(
        ADDRESS,
        excerpt(text),
        "the address of the server alone, without /v1, /ui or the path after them",
    ))
}

fn auth(arguments: &VaultArguments, matches: &ArgMatches) -> Result<Auth, Errors> {
    let kind = text(AUTH, arguments.vault_auth.as_ref(), "kubernetes, jwt or token")?.unwrap_or("kubernetes");
    match kind.to_ascii_lowercase().as_str() {
        "kubernetes" => role(Method::Kubernetes, arguments, matches),
        "jwt" => role(Method::Jwt, arguments, matches),
        "token" => token(arguments),
        _ => Err(ConfigError::new(AUTH, excerpt(kind), "kubernetes, jwt or token").into()),
    }
}

fn role(method: Method, arguments: &VaultArguments, matches: &ArgMatches) -> Result<Auth, Errors> {
    let name = method.name();
    let mut errors = Errors::default();
    if arguments.vault_token_file.is_some() {
        errors.push(ConfigError::new(
            TOKEN_FILE,
            format!("a file, with {AUTH}={name}"),
            format!("none, or {AUTH}=token"),
        ));
    }
    let expected = format!("with {AUTH}={name} the role to log in with, as `bao list auth/MOUNT/role` shows it");
    let role = errors.take(
        text(ROLE, arguments.vault_role.as_ref(), expected.clone()).and_then(|role| match role {
            Some(role) if is_role(role) => Ok(role.to_owned()),
            Some(role) => Err(ConfigError::new(ROLE, excerpt(role), expected)),
            None => Err(ConfigError::new(ROLE, "nothing", expected)),
        }),
    );
    let mount = errors.take(auth_mount(arguments.vault_auth_mount.as_ref()));
    let identity = errors.take(IdentityTokenFile::read_setting(matches));
    match (role, mount, identity) {
        (Some(role), Some(mount), Some(identity)) if errors.is_empty() => Ok(Auth::Role {
            method,
            mount: mount.unwrap_or_else(|| name.to_owned()),
            role,
            identity,
        }),
        _ => Err(errors),
    }
}

fn token(arguments: &VaultArguments) -> Result<Auth, Errors> {
    const EXPECTED: &str = "with ATTO_SIGNER_VAULT_AUTH=token a file with a token of the server";
    let mut errors = Errors::default();
    for (variable, value) in [(ROLE, &arguments.vault_role), (AUTH_MOUNT, &arguments.vault_auth_mount)] {
        if value.is_some() {
            let found = format!("a value, with {AUTH}=token");
            errors.push(ConfigError::new(
                variable,
                found,
                "none: there is no login with a token; unset it",
            ));
        }
    }
    let file = errors.take(
        text(TOKEN_FILE, arguments.vault_token_file.as_ref(), EXPECTED).and_then(|file| {
            file.map(Into::into)
                .ok_or_else(|| ConfigError::new(TOKEN_FILE, "nothing", EXPECTED))
        }),
    );
    match file {
        Some(file) if errors.is_empty() => Ok(Auth::Token(file)),
        _ => Err(errors),
    }
}

fn auth_mount(value: Setting<'_>) -> Result<Option<String>, ConfigError> {
    const EXPECTED: &str =
        "where the login method is mounted, without auth/ before it, such as kubernetes or clusters/blue";
    match path(AUTH_MOUNT, value, EXPECTED)? {
        Some(mount) if mount.starts_with("auth/") => Err(ConfigError::new(AUTH_MOUNT, excerpt(&mount), EXPECTED)),
        mount => Ok(mount),
    }
}

/// Parts between slashes. A trailing slash, as Vault prints it, is accepted.
fn path(variable: &'static str, value: Setting<'_>, expected: &'static str) -> Result<Option<String>, ConfigError> {
    let Some(text) = text(variable, value, expected)? else {
        return Ok(None);
    };
    let path = text.strip_suffix('/').unwrap_or(text);
    if path.split('/').all(key::is_name) {
        Ok(Some(path.to_owned()))
    } else {
        Err(ConfigError::new(variable, excerpt(text), expected))
    }
}

fn ca_file<'a>(value: Setting<'a>, address: Option<&Address>) -> Result<Option<&'a str>, ConfigError> {
    let Some(file) = text(trust::VARIABLE, value, trust::EXPECTED)? else {
        return Ok(None);
    };
    if address.is_some_and(|address| address.is_plain) {
        return Err(ConfigError::new(
            trust::VARIABLE,
            format!("a file, with an {ADDRESS} of plain http"),
            "none: such a server shows no certificate; unset it, or set an address that starts with https://",
        ));
    }
    // Each new client reads it again, but an invalid file is reported at the start.
    trust::read(Path::new(file)).map_err(|found| ConfigError::new(trust::VARIABLE, found, trust::EXPECTED))?;
    Ok(Some(file))
}

fn is_role(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}
