//! The events of one schedule and their times, all determined by its seed.

use std::time::Duration;

use signer::protocol::PublicKey;

use super::node::draw_message;
use super::random::Random;
use super::weather::Spell;
use crate::node_client::Message;

/// The tokens of nodes.
pub const TOKENS: [&str; 2] = ["the-first-token-of-it", "another-token-of-it"];

/// More hashes than the maximum at the key service.
const CROWD: u64 = 130;

#[derive(Clone, Debug)]
pub enum Event {
    /// A node requests the signature of this message.
    Wish { node: usize, message: Message },
    /// A node requests it and disconnects.
    HangUp {
        node: usize,
        message: Message,
        after: Duration,
    },
    /// These tokens are accepted from now on.
    Tokens(Vec<&'static str>),
}

/// An orderly end of the process, and the time until the next one.
pub type Restart = (Duration, Duration);

/// All events.
#[derive(Debug)]
pub struct Plan {
    pub spells: Vec<Spell>,
    /// In the order of time.
    pub events: Vec<(Duration, Event)>,
    pub restarts: Vec<Restart>,
    /// When the weather becomes permanently calm and no other events follow.
    pub calm: Duration,
}

impl Plan {
    pub fn draw(random: &mut Random, public_key: PublicKey) -> Self {
        let spells: Vec<_> = (0..random.between(1..=6)).map(|_| Spell::draw(random)).collect();
        let calm = spells.iter().map(|spell| spell.length).sum::<Duration>();
        let last = u64::try_from(calm.as_millis()).unwrap_or(u64::MAX);
        let mut messages = Vec::new();
        let mut events = Vec::new();
        for _ in 0..random.between(5..=40) {
            if let Some(message) = draw_message(random, public_key) {
                messages.push(message);
            }
        }
        for message in &messages {
            // Some are requested more than once, and some by nodes that disconnect.
            for _ in 0..random.pick(&[1, 1, 1, 2, 3]) {
                let (node, message) = (random.pick(&[0, 0, 1]), message.clone());
                let event = if random.one_in(3) {
                    let after = random.milliseconds(0..=3_000);
                    Event::HangUp { node, message, after }
                } else {
                    Event::Wish { node, message }
                };
                events.push((random.milliseconds(0..=last), event));
            }
        }
        if random.one_in(10) {
            let at = random.milliseconds(0..=last);
            for _ in 0..CROWD {
                if let Some(message) = draw_message(random, public_key) {
                    let node = random.pick(&[0, 1]);
                    events.push((at, Event::Wish { node, message }));
                }
            }
        }
        if random.one_in(3) {
            for _ in 0..random.between(1..=3) {
                let tokens = random.pick(&[&TOKENS[..], &TOKENS[..1], &TOKENS[..1], &TOKENS[1..]]);
                events.push((random.milliseconds(0..=last), Event::Tokens(tokens.to_vec())));
            }
            events.push((calm, Event::Tokens(TOKENS.to_vec())));
        }
        events.sort_by_key(|(at, _)| *at);
        let mut restarts = Vec::new();
        if random.one_in(3) {
            for _ in 0..random.between(1..=2) {
                restarts.push((random.milliseconds(0..=last), random.milliseconds(0..=3_000)));
            }
            restarts.sort_unstable();
        }
        Self {
            spells,
            events,
            restarts,
            calm,
        }
    }
}
