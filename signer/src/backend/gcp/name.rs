//! The name of a key version, as configured and as in KMS' answers.

use crate::one_line::cut;

/// Maximum length of a name; a message contains two.
const SHOWN: usize = 110;

/// The remedy if an answer names another key version than the requested one.
pub fn mismatch(found: &str, expected: &str) -> String {
    let (found_shown, expected_shown) = (cut(found, SHOWN), cut(expected, SHOWN));
    if is_project_written_otherwise(found, expected) {
        format!(
            "found {expected_shown}, expected its project as KMS writes it: if this is the same project, set ATTO_SIGNER_KEY to \
             {found_shown}"
        )
    } else {
        format!("found an answer for {found_shown}, expected one for {expected_shown}")
    }
}

/// Whether two names only differ in the project, which is an ID in one and a number in the other. It may be the same project:
/// Google accepts both forms, and does not document which one its answers contain. Only KMS could prove it.
pub fn is_project_written_otherwise(one: &str, other: &str) -> bool {
    let (Some((one, one_rest)), Some((other, other_rest))) = (project(one), project(other)) else {
        return false;
    };
    one_rest == other_rest && is_number(one) != is_number(other)
}

/// The project of a name, and the rest.
fn project(name: &str) -> Option<(&str, &str)> {
    let (project, rest) = name.strip_prefix("projects/")?.split_once('/')?;
    (!project.is_empty()).then_some((project, rest))
}

/// A project ID begins with a letter.
fn is_number(project: &str) -> bool {
    project.bytes().all(|character| character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

    #[test]
    fn a_project_by_its_number_is_told_from_another_project() {
        let name = |project: &str| format!("projects/{project}/{REST}");
        let (id, number) = (name("voter-1"), name("123456789012"));
        assert!(is_project_written_otherwise(&id, &number) && is_project_written_otherwise(&number, &id));
        let text = mismatch(&id, &number);
        assert!(text.contains(&number) && text.ends_with(&format!("set ATTO_SIGNER_KEY to {id}")));
        for (one, other) in [
            (name("voter-1"), name("voter-2")),
            (name("1"), name("2")),
            (name("voter-1"), name("1").replace("Versions/1", "Versions/2")),
            (name(""), name("1")),
            ("voter-1".to_owned(), "1".to_owned()),
        ] {
            assert!(!is_project_written_otherwise(&one, &other), "{one} {other}");
            assert!(mismatch(&one, &other).starts_with("found an answer for "));
        }
        assert!(mismatch(&"x\n".repeat(9_000), &id).chars().count() <= 300);
    }
}
