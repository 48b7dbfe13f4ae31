//! Builds nodes from the events of a document.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle, Tag};

use super::older;
use super::scalar::{self, Scalar};

pub enum Node {
    /// Only its first event was read: an alias to it would contain itself.
    Unfinished,
    Scalar {
        value: Result<Scalar, String>,
        is_merge: bool,
    },
    List(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias(usize),
}

/// How often a document is rewritten to YAML 1.2 and read again.
const TRIES: usize = 2000;

/// The nodes of the first document, and its root node. None without content.
pub fn read(text: &str) -> Result<(Vec<Node>, Option<usize>), String> {
    older::characters(text)?;
    // The text to read, and the same text with its original tabs. Each character is at the same place.
    let (mut source, mut text) = (Cow::Borrowed(text), Cow::Borrowed(text));
    for _ in 0..TRIES {
        let mut reader = Reader::new(&source);
        let error = match reader.root() {
            Ok(root) => {
                older::tabs(&text, &reader.within)?;
                return Ok((reader.nodes, root));
            }
            Err(error) => error,
        };
        match error.otherwise {
            // Tabs may indent a flow collection. The final check tells whether it is one.
            Some(Otherwise::TabInLine(line)) => {
                source = Cow::Owned(older::without_tabs(&source, line).ok_or(error.text)?);
            }
            Some(Otherwise::CommentAt(place)) => {
                source = Cow::Owned(older::with_space(&source, place).ok_or(error.text.clone())?);
                text = Cow::Owned(older::with_space(&text, place).ok_or(error.text)?);
            }
            None => return Err(error.text),
        }
    }
    Err(format!("found more than {TRIES} lines that begin with a tab"))
}

/// Syntax that YAML 1.1 accepts and YAML 1.2 does not.
enum Otherwise {
    TabInLine(usize),
    /// A comment directly after other text.
    CommentAt(usize),
}

struct Failure {
    text: String,
    otherwise: Option<Otherwise>,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { text, otherwise: None }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        let line = error.marker().line();
        Self {
            text: format!("line {line}: {}", error.info()),
            otherwise: match error.kind() {
                ErrorKind::TabInBlockIndentation => Some(Otherwise::TabInLine(line)),
                ErrorKind::CommentNotSeparated => error.marker().byte_offset().map(Otherwise::CommentAt),
                _ => None,
            },
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    nodes: Vec<Node>,
    anchors: HashMap<usize, usize>,
    /// Ranges in which tabs are not the indentation of a block.
    within: Vec<Range<usize>>,
    flows: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let options = granit_parser::options! {
            bom_inside_document_as_content: true,
            block_scalar_eof_without_line_feed: true,
            emit_anchor_events: true,
            emit_comments: false,
        };
        Self {
            text,
            events: Parser::new_from_str_with_options(text, options),
            nodes: vec![],
            anchors: HashMap::new(),
            within: vec![],
            flows: 0,
        }
    }

    /// The root node of the first document.
    fn root(&mut self) -> Result<Option<usize>, Failure> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(None),
                (event, span) => {
                    let root = self.node(event, span)?;
                    // The end must be read, because the following text must not continue the document.
                    self.next()?;
                    return Ok(Some(root));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Failure> {
        loop {
            let Some(next) = self.events.next_event() else {
                return Ok((Event::StreamEnd, Span::default()));
            };
            let (event, span) = next?;
            let is_in_flow = self.flows > 0;
            older::check(&event, &span, self.text, is_in_flow)
                .map_err(|error| format!("line {}: {error}", span.start.line()))?;
            if !matches!(event, Event::Anchor(..)) {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<usize, Failure> {
        let index = self.nodes.len();
        self.nodes.push(Node::Unfinished);
        if let Some(anchor) = event.anchor_id() {
            self.anchors.insert(anchor, index);
        }
        let node = match event {
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                Node::Alias(target.ok_or_else(|| "found an alias without its anchor".to_owned())?)
            }
            Event::Scalar(text, style, _, tag) => {
                self.within.extend(span.byte_range());
                scalar_node(&text, style, tag.as_deref())
            }
            Event::SequenceStart(style, ..) => self.within_flow(style, span, |this| {
                let mut items = vec![];
                loop {
                    match this.next()? {
                        (Event::SequenceEnd, end) => return Ok((Node::List(items), end)),
                        (event, span) => items.push(this.node(event, span)?),
                    }
                }
            })?,
            Event::MappingStart(style, ..) => self.within_flow(style, span, |this| {
                let mut entries = vec![];
                loop {
                    match this.next()? {
                        (Event::MappingEnd, end) => return Ok((Node::Mapping(entries), end)),
                        (event, span) => {
                            if style == StructureStyle::Flow && span.start.line() != span.end.line() {
                                let line = span.start.line();
                                return Err(
                                    format!("line {line}: found a key over several lines within brackets").into()
                                );
                            }
                            let key = this.node(event, span)?;
                            let (event, span) = this.next()?;
                            entries.push((key, this.node(event, span)?));
                        }
                    }
                }
            })?,
            _ => return Err("found the end in the middle of a document".to_owned().into()),
        };
        self.nodes[index] = node;
        Ok(index)
    }

    fn within_flow(
        &mut self,
        style: StructureStyle,
        start: Span,
        read: impl FnOnce(&mut Self) -> Result<(Node, Span), Failure>,
    ) -> Result<Node, Failure> {
        let is_flow = style == StructureStyle::Flow;
        self.flows += usize::from(is_flow);
        let (node, end) = read(self)?;
        self.flows -= usize::from(is_flow);
        if let (true, Some(start), Some(end)) = (is_flow, start.byte_range(), end.byte_range()) {
            self.within.push(start.start..end.end);
        }
        Ok(node)
    }
}

fn scalar_node(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    let tag = tag
        .map(|tag| format!("{}{}", tag.handle(), tag.suffix()))
        .unwrap_or_default();
    let is_plain = tag.is_empty() && style == ScalarStyle::Plain;
    Node::Scalar {
        is_merge: text == "<<" && (is_plain || tag == "!" || tag == "tag:yaml.org,2002:merge"),
        value: scalar::resolve(&tag, is_plain, text),
    }
}
