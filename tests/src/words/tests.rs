use super::list::List;
use super::piece::{Kind, Piece};
use super::{markdown, plain, rust, sentence};

const LIST: &str = "
longestSentence: 10
words:
  - avoid: [anew]
    instead: again
  - avoid: [stand in, looked at]
    instead: something else
    except: [looked at the log]
allowed:
  - path: docs/
    word: anew
    because: a quotation
";

fn piece(path: &str, text: &str) -> Piece {
    Piece {
        path: path.to_owned(),
        line: 7,
        kind: Kind::Comment,
        text: text.to_owned(),
    }
}

fn findings(pieces: &[Piece]) -> Vec<String> {
    let list = List::parse(LIST).unwrap();
    list.compare(pieces).iter().map(ToString::to_string).collect()
}

#[test]
fn names_file_line_word_and_the_better_word() {
    let found = findings(&[piece("a.md", "One line.\nIt is made Anew."), piece("docs/b.md", "anew")]);
    assert_eq!(found, ["a.md:8: found \"anew\", expected other words: again"]);
}

#[test]
fn finds_a_phrase_over_two_lines_and_only_whole_words() {
    let quoted = piece("docs/a.md", "anew, `stand in`, a stand-in, anewly");
    assert_eq!(findings(&[quoted]), [] as [&str; 0]);
    let found = findings(&[piece("docs/a.md", "anew they stand\n    in it, and looked at the log")]);
    assert_eq!(
        found,
        ["docs/a.md:7: found \"stand in\", expected other words: something else"]
    );
}

#[test]
fn refuses_a_long_sentence_and_an_exception_that_nobody_needs() {
    let found = findings(&[piece(
        "a.md",
        "Short. This one has more than ten words, so it should be two of them.",
    )]);
    assert_eq!(
        found,
        [
            "a.md:7: found a sentence of 14 words, expected at most 10. Split it",
            "docs/words.yaml:1: found an exception for \"anew\" in docs/, which does not use it; remove the exception",
        ]
    );
}

#[test]
fn an_exception_needs_a_reason_and_a_word_a_better_one() {
    for (wrong, words) in [
        (LIST.replace("a quotation", "\"\""), "no reason for \"anew\" in docs/"),
        (
            LIST.replace("instead: again", "instead: ''"),
            "no better word for [\"anew\"]",
        ),
        (LIST.replace("[anew]", "[Anew]"), "found \"Anew\""),
    ] {
        let error = List::parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn reads_the_prose_of_a_page_without_its_code() {
    let page = "# Title `code`\n\nOne\n**two**.\n\n```sh\nanew\n```\n\n| a | b |\n|---|---|\n| c [d](e.md) | f |\n";
    let pieces = markdown::read("a.md", Kind::HowTo, page);
    let found: Vec<_> = pieces.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    let cells = [(10, "a"), (10, "b"), (12, "c d"), (12, "f")];
    assert_eq!(found, [&[(1, "Title `code`"), (3, "One\ntwo.")][..], &cells].concat());
}

#[test]
fn reads_what_a_program_prints_and_not_its_tests() {
    let file = "//! About a whole file.\n\n/// A comment.\n/// Of two lines.\nfn a() {\n    say(\"found {x}, \\\n         expected another one\", \"one\");\n}\n\
                #[cfg(test)]\nmod tests {\n    const A: &str = \"what only a test says\";\n}\n";
    let texts = rust::texts("a.rs", Kind::OperatorMessage, file).unwrap();
    let found: Vec<_> = texts.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(6, "found X, expected another one")]);
    let comments = plain::slash_comments("a.rs", Kind::Comment, file);
    let found: Vec<_> = comments.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(1, "About a whole file."), (3, "A comment.\nOf two lines.")]);
}

#[test]
fn reads_comments_and_values_of_yaml() {
    let file = "# -- One.\n# Two.\na: b # three\n";
    let comments = plain::hash_comments("a.yaml", Kind::Chart, file);
    let found: Vec<_> = comments.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(1, "One.\nTwo.\nthree")]);
    let values = "summary: 'It is late'\ndescription: >-\n  Why it is.\nother: no text\n";
    let values = plain::values("a.yaml", Kind::Chart, values, &["summary", "description"]);
    let found: Vec<_> = values.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(1, "It is late"), (3, "Why it is.")]);
}

#[test]
fn reads_lists_and_leaves_out_commands() {
    let file = "# Create it:\n#   kubectl create secret\n# - one\n#   of two\n# - two\n";
    let comments = plain::hash_comments("a.yaml", Kind::Chart, file);
    let found: Vec<_> = comments.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
    assert_eq!(found, [(1, "Create it:"), (3, "- one\nof two"), (5, "- two")]);
}

#[test]
fn splits_sentences_where_one_ends() {
    let text = "One of v1.2 things, e.g. this. Two! `Three` is next?\nFour";
    let found: Vec<_> = sentence::split(text).into_iter().map(|range| &text[range]).collect();
    assert_eq!(
        found,
        ["One of v1.2 things, e.g. this.", "Two!", "`Three` is next?", "Four"]
    );
}
