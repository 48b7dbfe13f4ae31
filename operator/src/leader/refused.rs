//! How often a refused Lease is requested again, and which answers are logged.

use std::time::Duration;

use crate::model::error::Error;

/// The pause between two attempts.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// The longest pause before a refused request for the Lease is repeated.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// Backs off while a permission or a policy refuses the Lease, and logs the same answer once.
#[derive(Default)]
pub(super) struct Refused {
    in_a_row: u32,
    told: Option<String>,
}

impl Refused {
    pub(super) fn is_news(&mut self, error: &Error) -> bool {
        let answer = error.refusal().map(|status| status.message.clone());
        let is_news = answer.is_none() || answer != self.told;
        self.told = answer;
        is_news
    }

    /// The pause before the next attempt. If the API server is unreachable, the attempt follows soon, because the other
    /// candidates are in the same situation.
    pub(super) fn pause(&mut self, error: &Error) -> Duration {
        if error.refusal().is_none() {
            self.in_a_row = 0;
            return RETRY;
        }
        let pause = RETRY.saturating_mul(1 << self.in_a_row.min(6)).min(LONGEST_RETRY);
        self.in_a_row = self.in_a_row.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_refused_is_asked_for_less_and_less_often_and_told_of_once() {
        let answered = |code: u16, message: &str| Error::Request {
            attempt: "write the Lease",
            source: Box::new(kube::Error::Api(
                kube::core::Status::failure(message, "").with_code(code).boxed(),
            )),
        };
        let (mut refused, denied) = (Refused::default(), answered(403, "no"));
        let pauses: Vec<_> = (0..8).map(|_| refused.pause(&denied).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(refused.pause(&answered(503, "busy")), RETRY);
        assert_eq!(refused.pause(&denied), RETRY);
        assert!(refused.is_news(&denied) && !refused.is_news(&denied));
        assert!(refused.is_news(&answered(422, "never")) && refused.is_news(&answered(503, "busy")));
    }
}
