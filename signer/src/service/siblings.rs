use tokio::time::{Instant, sleep_until};

use super::alive::{Alive, Ended, SIBLING_AFTER};

/// The first answer of any kind to a call that is repeated every 2 s without an answer.
pub async fn first_answer<T, F>(call: impl Fn() -> F) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut alive = Alive::new();
    alive.send(call());
    let mut sibling_at = Instant::now() + SIBLING_AFTER;
    loop {
        tokio::select! {
            biased;
            Some(ended) = alive.next() => match ended {
                Ended::Answered(answer) => return answer,
                Ended::GivenUp => alive.send(call()),
                Ended::Panicked => {}
            },
            () = sleep_until(sibling_at) => {
                sibling_at = Instant::now() + SIBLING_AFTER;
                if alive.is_full() {
                    alive.give_up_one();
                } else {
                    alive.send(call());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_is_made_again_each_2_s() {
        let (start, calls) = (Instant::now(), Arc::<AtomicUsize>::default());
        let counted = calls.clone();
        let answer = first_answer(|| {
            let number = counted.fetch_add(1, Relaxed);
            async move {
                match number {
                    0..=6 => pending().await,
                    number => number,
                }
            }
        });
        assert_eq!(answer.await, 7);
        assert_eq!((start.elapsed().as_secs(), calls.load(Relaxed)), (14, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_is_made_again() {
        let calls = AtomicUsize::default();
        let answer = first_answer(|| {
            let number = calls.fetch_add(1, Relaxed);
            async move {
                assert_ne!(number, 0, "scripted");
                number
            }
        });
        assert_eq!(answer.await, 1);
    }
}
