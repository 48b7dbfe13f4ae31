//! The state of a condition before it is compared with the present one.

use crds::conditions::{reasons, types};

use crate::model::reason::Reason;
use crate::model::refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub truth: Truth,
    pub reason: Reason,
    /// The present message is kept while it contains this text. Other programs put times and numbers into their messages, and a
    /// message that changes each time would be written again and again.
    pub keep: Option<String>,
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
            reasons::REJECTED => Some(String::new()),
            reasons::POD_REJECTED => Some(refusal::cause(&reason.message).to_owned()),
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
