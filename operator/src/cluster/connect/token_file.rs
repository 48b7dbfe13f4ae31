//! The token of a `tokenFile`, read again periodically as Kubernetes' client does. The library does not strip the trailing
//! newline.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{fs, io};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tower::{Layer, Service};

const READ_EVERY: Duration = Duration::from_mins(1);

/// A layer that adds the token of a file, where there is one. Clones share it.
#[derive(Clone, Default)]
pub struct TokenFile(Option<Arc<File>>);

struct File {
    path: PathBuf,
    read: Mutex<(HeaderValue, Instant)>,
}

impl TokenFile {
    /// # Errors
    /// The file cannot be read, or contains no token.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let read = Mutex::new((header(&path)?, Instant::now()));
        Ok(Self(Some(Arc::new(File { path, read }))))
    }
}

impl File {
    /// If the file no longer exists, the last token is kept.
    fn header(&self) -> HeaderValue {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.1.elapsed() >= READ_EVERY {
            *read = (header(&self.path).unwrap_or_else(|_| read.0.clone()), Instant::now());
        }
        read.0.clone()
    }
}

fn header(path: &PathBuf) -> io::Result<HeaderValue> {
    let wrong = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    let text = fs::read_to_string(path)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(wrong("found no token in the file"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| wrong("found characters in the file that a token cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl<S> Layer<S> for TokenFile {
    type Service = WithToken<S>;

    fn layer(&self, inner: S) -> WithToken<S> {
        WithToken {
            inner,
            token: self.clone(),
        }
    }
}

/// Requests on their way to the API server.
#[derive(Clone)]
pub struct WithToken<S> {
    inner: S,
    token: TokenFile,
}

impl<S, B> Service<Request<B>> for WithToken<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(file) = &self.token.0 {
            request.headers_mut().insert(AUTHORIZATION, file.header());
        }
        self.inner.call(request)
    }
}
