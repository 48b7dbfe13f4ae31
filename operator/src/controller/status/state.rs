//! The state of a condition before it is compared with the present one.

use crds::conditions::{reasons, types};

use crate::model::reason::Reason;
use crate::model::refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub truth: Truth,
    pub reason: Reason,
    pub keep: Option<Keep>,
}

/// When the present message is kept. Other programs put times and numbers into their messages, and a message that changes each
/// time would be written again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// While it contains this text.
    Containing(String),
    /// While the new one differs from it only in digits. The part before the first colon names an object, whose digits count.
    UpToDigits,
}

impl Keep {
    /// Whether a message stays in the place of a new one.
    pub fn keeps(&self, present: &str, new: &str) -> bool {
        let parts = |text: &str| {
            let (object, said) = text.split_once(": ").unwrap_or(("", text));
            (object.to_owned(), said.replace(|c: char| c.is_ascii_digit(), ""))
        };
        match self {
            Self::Containing(part) => present.contains(part),
            Self::UpToDigits => parts(present) == parts(new),
        }
    }
}

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl State {
    pub fn new(truth: Truth, reason: Reason) -> Self {
        let keep = match reason.code {
            reasons::REJECTED => Some(Keep::UpToDigits),
            reasons::POD_REJECTED => Some(Keep::Containing(refusal::cause(&reason.message).to_owned())),
            _ => None,
        };
        Self { truth, reason, keep }
    }

    pub fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Truth::True, Reason::new(reason, message))
    }

    pub fn no(refusal: Reason) -> Self {
        Self::new(Truth::False, refusal)
    }

    pub fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Truth::Unknown, Reason::new(reason, message))
    }

    pub fn of(result: &Result<(), Reason>, reason: &'static str, message: &str) -> Self {
        match result {
            Ok(()) => Self::yes(reason, message),
            Err(refusal) => Self::no(refusal.clone()),
        }
    }

    pub fn is_true(&self) -> bool {
        self.truth == Truth::True
    }

    pub fn is_false(&self) -> bool {
        self.truth == Truth::False
    }
}

/// The states of the conditions that lead to `Ready`, in order.
pub type States = [State; types::STEPS.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_with_another_cause_or_about_another_deployment_replaces_the_message() {
        let said = |deployment: &str, cause: &str| {
            State::no(Reason::new(
                reasons::REJECTED,
                format!("Deployment {deployment}: {cause}"),
            ))
        };
        let first = said("voter-1", "webhook a denied the request: at 12:03:07, attempt 1");
        let is_kept = |next: &State| {
            let keep = next.keep.as_ref().unwrap();
            keep.keeps(&first.reason.message, &next.reason.message)
        };
        assert!(is_kept(&said(
            "voter-1",
            "webhook a denied the request: at 13:10:59, attempt 12"
        )));
        assert!(!is_kept(&said(
            "voter-1",
            "webhook b denied the request: at 12:03:07, attempt 1"
        )));
        assert!(!is_kept(&said(
            "voter-2",
            "webhook a denied the request: at 12:03:07, attempt 1"
        )));
    }
}
