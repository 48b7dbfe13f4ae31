//! The commands of the how-to page, unchanged.

use std::fs;

use anyhow::{Context, Result, ensure};
use tests::docs::{self, output::not_printed_by_preflight};
use tests::openbao::OpenBao;

use super::support::Settings;

/// Commands that a test's server cannot run unchanged, because they need a cluster or an address on the Internet.
const ELSEWHERE: &str = "/config ";
/// The commands of the section "Undo".
const UNDO: [&str; 2] = ["bao policy delete ", "bao delete "];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_commands_of_the_page_make_a_key_that_a_signer_may_use() -> Result<()> {
    let pages = docs::pages()?;
    let page = pages.values().find(|page| page.path.ends_with("how-to/vault.md"));
    let page = page.context("no page about OpenBao")?;
    let bao = OpenBao::start().await?;
    let policy = page
        .blocks
        .iter()
        .find(|block| block.info == "text")
        .context("no policy")?;
    let file = bao.folder().join("atto-voter.hcl");
    fs::write(&file, policy.text())?;
    // The page begins with a server without a transit engine.
    bao.bao(&["secrets", "disable", "transit"])?;
    let type_line = |line: &str| -> Result<()> {
        let words = line.strip_prefix("bao ").with_context(|| line.to_owned())?;
        let words = words.replace("atto-voter.hcl", &file.display().to_string());
        bao.bao(&words.split_whitespace().collect::<Vec<_>>()).map(drop)
    };
    let blocks = page.blocks.iter().filter(|block| block.info == "sh,cloud");
    let lines = blocks.flat_map(|block| block.text().lines().map(str::to_owned).collect::<Vec<_>>());
    let lines = lines.filter(|line| !line.contains(ELSEWHERE));
    let (undo, lines): (Vec<_>, Vec<_>) = lines.partition(|line| UNDO.iter().any(|start| line.starts_with(start)));
    ensure!(lines.len() >= 8 && undo.len() == 2, "{lines:?} {undo:?}");
    for line in &lines {
        type_line(line)?;
    }
    // The page's grants are sufficient, and minimal.
    let token = bao.token_file("token", "atto-voter", &["-ttl=1h"])?;
    let told = Settings::of(&bao.url(), "voter").token(&token).run(&["preflight"])?;
    ensure!(told.status.success(), "{told:?}");
    let printed = String::from_utf8_lossy(&told.stdout);
    let differs = not_printed_by_preflight("docs/src/how-to/vault.md", &printed)?;
    ensure!(differs.is_none(), "{differs:?}: {printed}");
    let token = fs::read_to_string(&token)?;
    for refused in [
        ["write", "-f", "transit/keys/voter/rotate"].as_slice(),
        &["read", "transit/export/signing-key/voter"],
        &["list", "transit/keys"],
    ] {
        let denied = bao.bao_as(token.trim(), refused).map_err(|error| error.to_string());
        ensure!(
            denied.is_err_and(|error| error.contains("permission denied")),
            "{refused:?}"
        );
    }
    for line in &undo {
        type_line(line)?;
    }
    let after = bao.bao_as(token.trim(), &["read", "transit/keys/voter"]);
    ensure!(
        after
            .map_err(|error| error.to_string())
            .is_err_and(|error| error.contains("permission denied")),
        "the token can still read the key"
    );
    Ok(())
}
