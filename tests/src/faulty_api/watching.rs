//! Watches: events are forwarded immediately, until the watch is cut.

use anyhow::{Error, anyhow};
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use tokio::sync::watch;

use super::Payload;

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Between two lines.
    Clean,
    /// In the middle of a line.
    InALine,
    /// In the middle of a line, and the connection with it.
    Broken,
}

/// When and how it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Whole,
    /// After the first event.
    One(End),
}

/// How often all watches have been cut, and the last kind of cut.
pub(super) type Cuts = watch::Receiver<(u64, End)>;

struct Stream {
    upstream: Body,
    length: Length,
    cuts: Cuts,
    ended: Option<End>,
}

pub(super) fn body(upstream: Body, length: Length, cuts: Cuts) -> Payload {
    let stream = Stream {
        upstream,
        length,
        cuts,
        ended: None,
    };
    StreamBody::new(stream::unfold(
        Some(stream),
        |stream| async move { next(stream?).await },
    ))
    .boxed_unsync()
}

type Item = Result<Frame<Bytes>, Error>;

async fn next(mut stream: Stream) -> Option<(Item, Option<Stream>)> {
    match stream.ended {
        Some(End::Broken) => return Some((Err(anyhow!("broken, as the rule wants it")), None)),
        Some(_) => return None,
        None => {}
    }
    let frame = tokio::select! {
        frame = stream.upstream.frame() => frame?,
        Ok(()) = stream.cuts.changed() => {
            let (_, end) = *stream.cuts.borrow();
            stream.ended = Some(end);
            return match end {
                End::Clean => None,
                End::InALine | End::Broken => Some((Ok(part(b"{\"type\":\"MODIFIED\",\"object\":{\"ki")), Some(stream))),
            };
        }
    };
    let data = match frame.map(Frame::into_data) {
        Ok(Ok(data)) => data,
        // Kubernetes sends no trailers.
        Ok(Err(_)) => return None,
        Err(error) => return Some((Err(error.into()), None)),
    };
    let Length::One(end) = stream.length else {
        return Some((Ok(Frame::data(data)), Some(stream)));
    };
    stream.ended = Some(end);
    Some(match end {
        End::Clean => (Ok(Frame::data(data)), Some(stream)),
        End::InALine | End::Broken => (Ok(part(&data[..data.len() / 2])), Some(stream)),
    })
}

fn part(data: &[u8]) -> Frame<Bytes> {
    Frame::data(Bytes::copy_from_slice(data))
}
