//! Circles and the rules of the table.

use super::{Apart, Door, Finding, NOTHING, Part, Rings, Rules, found, words};

#[test]
fn a_circle_is_told_as_a_ring_of_lines() {
    let words = words(
        [
            ("house/src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("house/src/a.rs", "use crate::b::B;"),
            ("house/src/b.rs", "\nfn f() { crate::c::c() }"),
            ("house/src/c.rs", "use super::a;\nfn f() { a::a() }"),
            ("house/src/d.rs", "use crate::a::A;"),
            ("other/src/lib.rs", "use house::Thing;"),
        ],
        &NOTHING,
    );
    assert!(
        words.starts_with(
            "a circle of 3 modules:
    house/src/a.rs:1 names crate::b::B (house/src/b.rs)
    house/src/b.rs:2 names crate::c::c (house/src/c.rs)
    house/src/c.rs:2 names a::a (house/src/a.rs)
  do: "
        ),
        "{words}"
    );
    assert_eq!(words.matches("a circle").count(), 1);
}

fn parent_and_child(parent: &str, child: &str) -> Vec<Finding> {
    found(
        [
            ("house/src/lib.rs", "mod parent;"),
            ("house/src/parent/mod.rs", parent),
            ("house/src/parent/child.rs", child),
            ("house/src/parent/sister.rs", "pub struct Doll;"),
            ("other/src/lib.rs", ""),
        ],
        &NOTHING,
    )
}

#[test]
fn a_child_that_names_its_parent_is_a_circle_when_the_parent_names_it() {
    let uses_child = "mod child; mod sister; pub use sister::Doll; pub struct Toy; fn f() { child::play() }";
    assert_eq!(parent_and_child(uses_child, "use super::Toy;").len(), 1);
    assert_eq!(
        parent_and_child(uses_child, "use super::Doll;").len(),
        1,
        "what the parent hands on is the parent's"
    );
    assert_eq!(
        parent_and_child(
            "mod child; mod sister; pub use child::*; pub struct Toy;",
            "use super::Toy;"
        )
        .len(),
        1
    );
    assert_eq!(
        parent_and_child(
            "mod child { pub fn play() { super::toy() } } mod sister; fn toy() { child::play() }",
            ""
        ),
        [],
        "one file"
    );
}

#[test]
fn a_declaration_alone_is_no_arrow_and_neither_is_the_way_to_a_sister() {
    let declared = "mod child; mod sister; pub struct Toy;";
    assert_eq!(parent_and_child(declared, "use super::Toy;"), []);
    let uses_child = "mod child; mod sister; use child::play;";
    assert_eq!(parent_and_child(uses_child, "use super::sister::Doll;"), []);
    assert_eq!(
        parent_and_child(uses_child, "use super::sister; fn f(_: sister::Doll) {}"),
        []
    );
    assert_eq!(
        parent_and_child(uses_child, "use crate::parent as up; fn f(_: up::sister::Doll) {}"),
        []
    );
}

#[test]
fn a_child_below_a_file_is_its_child() {
    let findings = found(
        [
            ("house/src/lib.rs", "mod parent;"),
            (
                "house/src/parent.rs",
                "mod child; fn f() { child::play() } pub struct Toy;",
            ),
            ("house/src/parent/child.rs", "use super::Toy;"),
            ("house/src/main.rs", "fn main() { house::run() }"),
            ("other/src/lib.rs", ""),
        ],
        &NOTHING,
    );
    assert!(
        matches!(&findings[..], [Finding::Circle(steps)] if steps.len() == 2),
        "{findings:?}"
    );
}

#[test]
fn a_crate_names_only_those_that_the_table_allows() {
    let house = [
        ("house/src/lib.rs", "fn f() { other::run() }"),
        ("other/src/lib.rs", "pub use house::Door; pub fn run() {}"),
    ];
    let words = words(house, &NOTHING);
    assert!(
        words.contains("house/src/lib.rs:1 names other::run (other/src/lib.rs)"),
        "{words}"
    );
    assert!(
        words.contains("house depends on no crate of this repository, not on other"),
        "{words}"
    );
    assert!(!words.contains("other depends on"), "{words}");
}

const DOORS: Rules = Rules {
    doors: &[
        Door {
            called: "house::door",
            to: &[Part::Tree("house::door")],
            open_to: &[
                (Part::Tree("house::porter"), "has the key"),
                (Part::File("house::cook"), "alone"),
            ],
            why: "it is cold outside",
        },
        Door {
            called: "house::door::safe",
            to: &[Part::Tree("house::door::safe")],
            open_to: &[(Part::File("house::cook"), "counts the spoons")],
            why: "silver",
        },
    ],
    ..NOTHING
};

fn door(porter: &str, cook: &str, boy: &str) -> String {
    words(
        [
            ("house/src/lib.rs", "mod door; mod porter; mod cook;"),
            ("house/src/door/mod.rs", "mod safe; use safe::Spoon; pub fn open() {}"),
            ("house/src/door/safe.rs", "pub struct Spoon;"),
            ("house/src/porter.rs", porter),
            ("house/src/cook.rs", cook),
            ("house/src/cook/boy.rs", boy),
            ("other/src/lib.rs", "fn f() { house::door::open() }"),
        ],
        &DOORS,
    )
}

#[test]
fn a_door_is_open_to_those_on_its_list_alone() {
    let outside = door(
        "fn f() { crate::door::open() }",
        "mod boy; fn f() { crate::door::open(); crate::door::safe::Spoon }",
        "",
    );
    assert_eq!(
        outside.matches("only these name house::door:").count(),
        1,
        "another crate is not on it: {outside}"
    );
    let all = door("fn f() { crate::door::safe::Spoon }", "mod boy;", "use crate::door;");
    assert!(
        all.contains("house/src/cook/boy.rs:1 names crate::door (house/src/door/mod.rs)"),
        "{all}"
    );
    assert!(
        all.contains("only these name house::door::safe: house::cook (counts the spoons); silver"),
        "{all}"
    );
}

const RINGS: Rules = Rules {
    rings: &[Rings {
        of: "house",
        order: &[
            &[Part::Tree("house::core")],
            &[Part::Tree("house::middle"), Part::Tree("house::core::late")],
            &[Part::File("house"), Part::Tree("house::gone")],
        ],
    }],
    ..NOTHING
};

#[test]
fn a_ring_names_no_outer_one_and_every_module_has_a_ring() {
    let words = words(
        [
            (
                "house/src/lib.rs",
                "mod core; mod middle; mod attic; pub use middle::Wall;",
            ),
            ("house/src/core/mod.rs", "mod late; use crate::Wall;"),
            ("house/src/core/late.rs", "use crate::middle::Wall;"),
            ("house/src/middle.rs", "use crate::core::Beam; pub struct Wall;"),
            ("house/src/attic/mod.rs", "mod box1;"),
            ("house/src/attic/box1.rs", ""),
            ("other/src/lib.rs", "mod attic;"),
            ("other/src/attic.rs", ""),
        ],
        &RINGS,
    );
    assert_eq!(
        words.matches("house::core is a ring within").count(),
        2,
        "the module and what hands it on: {words}"
    );
    assert!(
        words.contains("house/src/core/mod.rs:1 names crate::Wall (house/src/middle.rs)"),
        "{words}"
    );
    assert_eq!(words.matches("house::core::late is").count(), 0, "{words}");
    assert_eq!(words.matches("is in no ring of house").count(), 1, "{words}");
    assert!(words.contains("house::gone, which does not exist"), "{words}");
}

#[test]
fn of_crates_that_are_not_asked_for_nothing_is_said() {
    const APART: Rules = Rules {
        apart: &[Apart {
            parts: &[Part::Tree("house::gone"), Part::Tree("other::gone")],
            why: "",
        }],
        ..NOTHING
    };
    let files = [("house/src/lib.rs", ""), ("other/src/lib.rs", "")];
    let findings = super::check_sources(&files.into(), &["other"], &APART).expect("the files parse");
    assert!(
        matches!(&findings[..], [Finding::Table(text)] if text.contains("other::gone")),
        "{findings:?}"
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (lib, words) in [
        ("mod gone;", "expected house/src/gone.rs or house/src/gone/mod.rs"),
        ("fn (", "house/src/lib.rs:1: does not parse"),
        ("#[path = \"x.rs\"] mod moved;", "moved has a path of its own"),
    ] {
        let sources = [("house/src/lib.rs", lib), ("other/src/lib.rs", "")].into();
        let error = super::check_sources(&sources, &["house"], &NOTHING)
            .expect_err(lib)
            .to_string();
        assert!(error.contains(words), "{error}");
    }
}
