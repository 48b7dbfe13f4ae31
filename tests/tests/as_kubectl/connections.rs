//! Kubeconfigs: what kubectl connects with, the programs connect with, and what it refuses, they refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::subject::{Subject, add, set, unset};

const CLUSTER: &str = "/clusters/0/cluster";
const USER: &str = "/users/0/user";
const EXEC_V1: &str = "client.authentication.k8s.io/v1";
const EXEC_V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

struct Row {
    name: &'static str,
    kubeconfig: String,
    environment: Vec<(&'static str, String)>,
    reached: bool,
}

struct Table {
    subject: Subject,
    rows: Vec<Row>,
}

impl Table {
    async fn new() -> Result<Self> {
        let subject = Subject::new().await?;
        Ok(Self { subject, rows: vec![] })
    }

    fn path(&mut self, name: &'static str, kubeconfig: impl Into<String>, reached: bool) -> &mut Row {
        self.rows.push(Row {
            name,
            kubeconfig: kubeconfig.into(),
            environment: vec![],
            reached,
        });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    fn file(&mut self, name: &'static str, contents: &Value, reached: bool) -> Result<&mut Row> {
        let path = self.subject.write(contents)?.display().to_string();
        Ok(self.path(name, path, reached))
    }

    fn text(&mut self, name: &'static str, contents: &str, reached: bool) -> Result<()> {
        let path = self.subject.write_text(contents)?.display().to_string();
        self.path(name, path, reached);
        Ok(())
    }

    fn several(&mut self, name: &'static str, files: &[Value], reached: bool) -> Result<()> {
        let paths = files
            .iter()
            .map(|file| Ok(self.subject.write(file)?.display().to_string()));
        let paths: Result<Vec<_>> = paths.collect();
        self.path(name, paths?.join(":"), reached);
        Ok(())
    }

    fn beside(&self, name: &str, contents: &str) -> Result<PathBuf> {
        let path = self.subject.folder.path().join(name);
        fs::write(&path, contents)?;
        Ok(path)
    }

    /// A credential plugin that prints this.
    fn plugin(&self, name: &str, body: &str) -> Result<()> {
        let path = self.beside(name, &format!("#!/bin/sh\n{body}\n"))?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    /// Asks both of them each row.
    async fn holds(self) -> Result<()> {
        let subject = &self.subject;
        let differences: Vec<String> = stream::iter(&self.rows)
            .map(|row| async move {
                let kubectl = subject.kubectl(&row.kubeconfig, &row.environment).await?;
                let operator = subject.operator(&row.kubeconfig, &row.environment).await?;
                let is_as_expected = kubectl.reached == row.reached && operator.reached == row.reached;
                let told = format!(
                    "{} (expected: {}):\n  {kubectl:?}\n  {operator:?}",
                    row.name, row.reached
                );
                anyhow::Ok((!is_as_expected).then_some(told))
            })
            .buffer_unordered(3)
            .try_filter_map(async |difference| Ok(difference))
            .try_collect()
            .await?;
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    }
}

#[tokio::test]
async fn several_files_are_merged() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let good = table.subject.write(&admin)?.display().to_string();
    let folder = table.subject.folder.path().display().to_string();
    table.path("one file", &good, true);
    table.path("the first is missing", format!("{folder}/missing:{good}"), true);
    table.path("the last is missing", format!("{good}:{folder}/missing"), true);
    table.path("all are missing", format!("{folder}/missing:{folder}/too"), false);
    table.path("empty names", format!("::{good}:"), true);
    table.path("twice the same", format!("{good}:{good}"), true);
    table.path("a folder", &folder, false);
    table.path("a folder and a file", format!("{folder}:{good}"), false);
    let empty = table.subject.write_text("")?.display().to_string();
    table.path("an empty one first", format!("{empty}:{good}"), true);
    let broken = table.subject.write_text("a: [")?.display().to_string();
    table.path("a broken one after", format!("{good}:{broken}"), false);
    let text = table.subject.write_text("only text\n")?.display().to_string();
    table.path("one that is only text", format!("{text}:{good}"), false);
    let home = table.subject.folder.path().join("home");
    fs::create_dir_all(home.join(".kube"))?;
    fs::copy(&good, home.join(".kube/config"))?;
    let row = table.path("none is named, one is in the home directory", "", true);
    row.environment = vec![("HOME", home.display().to_string())];
    table.path("none is named", "", false);

    let part = |section: &str| json!({section: admin[section]});
    let parts = [
        part("users"),
        part("clusters"),
        part("contexts"),
        part("current-context"),
    ];
    table.several("each section in a file of its own", &parts, true)?;
    let other = |token: &str| json!({"users": [{"name": "tests", "user": {"token": token}}]});
    table.several("the first user of a name wins", &[other("wrong"), admin.clone()], false)?;
    table.several(
        "and is not mixed with the second",
        &[admin.clone(), other("wrong")],
        true,
    )?;
    let current = |name: Value| json!({"current-context": name});
    table.several(
        "the first current-context wins",
        &[current(json!("nowhere")), admin.clone()],
        false,
    )?;
    table.several("an empty one does not", &[current(json!("")), admin.clone()], true)?;
    table.several("nor null", &[current(json!(null)), admin.clone()], true)?;
    table.holds().await
}

#[tokio::test]
async fn what_is_not_used_may_be_anything() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let user = |user: Value| add(admin.clone(), "users", json!({"name": "unused", "user": user}));
    let context = |context: Value| add(admin.clone(), "contexts", json!({"name": "unused", "context": context}));
    let cluster = |cluster: Value| add(admin.clone(), "clusters", json!({"name": "unused", "cluster": cluster}));
    for (name, contents, reached) in [
        (
            "auth-provider.config: null",
            user(json!({"auth-provider": {"name": "gcp", "config": null}})),
            true,
        ),
        ("auth-provider without a name", user(json!({"auth-provider": {}})), true),
        (
            "auth-provider.config: text",
            user(json!({"auth-provider": {"name": "gcp", "config": "text"}})),
            false,
        ),
        (
            "exec with nulls",
            user(json!({"exec": {"command": null, "args": null, "env": null, "provideClusterInfo": null}})),
            true,
        ),
        (
            "exec with a variable without a value",
            user(json!({"exec": {"command": "x", "env": [{"name": "A"}]}})),
            true,
        ),
        ("a user that is null", user(json!(null)), true),
        (
            "a user with nulls",
            user(json!({"token": null, "as-groups": null, "as-user-extra": null, "extensions": null})),
            true,
        ),
        ("a user with unknown fields", user(json!({"unknown": {"a": [1]}})), true),
        ("a token that is a number", user(json!({"token": 12})), false),
        ("a context that is null", context(json!(null)), true),
        ("a context without a cluster", context(json!({"user": "tests"})), true),
        (
            "a context of a cluster that is not there",
            context(json!({"cluster": "nowhere", "user": null})),
            true,
        ),
        ("a cluster that is null", cluster(json!(null)), true),
        (
            "a cluster with nulls",
            cluster(json!({"server": null, "insecure-skip-tls-verify": null, "extensions": null})),
            true,
        ),
        (
            "a cluster with a file that is not there",
            cluster(json!({"server": "https://a", "certificate-authority": "missing"})),
            true,
        ),
        (
            "a proxy-url of a strange scheme",
            cluster(json!({"server": "https://a", "proxy-url": "ftp://a"})),
            true,
        ),
        (
            "preferences: null",
            set(admin.clone(), "/preferences", json!(null)),
            true,
        ),
        (
            "preferences with a colour",
            set(admin.clone(), "/preferences", json!({"colors": true})),
            true,
        ),
        (
            "extensions",
            set(
                admin.clone(),
                "/extensions",
                json!([{"name": "a", "extension": {"b": 1}}]),
            ),
            true,
        ),
        ("no kind", unset(unset(admin.clone(), "/kind"), "/apiVersion"), true),
        ("another kind", set(admin.clone(), "/kind", json!("Pod")), false),
        ("another version", set(admin.clone(), "/apiVersion", json!("v2")), false),
        (
            "clusters that are no list",
            json!({"clusters": {}, "current-context": "tests"}),
            false,
        ),
        (
            "the same name twice",
            add(admin.clone(), "users", admin["users"][0].clone()),
            false,
        ),
        ("unknown fields", set(admin.clone(), "/unknown", json!([{}])), true),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

#[tokio::test]
async fn a_context_has_to_be_chosen() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    for (name, contents, reached) in [
        (
            "current-context is missing",
            unset(admin.clone(), "/current-context"),
            false,
        ),
        (
            "current-context: null",
            set(admin.clone(), "/current-context", json!(null)),
            false,
        ),
        (
            "current-context is not there",
            set(admin.clone(), "/current-context", json!("nowhere")),
            false,
        ),
        (
            "its cluster is not there",
            set(admin.clone(), "/contexts/0/context/cluster", json!("nowhere")),
            false,
        ),
        (
            "its user is not there: asked as nobody",
            set(admin.clone(), "/contexts/0/context/user", json!("nobody")),
            false,
        ),
        (
            "its user is null",
            set(admin.clone(), "/contexts/0/context/user", json!(null)),
            false,
        ),
        (
            "its namespace is null",
            set(admin.clone(), "/contexts/0/context/namespace", json!(null)),
            true,
        ),
        (
            "its namespace is a number",
            set(admin.clone(), "/contexts/0/context/namespace", json!(7)),
            false,
        ),
        ("contexts: null", set(admin.clone(), "/contexts", json!(null)), false),
        ("users: null", set(admin.clone(), "/users", json!(null)), false),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

#[tokio::test]
async fn it_is_yaml_as_kubectl_reads_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let text = serde_yaml::to_string(&admin)?;
    let open = serde_yaml::to_string(&unset(admin, "/clusters/0/cluster/certificate-authority-data"))?;
    let insecure = |value: &str| {
        open.replace(
            "    server:",
            &format!("    insecure-skip-tls-verify: {value}\n    server:"),
        )
    };
    table.text("YAML", &text, true)?;
    table.text("with CRLF", &text.replace('\n', "\r\n"), true)?;
    table.text("with a byte order mark", &format!("\u{FEFF}{text}"), true)?;
    table.text("with comments", &format!("# mine\n---\n{text}# end\n"), true)?;
    table.text(
        "the first document of two",
        &format!("{text}---\ncurrent-context: nowhere\n"),
        true,
    )?;
    table.text(
        "a key twice: the last one",
        &format!("current-context: nowhere\n{text}"),
        true,
    )?;
    table.text("a boolean of YAML 1.1", &insecure("yes"), true)?;
    table.text("a boolean as text", &insecure("'yes'"), false)?;
    table.text("a boolean as a number", &insecure("1"), false)?;
    table.text("no boolean", &insecure("no"), false)?;
    let at = text.find("current-context").context("no current-context")?;
    let mut merged = text.clone();
    merged.insert_str(at, "base: &base {current-context: tests}\n<<: *base\n");
    table.text("a merge key", &merged, true)?;
    table.text("with a tab", &text.replace("    server:", "\t    server:"), false)?;
    table.holds().await
}

#[tokio::test]
async fn the_authority_is_read_as_kubectl_does_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let data = admin
        .pointer("/clusters/0/cluster/certificate-authority-data")
        .and_then(Value::as_str);
    let data = data.context("no authority")?.to_owned();
    let pem = data_encoding::BASE64.decode(data.as_bytes())?;
    table.beside("ca.crt", &String::from_utf8(pem)?)?;
    table.beside("nothing.crt", "")?;
    let open = unset(admin.clone(), "/clusters/0/cluster/certificate-authority-data");
    let insecure = |contents: &Value, value: bool| of_cluster(contents, "insecure-skip-tls-verify", json!(value));
    let lines: Vec<_> = data.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    for (name, contents, reached) in [
        ("no authority", open.clone(), false),
        ("insecure-skip-tls-verify", insecure(&open, true), true),
        ("insecure-skip-tls-verify: false", insecure(&open, false), false),
        (
            "insecure-skip-tls-verify with an authority",
            insecure(&admin, true),
            false,
        ),
        (
            "a file beside the kubeconfig",
            of_cluster(&open, "certificate-authority", json!("ca.crt")),
            true,
        ),
        (
            "a file that is not there",
            of_cluster(&open, "certificate-authority", json!("missing.crt")),
            false,
        ),
        (
            "a file with nothing in it",
            of_cluster(&open, "certificate-authority", json!("nothing.crt")),
            false,
        ),
        (
            "a file and data",
            of_cluster(&admin, "certificate-authority", json!("ca.crt")),
            false,
        ),
        (
            "data in lines",
            of_cluster(&admin, "certificate-authority-data", json!(lines.join("\n"))),
            true,
        ),
        (
            "data that is not base64",
            of_cluster(&admin, "certificate-authority-data", json!("?")),
            false,
        ),
        (
            "data that is no certificate",
            of_cluster(&admin, "certificate-authority-data", json!("YWJj")),
            false,
        ),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

#[tokio::test]
async fn the_server_is_verified_as_kubectl_does_it() -> Result<()> {
    let mut table = Table::new().await?;
    let admin = table.subject.admin()?;
    let server = admin
        .pointer("/clusters/0/cluster/server")
        .and_then(Value::as_str)
        .context("no server")?;
    let bare = server.trim_start_matches("https://");
    for (name, contents, reached) in [
        (
            "tls-server-name",
            of_cluster(&admin, "tls-server-name", json!("kubernetes")),
            true,
        ),
        (
            "tls-server-name of another",
            of_cluster(&admin, "tls-server-name", json!("other.example")),
            false,
        ),
        (
            "tls-server-name: null",
            of_cluster(&admin, "tls-server-name", json!(null)),
            true,
        ),
        (
            "a server without a scheme",
            of_cluster(&admin, "server", json!(bare)),
            false,
        ),
        (
            "a server with a slash",
            of_cluster(&admin, "server", json!(format!("{server}/"))),
            true,
        ),
        (
            "a server with a path that is not there",
            of_cluster(&admin, "server", json!(format!("{server}/nowhere"))),
            false,
        ),
        (
            "a server with a strange scheme",
            of_cluster(&admin, "server", json!("ftp://127.0.0.1")),
            false,
        ),
        ("no server", unset(admin.clone(), "/clusters/0/cluster/server"), false),
        (
            "disable-compression",
            of_cluster(&admin, "disable-compression", json!(true)),
            true,
        ),
    ] {
        table.file(name, &contents, reached)?;
    }
    table.holds().await
}

/// The file with another value in its cluster.
fn of_cluster(contents: &Value, field: &str, value: Value) -> Value {
    set(contents.clone(), &format!("{CLUSTER}/{field}"), value)
}

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
