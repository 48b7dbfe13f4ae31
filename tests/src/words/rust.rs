//! The texts of a Rust file that its programs print. Comments are read as lines, see `plain`.

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::piece::{Kind, Piece};

/// A shorter text is a name, a path or a flag.
const FEWEST_WORDS: usize = 3;

/// The texts with several words outside of tests.
///
/// # Errors
/// The file is not Rust.
pub fn texts(path: &str, kind: Kind, file: &str) -> Result<Vec<Piece>> {
    let tokens: TokenStream = file
        .parse()
        .ok()
        .with_context(|| format!("{path}: found no valid Rust"))?;
    let mut found = vec![];
    read(tokens, &mut found);
    let lines = found
        .iter()
        .flat_map(|(line, text)| text.lines().map(|text| (*line, text)));
    let texts = lines.filter(|(_, text)| is_prose(text));
    let pieces = texts.map(|(line, text)| Piece {
        path: path.to_owned(),
        line,
        kind,
        text: without_placeholders(text),
    });
    Ok(pieces.collect())
}

fn read(tokens: TokenStream, found: &mut Vec<(usize, String)>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                // For a whole file: `#![…]`.
                let is_inner = matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
                let Some(TokenTree::Group(attribute)) = tokens.get(at + usize::from(is_inner)) else {
                    continue;
                };
                let name = attribute.stream().to_string().replace(' ', "");
                if name.starts_with("doc=") {
                    at += 1 + usize::from(is_inner);
                } else if name == "cfg(test)" {
                    at = after_item(&tokens, at + 1);
                }
            }
            TokenTree::Group(group) => read(group.stream(), found),
            TokenTree::Literal(literal) => {
                let group = Group::new(Delimiter::None, TokenTree::from(literal.clone()).into());
                if let Ok(text) = syn::parse2::<syn::LitStr>(group.stream()) {
                    found.push((literal.span().start().line, text.value()));
                }
            }
            _ => {}
        }
    }
}

/// The index after the item that begins here: after its block or its semicolon.
fn after_item(tokens: &[TokenTree], from: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    let length = tokens[from.min(tokens.len())..].iter().position(is_end);
    length.map_or(tokens.len(), |length| from + length + 1)
}

/// Several words of letters, and not an expression, a command or a manifest.
fn is_prose(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || ",.;:'()".contains(c));
    let words = text.split_whitespace().filter(is_word).count();
    let is_expression = [" && ", " || ", "self.", " == "].iter().any(|part| text.contains(part));
    words >= FEWEST_WORDS && !is_expression
}

/// `{name}` becomes `X`, which reads like a value.
fn without_placeholders(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, behind)) = after.split_once('}') else {
            break;
        };
        result.push_str(before);
        result.push('X');
        rest = behind;
    }
    result + rest
}
