//! The programs connect with every kubeconfig with which kubectl connects, and refuse every kubeconfig that kubectl
//! refuses.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::subject::{add, set, unset};
use super::table::Table;

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
