//! The targets of a page exist: links, anchors, and the files of this repository that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, ensure};
use tests::docs::{self, Page, SITE};
use tests::workspace;

/// The address of the repository for readers of the site, which does not contain the repository's files.
const REPOSITORY: &str = "https://github.com/attocash/signer-operator/";

/// The folders of the repository. Other text is not a path in it.
const FOLDERS: [&str; 7] = ["charts", "crds", "docs", "examples", "operator", "signer", "tests"];

/// The list of the site's pages. mdbook itself reports a missing page.
const SUMMARY: &str = "docs/src/SUMMARY.md";

type Pages = BTreeMap<String, Page>;

/// The path of a link below the root, without `..`. `None` if it leads out of the repository.
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

/// The word as a path of this repository, if it begins with one of its folders and has no placeholder.
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

/// The folders with the tests that pages name.
const SOURCES: [&str; 4] = ["crds/src", "operator/src", "signer/src", "tests/tests"];

/// The page whose tables name a test in each row.
const WORKS_WITH: &str = "docs/src/reference/works-with.md";

/// The names of all tests of the workspace.
fn tests_of(folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            tests_of(&path, found)?;
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let mut is_test = false;
        for line in std::fs::read_to_string(&path)?.lines().map(str::trim) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) = function.and_then(|function| function.split_once('('))
                && std::mem::take(&mut is_test)
            {
                found.insert(name.to_owned());
            }
        }
    }
    Ok(())
}

#[test]
fn every_row_of_works_with_names_a_test_that_is_there() -> Result<()> {
    let mut tests = BTreeSet::new();
    for folder in SOURCES {
        tests_of(&workspace::root().join(folder), &mut tests)?;
    }
    let page = Page::read(WORKS_WITH)?;
    let rows = page.text.lines().filter_map(|line| line.strip_prefix('|'));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let mut complaints = vec![];
    let mut checked = 0;
    for cells in cells.filter(|cells| {
        cells
            .last()
            .is_some_and(|last| *last != "test" && !last.starts_with("---"))
    }) {
        let (tool, named) = (cells[0], cells[cells.len() - 1]);
        if cells.len() != 5 {
            complaints.push(format!("{tool}: {} cells, expected 5", cells.len()));
        }
        if named == "–" {
            let says_so = cells.iter().any(|cell| cell.contains("not tried"));
            complaints
                .extend((!says_so).then(|| format!("{tool}: names no test and does not say that it was not tried")));
            continue;
        }
        for name in named.split(", ").map(|name| name.trim_matches('`')) {
            checked += 1;
            complaints.extend((!tests.contains(name)).then(|| format!("{tool}: there is no test {name}")));
        }
    }
    ensure!(complaints.is_empty(), "{WORKS_WITH}: {}", complaints.join("\n"));
    ensure!(checked > 0, "{WORKS_WITH} names no test");
    Ok(())
}

/// mdbook ignores a page that is not in the list.
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

/// A number with a unit.
fn has_a_figure(line: &str) -> bool {
    let words: Vec<_> = line
        .split([' ', '|', ',', '*', ')'])
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).any(|pair| {
        let is_number = pair[0].starts_with(|sign: char| sign.is_ascii_digit());
        is_number && ["ms", "s", "MiB", "µs"].contains(&pair[1])
    })
}

#[test]
fn what_a_bench_prints_stands_in_blocks_of_figures() -> Result<()> {
    let mut complaints = vec![];
    let pages = docs::pages()?;
    for page in pages.values().filter(|page| !page.path.starts_with("docs/figures/")) {
        let mut is_block = false;
        for line in page.text.lines() {
            is_block = match line {
                line if line.starts_with("<!-- figures: ") => true,
                "<!-- end of figures -->" => false,
                _ => is_block,
            };
            let names_one = line.contains("`make bench") || line.contains("`make soak`");
            if names_one && !is_block && has_a_figure(line) {
                complaints.push(format!("{}: {line}", page.path));
            }
        }
    }
    ensure!(
        complaints.is_empty(),
        "found figures outside of blocks, expected them in docs/figures.json. Add a template to docs/figures:\n{}",
        complaints.join("\n")
    );
    assert!(has_a_figure("| x | **1.3 s**: y | `make bench` |") && !has_a_figure("`make soak` takes 7 minutes"));
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
