//! The output of each block of a page, compared with the output that the page shows.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use tests::docs::shell::Kind;
use tests::docs::{Block, Page};

/// The beginning of the line that ends the output of a block.
const END: char = '\u{1e}';

/// The variable with a folder for the output of each block, for people who write a page.
const FOLDER: &str = "TRANSCRIPT";

/// The line after a block, and the command in it that ends the block's output.
pub fn end(block: &Block) -> (usize, String) {
    let last = block.lines.last().map_or(block.line, |line| line.line);
    // The output may end within a line.
    (last + 1, format!("printf '\\n\\036%s\\n' {}", block.line))
}

/// The lines that a person would see.
pub fn lines(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter(|line| !line.starts_with(END))
}

/// The error in the place of an output block, if there is one.
pub fn complaint(before: Option<&Block>, block: &Block) -> Option<String> {
    let follows = before.is_some_and(|before| before.kind() == Some(Kind::Anywhere));
    (block.is_output() && !follows).then(|| {
        format!(
            "the fence says {:?}, expected a block `sh` right before it, which prints this; other output is `text`",
            block.info
        )
    })
}

/// Compares the output of these blocks with the output that the page shows after each.
pub fn compare(page: &Page, blocks: &[&Block], printed: &str) -> Result<()> {
    let mut rest = printed;
    let mut text = String::new();
    let mut complaints = vec![];
    for block in blocks {
        let end = format!("\n{END}{}\n", block.line);
        let (output, after) = rest
            .split_once(&end)
            .with_context(|| format!("{}:{}: the block did not end", page.path, block.line))?;
        rest = after;
        let _ = write!(text, "## line {}\n{output}\n", block.line);
        let shown = page.blocks.iter().skip_while(|other| other.line <= block.line);
        let shown = shown.take(1).find(|other| other.is_output());
        if let Some((shown, line)) = shown.and_then(|shown| Some((shown, shown.not_printed(output)?))) {
            complaints.push(format!(
                "{}:{}: the page shows\n    {line}\nand the commands printed\n{output}",
                page.path, shown.line
            ));
        }
    }
    if let Some(folder) = env::var_os(FOLDER) {
        let name = page.path.replace('/', "_");
        fs::create_dir_all(&folder)?;
        fs::write(Path::new(&folder).join(name), text)?;
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

#[test]
fn each_block_is_compared_with_what_it_printed_itself() -> Result<()> {
    let text = "# X\n\n```sh\none\n```\n\n```text,output\n1\n```\n\n```sh\ntwo\n```\n\n```text,output\n2\n```\n";
    let page = Page::parse("x.md", text);
    let blocks: Vec<_> = page.blocks.iter().filter(|block| !block.is_output()).collect();
    assert_eq!(end(blocks[0]), (5, "printf '\\n\\036%s\\n' 3".to_owned()));
    compare(&page, &blocks, "1\n\n\u{1e}3\n2\n\u{1e}11\n")?;
    let swapped = compare(&page, &blocks, "2\n\n\u{1e}3\n1\n\u{1e}11\n").map_err(|error| error.to_string());
    let told = swapped.err().context("taken")?;
    assert!(told.contains("x.md:7: ") && told.contains("x.md:15: "), "{told}");
    assert!(complaint(None, &page.blocks[1]).is_some());
    assert!(complaint(Some(&page.blocks[0]), &page.blocks[1]).is_none());
    Ok(())
}
