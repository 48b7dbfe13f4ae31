//! The user of a kubeconfig: tokens, certificates, credential plugins.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::subject::{set, unset};
use super::table::Table;

const USER: &str = "/users/0/user";
const EXEC_V1: &str = "client.authentication.k8s.io/v1";
const EXEC_V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

#[tokio::test]
async fn who_asks_is_found_out_as_kubectl_does_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let token = table.subject.token("asks").await?;
    table.beside("token", &token)?;
    table.beside("token-line", &format!("{token}\n"))?;
    table.beside("token-spaces", &format!("  {token} \r\n\n"))?;
    table.beside("token-empty", "\n")?;
    for part in ["client-certificate", "client-key"] {
        let data = admin
            .pointer(&format!("{USER}/{part}-data"))
            .and_then(Value::as_str)
            .context("no certificate")?;
        table.beside(
            part,
            &String::from_utf8(data_encoding::BASE64.decode(data.as_bytes())?)?,
        )?;
    }
    let user = |user: Value| set(admin.clone(), USER, user);
    let of_admin = |field: &str, value: Value| set(admin.clone(), &format!("{USER}/{field}"), value);
    let masters = json!(["system:masters"]);
    for (name, contents, reached) in [
        ("a token", user(json!({"token": token})), true),
        ("a wrong token", user(json!({"token": "wrong"})), false),
        (
            "a token in two lines",
            user(json!({"token": format!("{token}\n")})),
            false,
        ),
        ("a file", user(json!({"tokenFile": "token"})), true),
        (
            "a file with the end of a line",
            user(json!({"tokenFile": "token-line"})),
            true,
        ),
        ("a file with spaces", user(json!({"tokenFile": "token-spaces"})), true),
        ("an empty file", user(json!({"tokenFile": "token-empty"})), false),
        ("a file that is not there", user(json!({"tokenFile": "missing"})), false),
        (
            "a file, and a wrong token",
            user(json!({"token": "wrong", "tokenFile": "token"})),
            true,
        ),
        (
            "a token, and a file that is not there",
            user(json!({"token": token, "tokenFile": "missing"})),
            true,
        ),
        (
            "certificate and key in files",
            user(json!({"client-certificate": "client-certificate", "client-key": "client-key"})),
            true,
        ),
        (
            "a certificate without its key",
            user(json!({"client-certificate": "client-certificate"})),
            false,
        ),
        (
            "a certificate that is not there",
            user(json!({"client-certificate": "missing", "client-key": "client-key"})),
            false,
        ),
        (
            "a certificate as file and data",
            of_admin("client-certificate", json!("client-certificate")),
            false,
        ),
        ("nobody", user(json!({})), false),
        (
            "user name and password",
            user(json!({"username": "a", "password": "b"})),
            false,
        ),
        (
            "a token and a user name",
            user(json!({"token": token, "username": "a", "password": "b"})),
            false,
        ),
        ("as somebody without rights", of_admin("as", json!("somebody")), false),
        (
            "as a master",
            set(
                of_admin("as", json!("somebody")),
                "/users/0/user/as-groups",
                masters.clone(),
            ),
            true,
        ),
        ("groups without as", of_admin("as-groups", masters), false),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

#[tokio::test]
async fn credential_plugins_are_run() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let token = table.subject.token("plugs").await?;
    let credential = |version: &str, status: Value| {
        json!({"apiVersion": version, "kind": "ExecCredential", "status": status}).to_string()
    };
    let of = |field: &str| {
        let data = admin
            .pointer(&format!("{USER}/{field}-data"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let pem = data_encoding::BASE64.decode(data.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&pem).into_owned()
    };
    let with_token = |status: Value| format!("cat <<'END'\n{}\nEND", credential(EXEC_V1, status));
    let plain = with_token(json!({"token": token}));
    let later = json!({"token": token, "expirationTimestamp": "2999-01-01T00:00:00Z"});
    let certificate = json!({"clientCertificateData": of("client-certificate"), "clientKeyData": of("client-key")});
    let for_arguments = format!(
        "test \"$1\" = '' && test \"$2\" = b && test \"$WHO\" = me && test \"${{NOTHING-x}}\" = '' || exit 1\n{plain}"
    );
    let for_info = format!(
        "case \"$KUBERNETES_EXEC_INFO\" in *'\"server\":\"https://'*'\"audience\":\"me\"'*) ;; *) exit 1;; esac\n{plain}"
    );
    for (name, body) in [
        ("plain", plain.clone()),
        ("later", with_token(later)),
        ("certificate", with_token(certificate)),
        ("arguments", for_arguments),
        ("info", for_info),
        ("older", plain.replace(EXEC_V1, EXEC_V1BETA1)),
        ("failing", "echo secret-of-the-plugin; exit 3".to_owned()),
        ("strange", "echo something else".to_owned()),
        (
            "without-status",
            format!("echo '{}'", json!({"apiVersion": EXEC_V1, "kind": "ExecCredential"})),
        ),
    ] {
        table.plugin(name, &body)?;
    }
    let exec = |exec: Value| set(admin.clone(), USER, json!({"exec": exec}));
    let never = |command: &str| json!({"apiVersion": EXEC_V1, "command": command, "interactiveMode": "Never"});
    let extension = json!([{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "me"}}]);
    let informed = set(never("./info"), "/provideClusterInfo", json!(true));
    let with_arguments = set(
        set(never("./arguments"), "/args", json!(["", "b"])),
        "/env",
        json!([{"name": "WHO", "value": "me"}, {"name": "NOTHING"}]),
    );
    let absolute = table.subject.folder.path().join("plain").display().to_string();
    for (name, contents, reached) in [
        ("a token", exec(never("./plain")), true),
        ("an absolute path", exec(never(&absolute)), true),
        ("not in the path", exec(never("plain")), false),
        ("a token that ends", exec(never("./later")), true),
        ("a certificate", exec(never("./certificate")), true),
        ("arguments and variables", exec(with_arguments), true),
        (
            "IfAvailable",
            exec(set(never("./plain"), "/interactiveMode", json!("IfAvailable"))),
            true,
        ),
        (
            "no interactiveMode",
            exec(unset(never("./plain"), "/interactiveMode")),
            false,
        ),
        (
            "a strange interactiveMode",
            exec(set(never("./plain"), "/interactiveMode", json!("Sometimes"))),
            false,
        ),
        (
            "no interactiveMode, v1beta1",
            exec(json!({"apiVersion": EXEC_V1BETA1, "command": "./older"})),
            true,
        ),
        ("no apiVersion", exec(unset(never("./plain"), "/apiVersion")), false),
        ("no command", exec(unset(never("./plain"), "/command")), false),
        ("one that is not there", exec(never("./missing")), false),
        ("one that fails", exec(never("./failing")), false),
        ("one that prints something else", exec(never("./strange")), false),
        ("one that prints no status", exec(never("./without-status")), false),
        (
            "told about the cluster",
            set(exec(informed), "/clusters/0/cluster/extensions", extension),
            true,
        ),
    ] {
        table.file(name, &contents, reached)?;
    }
    let failing = table.subject.write(&exec(never("./failing")))?.display().to_string();
    let said = table.subject.operator(&failing, &[]).await?.said;
    assert!(
        said.contains("credential plugin") && !said.contains("secret-of-the-plugin"),
        "{said}"
    );
    table.holds().await
}
