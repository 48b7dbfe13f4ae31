//! The paths in unparsed tokens: the inside of macros and attributes.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::ItemUse;

/// A path as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub segments: Vec<String>,
    /// Begins with `::`, and therefore with a crate.
    pub global: bool,
    pub line: usize,
}

impl Written {
    pub fn new(path: &syn::Path) -> Option<Self> {
        let first = path.segments.first()?;
        Some(Self {
            segments: path.segments.iter().map(|segment| name(&segment.ident)).collect(),
            global: path.leading_colon.is_some(),
            line: line(&first.ident),
        })
    }
}

/// An identifier without the `r#` prefix.
pub fn name(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

pub fn line(ident: &Ident) -> usize {
    ident.span().start().line
}

/// The paths in tokens.
#[derive(Default)]
pub struct Found {
    pub paths: Vec<Written>,
    pub imports: Vec<ItemUse>,
}

/// Finds the paths in `tokens`. Attributes also have paths in strings, as in `#[serde(with = "…")]`; `texts` says whether to
/// search them.
pub fn find(tokens: TokenStream, texts: bool, found: &mut Found) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += match token {
            TokenTree::Group(group) => {
                find(group.stream(), texts, found);
                1
            }
            TokenTree::Literal(literal) => {
                if texts {
                    found.paths.extend(path_of_text(literal));
                }
                1
            }
            // `'a` and `$name` are not paths, but `$crate` is.
            TokenTree::Punct(punct) if punct.as_char() == '\'' => 2,
            TokenTree::Punct(punct) if punct.as_char() == '$' => match tokens.get(at + 1) {
                Some(TokenTree::Ident(ident)) if ident != "crate" => 1 + length(&tokens[at + 1..]).max(1),
                _ => 1,
            },
            // `..` is a range, and after a single dot comes a field or a method.
            TokenTree::Punct(punct) if punct.as_char() == '.' => match tokens.get(at + 1) {
                Some(TokenTree::Punct(next)) if next.as_char() == '.' => 2,
                Some(TokenTree::Ident(_)) => 2,
                _ => 1,
            },
            TokenTree::Punct(_) => 1,
            TokenTree::Ident(ident) if ident == "use" => match import(&tokens[at..]) {
                Some((import, length)) => {
                    found.imports.push(import);
                    length
                }
                None => 1,
            },
            TokenTree::Ident(ident) => {
                let length = length(&tokens[at..]);
                let before = &tokens[..at];
                let after_colons = before.len() >= 2 && colons(&before[before.len() - 2..]);
                // `Vec::<T>::new`: the rest of a path that has already begun.
                let is_rest = after_colons && before.iter().rev().nth(2).is_some_and(|token| is(token, '>'));
                if !is_rest {
                    found.paths.push(Written {
                        segments: identifiers(&tokens[at..at + length]),
                        global: after_colons,
                        line: line(ident),
                    });
                }
                length
            }
        };
    }
}

/// The number of tokens of the path at their beginning.
fn length(tokens: &[TokenTree]) -> usize {
    let mut length = 1;
    while let Some([first, second, TokenTree::Ident(_)]) = tokens.get(length..length + 3)
        && is(first, ':')
        && is(second, ':')
    {
        length += 3;
    }
    length
}

fn identifiers(tokens: &[TokenTree]) -> Vec<String> {
    let identifiers = tokens.iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(name(ident)),
        _ => None,
    });
    identifiers.collect()
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn colons(tokens: &[TokenTree]) -> bool {
    tokens.iter().all(|token| is(token, ':'))
}

/// `use …;` at the beginning of these tokens, and its length.
fn import(tokens: &[TokenTree]) -> Option<(ItemUse, usize)> {
    let length = tokens.iter().position(|token| is(token, ';'))? + 1;
    let import = syn::parse2(tokens[..length].iter().cloned().collect()).ok()?;
    Some((import, length))
}

fn path_of_text(literal: &proc_macro2::Literal) -> Option<Written> {
    let group = Group::new(Delimiter::None, TokenTree::from(literal.clone()).into());
    let text: syn::LitStr = syn::parse2(group.stream()).ok()?;
    let path: syn::Path = syn::parse_str(&text.value()).ok()?;
    let line = literal.span().start().line;
    Written::new(&path).map(|written| Written { line, ..written })
}
