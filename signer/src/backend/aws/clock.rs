//! The clock of KMS. The SDK learns it from the date of a refusal and uses it for later signatures, separately in each client.

use std::sync::OnceLock;

use tokio::time::Instant;

/// Whether a client knows the time at KMS.
#[derive(Debug, Default)]
pub struct Clock(OnceLock<Instant>);

impl Clock {
    /// A call that began at this moment was refused because of its signature. Returns false if the clock may be the reason,
    /// because it was unknown then.
    pub fn is_known(&self, begun: Instant) -> bool {
        *self.0.get_or_init(Instant::now) <= begun
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_refusal_teaches_the_time_and_those_that_began_before_it_say_nothing() {
        let (clock, before) = (Clock::default(), Instant::now());
        advance(Duration::from_millis(1)).await;
        assert_eq!([clock.is_known(before), clock.is_known(before)], [false; 2]);
        assert!(clock.is_known(Instant::now()));
    }
}
