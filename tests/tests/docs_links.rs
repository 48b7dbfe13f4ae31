//! What a page points at is there: links, anchors, and files of this repository that it names.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, ensure};
use tests::docs::{self, Page, SITE};
use tests::workspace;

/// Where the repository is for readers of the site, which holds no files of it.
const REPOSITORY: &str = "https://github.com/attocash/signer-operator/";

/// The folders of the repository. What begins otherwise is no path of it.
const FOLDERS: [&str; 7] = ["charts", "crds", "docs", "examples", "operator", "signer", "tests"];

/// The list of the site's pages: mdbook itself says which of them is missing.
const SUMMARY: &str = "docs/src/SUMMARY.md";

type Pages = BTreeMap<String, Page>;

/// Folder and link to a path below the root, without `..`; `None` if it leads out of there.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut found = PathBuf::new();
    for part in Path::new(page).parent()?.join(link).components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::ParentDir => {
                found.pop().then_some(())?;
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    found.to_str().map(str::to_owned)
}

fn is_there(path: &str) -> bool {
    workspace::root().join(path).exists()
}

fn complaint(pages: &Pages, page: &Page, link: &str) -> Option<String> {
    if let Some(path) = link.strip_prefix(REPOSITORY) {
        let file = ["blob/main/", "tree/main/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix));
        let file = file.map(|file| file.split('#').next().unwrap_or_default());
        return file
            .filter(|file| !is_there(file))
            .map(|file| format!("the repository has no {file}"));
    }
    if link.contains("://") || link.starts_with("mailto:") {
        return (!is_well_formed(link)).then(|| format!("{link} is no https address"));
    }
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() {
        Some(page.path.clone())
    } else {
        resolve(&page.path, path)
    };
    let Some(target) = target else {
        return Some(format!("{link} leads out of the repository"));
    };
    if !pages.contains_key(&target) && !is_there(&target) {
        return Some(format!("there is no {target}"));
    }
    if page.is_of_the_site() && !Path::new(&target).starts_with(SITE) {
        return Some(format!(
            "{target} is not on the site: link to {REPOSITORY}blob/main/{target}"
        ));
    }
    let anchor = anchor?;
    let has_anchor = pages.get(&target).is_some_and(|page| page.has_anchor(anchor));
    (!has_anchor).then(|| format!("{target} has no section #{anchor}"))
}

fn is_well_formed(link: &str) -> bool {
    let Some(rest) = link.strip_prefix("https://") else {
        return false;
    };
    let host = rest.split(['/', '#', '?']).next().unwrap_or_default();
    let is_name = |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
    host.contains('.') && host.chars().all(is_name) && !link.contains(char::is_whitespace)
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let pages = docs::pages()?;
    let mut complaints = vec![];
    for page in pages.values().filter(|page| page.path != SUMMARY) {
        for link in &page.links {
            let found = complaint(&pages, page, &link.text);
            complaints.extend(found.map(|found| format!("{}:{}: {found}", page.path, link.line)));
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// A path of this repository, written as such: with a folder of it in front and nothing to be filled in.
fn path_of_the_repository(word: &str) -> Option<&str> {
    let (folder, rest) = word.split_once('/')?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    (FOLDERS.contains(&folder) && !rest.is_empty() && rest.chars().all(is_plain)).then_some(word)
}

#[test]
fn every_file_that_a_page_names_is_there() -> Result<()> {
    let mut complaints = vec![];
    for page in docs::pages()?.values() {
        let quoted = page.quoted.iter();
        let typed = page
            .blocks
            .iter()
            .filter(|block| block.kind().is_some())
            .flat_map(|block| &block.lines);
        for place in quoted.chain(typed) {
            for path in place.text.split_whitespace().filter_map(path_of_the_repository) {
                if !is_there(path) {
                    complaints.push(format!("{}:{}: there is no {path}", page.path, place.line));
                }
            }
        }
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// What is in no list of the site is on no page of it.
#[test]
fn every_page_of_the_site_is_in_its_summary() -> Result<()> {
    let pages = docs::pages()?;
    let listed: Vec<_> = pages[SUMMARY]
        .links
        .iter()
        .filter_map(|link| resolve(SUMMARY, &link.text))
        .collect();
    for page in pages
        .values()
        .filter(|page| page.is_of_the_site() && page.path != SUMMARY)
    {
        ensure!(listed.contains(&page.path), "{SUMMARY} does not list {}", page.path);
    }
    Ok(())
}

#[test]
fn what_leads_nowhere_is_told() {
    let page = Page::parse("docs/src/how-to/x.md", "# One\n");
    let other = Page::parse("docs/src/tutorial.md", "# Two\n");
    let pages = Pages::from([page, other].map(|page| (page.path.clone(), page)));
    let told = |link: &str| complaint(&pages, &pages["docs/src/how-to/x.md"], link);
    assert_eq!(told("#one"), None);
    assert_eq!(told("https://kubernetes.io/docs"), None);
    assert_eq!(told(&format!("{REPOSITORY}blob/main/Makefile#L1")), None);
    for wrong in [
        "#two",
        "gone.md",
        "../../../README.md",
        "../../../../README.md",
        "/README.md",
        "http://kubernetes.io",
        "https://kubernetes",
        "https://github.com/attocash/signer-operator/blob/main/gone",
    ] {
        assert!(told(wrong).is_some(), "{wrong}");
    }
    assert_eq!(
        path_of_the_repository("tests/tests/guard.rs"),
        Some("tests/tests/guard.rs")
    );
    for other in ["deployment/atto-voter", "examples/NAME.*", "signer/"] {
        assert_eq!(path_of_the_repository(other), None, "{other}");
    }
}
