//! Which requests are handled how.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::{Asked, Book};
use crate::fake_server::{For, Reply};

/// Replaces a body.
pub type Change = Arc<dyn Fn(&[u8]) -> Bytes + Send + Sync>;

/// How a request is handled.
#[derive(Clone)]
pub enum Act {
    /// Forwarded.
    Pass,
    /// Forwarded after this time.
    Delay(Duration),
    /// Answered by the front, without the service.
    Answer(Answer),
    /// Forwarded, and the body of the answer is replaced.
    Change(Change),
    /// The connection is closed, without the service.
    Cut,
    /// Forwarded, and the connection is closed without the answer.
    Lose,
    /// Never answered, and the connection stays open.
    Silence,
    /// Forwarded, and the answer is recorded.
    Keep(Book),
    /// Answered with the recorded answer if there is one, otherwise forwarded.
    Recall(Book),
}

/// An answer of the front's own.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// An answer of the front's own.
pub fn answer(status: StatusCode, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Act {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Act::Answer(Answer {
        status,
        headers: headers.collect(),
        body: body.into(),
    })
}

/// The service's answer, with changed JSON.
pub fn changed(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Act {
    Act::Change(Arc::new(move |body| {
        let mut value = serde_json::from_slice(body).unwrap_or_default();
        change(&mut value);
        value.to_string().into()
    }))
}

impl Answer {
    pub(super) fn reply(self) -> Reply {
        let mut builder = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        builder.body(Full::new(self.body)).map_or(Reply::Drop, Reply::Answer)
    }
}

pub(super) struct Rule {
    fits: Box<dyn Fn(&Asked) -> bool + Send + Sync>,
    act: Act,
    calls: For,
}

impl Rule {
    pub(super) fn new(fits: impl Fn(&Asked) -> bool + Send + Sync + 'static, act: Act, calls: For) -> Self {
        Self {
            fits: Box::new(fits),
            act,
            calls,
        }
    }
}

/// The newest matching rule that is not used up.
pub(super) fn decide(rules: &mut Vec<Rule>, asked: &Asked) -> Act {
    let Some(index) = rules.iter().rposition(|rule| (rule.fits)(asked)) else {
        return Act::Pass;
    };
    let act = rules[index].act.clone();
    if let For::Calls(left) = &mut rules[index].calls {
        *left = left.saturating_sub(1);
        if *left == 0 {
            rules.remove(index);
        }
    }
    act
}
