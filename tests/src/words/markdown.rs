//! The prose of a page: paragraphs, headings, list items and cells, without its blocks of code.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::piece::{Kind, Piece};

pub fn read(path: &str, kind: Kind, page: &str) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut open: Option<(usize, String)> = None;
    let mut in_code = false;
    for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        let text = match event {
            Event::Start(Tag::CodeBlock(_)) => {
                in_code = true;
                continue;
            }
            Event::End(TagEnd::CodeBlock) => {
                in_code = false;
                continue;
            }
            Event::Text(_) if in_code => continue,
            Event::Text(text) => text.to_string(),
            Event::Code(code) => format!("`{code}`"),
            Event::SoftBreak | Event::HardBreak => "\n".to_owned(),
            Event::Start(tag) if !is_inline(&tag) => {
                close(&mut open, &mut pieces, path, kind, page);
                continue;
            }
            Event::End(end) if !ends_inline(end) => {
                close(&mut open, &mut pieces, path, kind, page);
                continue;
            }
            _ => continue,
        };
        open.get_or_insert_with(|| (range.start, String::new()))
            .1
            .push_str(&text);
    }
    close(&mut open, &mut pieces, path, kind, page);
    pieces
}

fn close(open: &mut Option<(usize, String)>, pieces: &mut Vec<Piece>, path: &str, kind: Kind, page: &str) {
    let Some((start, text)) = open.take() else { return };
    pieces.push(Piece {
        path: path.to_owned(),
        line: page[..start].matches('\n').count() + 1,
        kind,
        text,
    });
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(
        tag,
        Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
    )
}

fn ends_inline(end: TagEnd) -> bool {
    matches!(
        end,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}
