//! The commands of `IdentityReady` for the binding of a how-to page are the page's commands, so that both give the same
//! grants.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use crds::SignerBinding;
use operator::backends::{self, Grantee};
use operator::gke::Project;
use serde_json::{Value, json};
use tests::docs::Page;

/// The printed commands for the page's binding, with its names and with a change of its key.
fn printed(page: &Page, change: impl FnOnce(&mut Value)) -> Result<String> {
    let mut manifests = page
        .blocks
        .iter()
        .map(|block| serde_yaml::from_str::<Value>(&block.text()));
    let binding = manifests.find_map(|manifest| manifest.ok().filter(|found| found["kind"] == "SignerBinding"));
    let mut binding = binding.with_context(|| format!("{} has no SignerBinding", page.path))?;
    change(&mut binding["spec"]["key"]);
    let binding: SignerBinding = serde_json::from_value(binding)?;
    let backend = backends::of(&binding.spec.key).context("a binding without a key")?;
    Ok(backend.grants(&Grantee {
        project: &Project::default(),
        issuer: Some("https://issuer.example.com"),
        namespace: "atto",
        account: "atto-voter",
        acts_as: None,
    }))
}

/// The commands of a page with this beginning.
fn commands<'a>(page: &'a Page, beginning: &'a str) -> Vec<&'a str> {
    let blocks = page.blocks.iter().filter(|block| block.info.starts_with("sh"));
    let lines = blocks.flat_map(|block| block.lines.iter().map(|line| line.text.as_str()));
    lines.filter(|line| line.starts_with(beginning)).collect()
}

fn has(printed: &str, line: &str) -> Result<()> {
    ensure!(
        printed.lines().any(|found| found == line),
        "`{line}` is not in:\n{printed}"
    );
    Ok(())
}

#[test]
fn openbao_and_vault() -> Result<()> {
    let page = Page::read("docs/src/how-to/vault.md")?;
    let by_kubernetes = printed(&page, |_| {})?;
    let by_jwt = printed(&page, |key| {
        key["vault"]["auth"] = json!({"jwt": {"role": "atto-voter"}});
    })?;
    for (method, printed) in [("kubernetes", &by_kubernetes), ("jwt", &by_jwt)] {
        has(printed, &format!("bao auth enable {method}"))?;
        let writes = format!("bao write auth/{method}/");
        let on_the_page = commands(&page, &writes);
        ensure!(on_the_page.len() == 2, "{on_the_page:?}");
        for line in on_the_page {
            has(printed, line)?;
        }
        let policy = page.blocks.iter().find(|block| block.text().starts_with("path "));
        for line in policy.context("no policy")?.text().lines() {
            has(printed, line)?;
        }
    }
    Ok(())
}

#[test]
fn aws() -> Result<()> {
    let page = Page::read("docs/src/how-to/aws-kms.md")?;
    let printed = printed(&page, |_| {})?;
    let documents = page.blocks.iter().filter(|block| block.info == "json");
    let documents: Vec<Value> = documents
        .map(|block| serde_json::from_str(&block.text()))
        .collect::<Result<_, _>>()?;
    for (command, sort) in [("create-role", "sts:"), ("put-role-policy", "kms:Sign")] {
        let line = printed.lines().find(|line| line.contains(command)).context(command)?;
        let document = line.split('\'').nth(1).context("no document")?;
        let document: Value = serde_json::from_str(document)?;
        let on_the_page = documents.iter().find(|document| document.to_string().contains(sort));
        ensure!(on_the_page == Some(&document), "{command}: {on_the_page:?}\n{document}");
    }
    for line in commands(&page, "aws iam create-open-id-connect-provider") {
        has(&printed, line)?;
    }
    Ok(())
}

#[test]
fn google_from_any_cluster() -> Result<()> {
    let page = Page::read("docs/src/how-to/google-federation.md")?;
    let direct = printed(&page, |_| {})?;
    let acting = printed(&page, |key| {
        key["gcp"]["federation"]["serviceAccount"] = json!("signer@my-project.iam.gserviceaccount.com");
    })?;
    // The binding has the project's number, from which a shell finds the project's ID. The order of flags may differ.
    let words = |line: &str| -> BTreeSet<String> {
        let line = line.replace(
            r#""$(gcloud projects describe 123456789012 --format='value(projectId)')""#,
            "my-project",
        );
        line.replace('"', "").split(' ').map(str::to_owned).collect()
    };
    let said: Vec<_> = direct.lines().chain(acting.lines()).map(words).collect();
    let mut on_the_page = commands(&page, "gcloud iam");
    on_the_page.extend(commands(&page, "gcloud kms keys add-iam-policy-binding"));
    ensure!(on_the_page.len() == 5, "{on_the_page:?}");
    for line in on_the_page {
        ensure!(said.contains(&words(line)), "`{line}` is not in:\n{direct}\n{acting}");
    }
    Ok(())
}
