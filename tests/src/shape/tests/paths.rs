//! What counts as use: `kitchen` and `cellar` must not use each other, and the kitchen's code takes every form.

use super::{Apart, NOTHING, Part, Rules, words};

const APART: Rules = Rules {
    apart: &[Apart {
        parts: &[Part::Tree("house::kitchen"), Part::Tree("house::rooms::cellar")],
        why: "wine",
    }],
    ..NOTHING
};

const HOUSE: &str = "
    mod kitchen; pub mod rooms; mod hall; use rooms::cellar::Wine as Secret; pub mod attic { pub use super::Secret as Open; }
    pub use rooms::cellar::Shared; pub use rooms::cellar as below;
    macro_rules! count { () => {} }
";
const ROOMS: &str = "
    pub mod cellar; pub use self::cellar::Barrel as Cask;
    use cellar::Wine as Private; use cellar::shelf as cask; pub fn cask() {}
";
const HALL: &str = "pub use crate::rooms::cellar::*; pub struct Lamp;";
const CELLAR: &str = "
    pub struct Wine; pub struct Shared; pub struct Barrel; pub enum Colour { Red }
    pub fn fetch() {} pub mod shelf { pub const HEIGHT: u8 = 1; pub mod deep { pub fn dig() {} } }
";

fn kitchen(text: &str) -> String {
    words(
        [
            ("house/src/lib.rs", HOUSE),
            ("house/src/kitchen.rs", text),
            ("house/src/hall.rs", HALL),
            ("house/src/rooms/mod.rs", ROOMS),
            ("house/src/rooms/cellar.rs", CELLAR),
            ("other/src/lib.rs", ""),
        ],
        &APART,
    )
}

#[test]
fn these_name_the_cellar() {
    for text in [
        // Imports.
        "use crate::rooms::cellar::Wine;",
        "use super::rooms::cellar::Wine;",
        "use self::super::rooms::cellar::Wine;",
        "use crate::{hall::Lamp, rooms::{cellar::{Wine, fetch}}};",
        "use crate::rooms::cellar::*;",
        "use crate::rooms::cellar::Wine as Milk;",
        "use crate::rooms::cellar::{self};",
        "use crate::rooms::cellar as larder;",
        "use crate::r#rooms::cellar::Wine;",
        "pub(crate) use crate::rooms::cellar::Wine;",
        "fn f() { use crate::rooms::cellar::Wine; }",
        // Through another module.
        "use crate::Shared;",
        "use crate::below::Wine;",
        "use crate::rooms::Cask;",
        "use crate::hall::Wine;",
        "use crate::attic::Open;",
        "use super::Secret;",
        "use crate::hall::*; fn f(_: Wine) {}",
        "use crate::rooms as r; fn f() { r::cellar::fetch() }",
        "use crate::rooms; fn f() { rooms::cellar::fetch() }",
        "use crate as house; use house::rooms as r; fn f() { r::cellar::fetch() }",
        "extern crate self as us; fn f() { us::rooms::cellar::fetch() }",
        "use super::*; fn f() { rooms::cellar::fetch() }",
        // Code.
        "fn f() { crate::rooms::cellar::fetch() }",
        "fn f() { super::rooms::cellar::shelf::deep::dig() }",
        "fn f() -> u8 { crate::rooms::cellar::shelf::HEIGHT }",
        "fn f(_: &[Option<crate::rooms::cellar::Wine>]) {}",
        "fn f() { Vec::<crate::rooms::cellar::Wine>::new(); }",
        "fn f() { <crate::rooms::cellar::Wine>::new(); }",
        "fn f() { <u8 as crate::rooms::cellar::Drink>::drink(); }",
        "fn f<T: crate::rooms::cellar::Drink>() where T: Copy {}",
        "impl crate::rooms::cellar::Wine {}",
        "type Milk = crate::rooms::cellar::Wine;",
        "fn f(c: u8) { match c { crate::rooms::cellar::Colour::Red => {} } }",
        "fn f() { let crate::rooms::cellar::Wine {} = x; }",
        "mod inner { fn f() { super::super::rooms::cellar::fetch() } }",
        // Macros and attributes.
        "fn f() { println!(\"{}\", crate::rooms::cellar::fetch()) }",
        "use crate::rooms; fn f() { assert!(x == [rooms::cellar::fetch()]) }",
        "fn f() { select! { a = b => { use crate::rooms as r; r::cellar::fetch() } } }",
        "macro_rules! m { ($x:ident) => { $crate::rooms::cellar::fetch() } }",
        "fn f() { crate::rooms::cellar::pour!() }",
        "fn f() { m!(Vec::<crate::rooms::cellar::Wine>::new()) }",
        "fn f() { m!(0..crate::rooms::cellar::shelf::HEIGHT) }",
        "#[serde(with = \"crate::rooms::cellar\")] struct S;",
        "struct S { #[serde(default = \"crate::rooms::cellar::fetch\")] wine: u8 }",
        "#[derive(Debug, crate::rooms::cellar::Drink)] struct S;",
        // Code that is part of programs, at least of some.
        "#[cfg(not(test))] use crate::rooms::cellar::Wine;",
        "#[cfg(any(test, unix))] use crate::rooms::cellar::Wine;",
        "#[cfg(unix)] use crate::rooms::cellar::Wine;",
    ] {
        let words = kitchen(text);
        assert!(
            words.contains("house::kitchen does not name house::rooms::cellar: wine"),
            "not seen: {text}\n{words}"
        );
    }
}

#[test]
fn these_do_not() {
    for text in [
        "",
        "use crate::hall::Lamp;",
        "use crate::rooms;",
        "fn f() { crate::rooms::cask() }",
        "fn f(_: crate::rooms::Private) {}",
        "// use crate::rooms::cellar::Wine;",
        "/// As [`crate::rooms::cellar::Wine`].\nstruct S;",
        "const TEXT: &str = \"crate::rooms::cellar::Wine\";",
        "fn f() { println!(\"crate::rooms::cellar::Wine\") }",
        "use elsewhere::rooms::cellar::Wine;",
        "use ::house_of_cards::rooms::cellar::Wine;",
        "mod rooms { pub mod cellar { pub fn fetch() {} } } fn f() { rooms::cellar::fetch() }",
        "fn f() { let cellar = 1; m!(cellar, a.cellar, a.rooms::<u8>(), 'cellar) }",
        "macro_rules! m { ($rooms:ident) => { $rooms::cellar::fetch() } }",
        "pub(in crate::rooms::cellar) struct S;",
        "#[cfg(test)] use crate::rooms::cellar::Wine;",
        "#[cfg(all(test, unix))] use crate::rooms::cellar::Wine;",
        "#[cfg(any(test, fuzzing))] use crate::rooms::cellar::Wine;",
        "#[cfg(test)] mod tests { use crate::rooms::cellar::Wine; }",
        "#[test] fn f() { crate::rooms::cellar::fetch() }",
        "#[tokio::test] async fn f() { crate::rooms::cellar::fetch() }",
        "struct S; impl S { #[cfg(test)] fn f() { crate::rooms::cellar::fetch() } }",
        "struct S { #[cfg(test)] wine: crate::rooms::cellar::Wine }",
        "enum E { #[cfg(test)] Wine(crate::rooms::cellar::Wine) }",
        "fn f() { #[cfg(test)] let x = crate::rooms::cellar::fetch(); }",
        "fn f() { match x { #[cfg(test)] 1 => crate::rooms::cellar::fetch(), _ => {} } }",
    ] {
        assert_eq!(kitchen(text), "", "seen: {text}");
    }
}

#[test]
fn the_place_is_told_as_it_is_written() {
    let words = kitchen("\nuse crate::{\n    hall::Lamp,\n    rooms::Cask,\n};");
    assert!(
        words.contains("\n    house/src/kitchen.rs:4 names crate::rooms::Cask (house/src/rooms/cellar.rs)\n"),
        "{words}"
    );
}

#[test]
fn a_file_that_only_tests_have_is_none() {
    let words = kitchen("#![cfg(test)] use crate::rooms::cellar::Wine;");
    assert!(!words.contains("names"), "{words}");
}
