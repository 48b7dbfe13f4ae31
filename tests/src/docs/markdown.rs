//! Reads Markdown as mdbook and GitHub do.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::Page;

/// A part of a page, and its line, starting at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub text: String,
    pub line: usize,
}

/// A heading, and its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    pub level: usize,
    pub text: String,
    pub anchor: String,
    pub line: usize,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The text after the opening fence.
    pub info: String,
    /// The line of the fence.
    pub line: usize,
    pub lines: Vec<Located>,
}

impl Block {
    pub fn text(&self) -> String {
        let lines = self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]);
        lines.collect()
    }
}

impl Page {
    /// Reads Markdown.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut reader = Reader {
            text,
            page: Self {
                path: path.to_owned(),
                text: text.to_owned(),
                ..Self::default()
            },
            heading: None,
            block: None,
        };
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            reader.take(event, range);
        }
        reader.page
    }
}

struct Reader<'a> {
    text: &'a str,
    page: Page,
    heading: Option<Heading>,
    block: Option<Block>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        let line = self.text[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some(Heading {
                    level: level as usize,
                    text: String::new(),
                    anchor: String::new(),
                    line,
                });
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.block = Some(Block {
                    info,
                    line,
                    lines: vec![],
                });
            }
            Event::End(TagEnd::CodeBlock) => self.page.blocks.extend(self.block.take()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => self.page.links.push(Located {
                text: dest_url.to_string(),
                line,
            }),
            Event::Text(text) => self.take_text(&text, line),
            Event::Code(text) => {
                if let Some(heading) = &mut self.heading {
                    heading.text.push_str(&text);
                }
                self.page.quoted.push(Located {
                    text: text.to_string(),
                    line,
                });
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                for name in ["src", "href", "srcset"] {
                    let found = attributes(&html, name);
                    let links = found.into_iter().map(|text| Located { text, line });
                    self.page.links.extend(links);
                }
                self.page.ids.extend(attributes(&html, "id"));
            }
            _ => {}
        }
    }

    fn take_text(&mut self, text: &str, line: usize) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
        }
        if let Some(block) = &mut self.block {
            let lines = text.lines().enumerate().map(|(index, text)| Located {
                text: text.to_owned(),
                line: line + index,
            });
            block.lines.extend(lines);
        }
    }

    fn end_heading(&mut self) {
        let Some(mut heading) = self.heading.take() else { return };
        let name = anchor(&heading.text);
        let taken = |anchor: &str| self.page.headings.iter().any(|other| other.anchor == anchor);
        let mut number = 0;
        heading.anchor.clone_from(&name);
        while taken(&heading.anchor) {
            number += 1;
            heading.anchor = format!("{name}-{number}");
        }
        self.page.headings.push(heading);
    }
}

/// The id that mdbook and GitHub give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|character| match character {
        '_' | '-' => Some(character),
        _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ if character.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

/// Values of an attribute.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let begin = format!(" {name}=\"");
    let values = html.split(begin.as_str()).skip(1);
    values
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# One `two`: three\n\nSee [x](a.md#b) and `charts/x`.\n\n## Again\n\n## Again\n\n1. So:\n\n   ```sh,cloud\n   a \\\n     b\n\n   c\n   ```\n\n<img alt=\"\" src=\"a.svg\">\n";

    #[test]
    fn headings_have_the_anchors_that_links_name() {
        let page = Page::parse("x.md", TEXT);
        let anchors: Vec<_> = page.headings.iter().map(|heading| heading.anchor.as_str()).collect();
        assert_eq!(anchors, ["one-two-three", "again", "again-1"]);
        assert!(page.has_anchor("again-1") && !page.has_anchor("again-2"));
    }

    #[test]
    fn links_and_blocks_keep_their_lines() {
        let page = Page::parse("x.md", TEXT);
        let links: Vec<_> = page.links.iter().map(|link| (link.text.as_str(), link.line)).collect();
        assert_eq!(links, [("a.md#b", 3), ("a.svg", 18)]);
        assert_eq!(page.quoted[1].text, "charts/x");
        let [block] = &page.blocks[..] else {
            unreachable!("one block")
        };
        assert_eq!((block.info.as_str(), block.line), ("sh,cloud", 11));
        assert_eq!(block.text(), "a \\\n  b\n\nc\n");
        assert_eq!(
            block.lines.iter().map(|line| line.line).collect::<Vec<_>>(),
            [12, 13, 14, 15]
        );
    }
}
