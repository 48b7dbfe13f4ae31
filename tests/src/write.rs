//! Writes an object that other clients write too. The API server refuses a write that is based on an older version, and a
//! controller may write its status at any time, so the write is repeated with the new version.

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::eventually::{PAUSE, SOON};
use crate::kubeconfig::Answer;

/// Writes with a client: reads, changes and writes in `write`, and repeats this as long as another client was faster.
///
/// # Errors
/// Any other refusal immediately: that of an admission policy, or a conflict with another field manager.
pub async fn write<T, F: Future<Output = kube::Result<T>>>(write: impl FnMut() -> F) -> kube::Result<T> {
    again_while(write, |outcome| outcome.as_ref().is_err_and(is_overtaken)).await
}

/// Writes with kubectl: repeats `write` as long as another client was faster.
///
/// # Errors
/// The errors of the attempt. A refusal is an answer.
pub async fn write_by_kubectl<F: Future<Output = Result<Answer>>>(write: impl FnMut() -> F) -> Result<Answer> {
    let is_overtaken = |answer: &Result<Answer>| answer.as_ref().is_ok_and(|answer| says_overtaken(&answer.stderr));
    again_while(write, is_overtaken).await
}

/// Repeats it as long as the result `is_overtaken`, within [`SOON`], and returns the last result.
async fn again_while<F: Future>(
    mut attempt: impl FnMut() -> F,
    is_overtaken: impl Fn(&F::Output) -> bool,
) -> F::Output {
    let deadline = Instant::now() + SOON;
    loop {
        let outcome = attempt().await;
        if !is_overtaken(&outcome) || Instant::now() > deadline {
            return outcome;
        }
        sleep(PAUSE).await;
    }
}

/// Whether another client has written the object since it was read. A field of another manager is also a 409, but not this one.
fn is_overtaken(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409 && says_overtaken(&status.message))
}

/// Whether kubectl's message, which contains the API server's, reports this.
fn says_overtaken(message: &str) -> bool {
    message.contains("the object has been modified; please apply your changes to the latest version")
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use kube::core::Status;

    use super::{PAUSE, SOON, is_overtaken, write};

    const OVERTAKEN: &str = "Operation cannot be fulfilled on deployments.apps \"voter\": the object has been modified; please \
                             apply your changes to the latest version and try again";

    fn refusal(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Status::failure(message, "").with_code(code).boxed())
    }

    /// The result, and the number of attempts.
    async fn tried(answers: impl Fn(usize) -> kube::Result<()>) -> (kube::Result<()>, usize) {
        let mut tries = 0;
        let outcome = write(|| {
            tries += 1;
            ready(answers(tries))
        });
        (outcome.await, tries)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_overtaken_is_made_again() {
        let answers = |tries| {
            if tries < 3 {
                Err(refusal(409, OVERTAKEN))
            } else {
                Ok(())
            }
        };
        assert!(matches!(tried(answers).await, (Ok(()), 3)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_has_an_end() {
        let (outcome, tries) = tried(|_| Err(refusal(409, OVERTAKEN))).await;
        assert!(outcome.is_err_and(|error| is_overtaken(&error)));
        assert!(tries > 1);
        assert!(tries <= usize::try_from(SOON.as_millis() / PAUSE.as_millis()).unwrap() + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn every_other_refusal_is_told_at_once() {
        for (code, message) in [
            (
                409,
                "Apply failed with 1 conflict: conflict with \"helm\": .spec.replicas",
            ),
            (409, "deployments.apps \"voter\" already exists"),
            (
                422,
                "ValidatingAdmissionPolicy 'signer-operator-guard' denied request: this change would start Deployment voter \
                 without its signer",
            ),
            (500, OVERTAKEN),
        ] {
            let (outcome, tries) = tried(|_| Err(refusal(code, message))).await;
            assert!(outcome.is_err());
            assert_eq!(tries, 1, "{code}: {message}");
        }
    }
}
