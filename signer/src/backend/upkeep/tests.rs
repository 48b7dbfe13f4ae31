//! Upkeep with scripted clients, on paused time.

use std::{collections::VecDeque, future::pending, sync::Arc};

use super::*;

#[derive(Clone, Copy)]
enum Act {
    Make(u32),
    Refuse,
    Hang,
    Panic,
}

/// Creates clients according to a script. The last step repeats.
struct Scripted {
    acts: Mutex<VecDeque<Act>>,
    checks: Mutex<Act>,
}

async fn play(act: Act, step: &Step) -> Result<u32, Fault> {
    step.set("no token");
    match act {
        Act::Make(client) => Ok(client),
        Act::Refuse => Err(Fault::new(Cause::Credentials, "refused")),
        Act::Hang => pending().await,
        Act::Panic => panic!("no bundle"),
    }
}

impl Maker for Scripted {
    type Client = u32;

    async fn make(&self, step: &Step) -> Result<u32, Fault> {
        let act = {
            let mut acts = self.acts.lock().unwrap();
            let act = acts.front().copied().unwrap_or(Act::Hang);
            if acts.len() > 1 {
                acts.pop_front();
            }
            act
        };
        play(act, step).await
    }

    async fn check(&self, _: &u32, step: &Step) -> Result<(), Fault> {
        let act = *self.checks.lock().unwrap();
        play(act, step).await.map(|_| ())
    }
}

struct Subject {
    upkeep: Arc<Upkeep<u32>>,
    maker: Arc<Scripted>,
}

impl Subject {
    fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let upkeep = Arc::new(Upkeep::new(Fault::new(Cause::Credentials, "none yet")));
        let maker = Arc::new(Scripted {
            acts: Mutex::new(acts.into_iter().collect()),
            checks: Mutex::new(Act::Make(0)),
        });
        let (running, its_maker) = (upkeep.clone(), maker.clone());
        tokio::spawn(async move { running.run(&*its_maker).await });
        Self { upkeep, maker }
    }

    fn says(&self) -> Result<u32, String> {
        self.upkeep
            .current()
            .map(|client| *client)
            .map_err(|fault| fault.to_string())
    }

    async fn after(&self, seconds: u64) -> Result<u32, String> {
        sleep(Duration::from_secs(seconds)).await;
        self.says()
    }
}

#[test]
fn new_clients_come_each_5_s_for_a_minute_and_then_ever_more_seldom() {
    let seconds: Vec<u64> = (1..=18).map(|in_a_row| pause(in_a_row).as_secs()).collect();
    assert_eq!(seconds[..12], [5; 12]);
    assert_eq!(seconds[12..], [10, 20, 40, 60, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_panics_or_refuses_is_told_and_tried_again() {
    let subject = Subject::start([Act::Hang, Act::Panic, Act::Refuse, Act::Make(7)]);
    assert_eq!(subject.says(), Err("CREDENTIALS: none yet".to_owned()));
    assert_eq!(
        subject.after(11).await,
        Err("OTHER: the library of the key service panicked: no bundle".to_owned())
    );
    assert_eq!(subject.after(5).await, Err("CREDENTIALS: refused".to_owned()));
    assert_eq!(subject.after(5).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn the_time_that_it_may_take_is_ten_seconds() {
    let subject = Subject::start([Act::Hang]);
    assert_eq!(subject.after(9).await, Err("CREDENTIALS: none yet".to_owned()));
    assert_eq!(
        subject.after(2).await,
        Err("CREDENTIALS: no token within 10 s".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_credentials_are_good_stays_until_there_is_another() {
    let subject = Subject::start([Act::Make(1), Act::Panic, Act::Make(2)]);
    assert_eq!(subject.after(1).await, Ok(1));
    subject.upkeep.renew_after(&subject.upkeep.current().unwrap());
    assert_eq!(subject.after(5).await, Ok(1), "the next one panicked");
    assert_eq!(subject.after(6).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn without_a_client_another_one_is_tried_each_ten_seconds_however_long() {
    let acts = std::iter::repeat_n(Act::Refuse, 40).chain([Act::Make(1)]);
    let subject = Subject::start(acts);
    assert!(subject.after(300).await.is_err());
    assert_eq!(subject.after(50).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_an_old_client_was_in_trouble_with_replaces_no_new_one() {
    let subject = Subject::start([Act::Make(1), Act::Make(2), Act::Make(3)]);
    assert_eq!(subject.after(11).await, Ok(1));
    let old = subject.upkeep.current().unwrap();
    subject.upkeep.renew();
    assert_eq!(subject.after(1).await, Ok(2));
    // Two calls with the old client, the second of which hung.
    subject.upkeep.renew_after(&old);
    subject.upkeep.renew();
    assert_eq!(subject.after(30).await, Ok(2));
    subject.upkeep.renew();
    assert_eq!(subject.after(6).await, Ok(3));
}

/// The client in use while the pause before the next one takes a minute, which has just begun.
async fn at_the_begin_of_a_long_pause() -> (Subject, u32) {
    let subject = Subject::start((1..40).map(Act::Make));
    assert_eq!(subject.after(1).await, Ok(1));
    for _ in 0..FIRST_PAUSES + PAUSES.len() {
        let client = subject.upkeep.current().unwrap();
        subject.upkeep.renew_after(&client);
        while subject.upkeep.current().unwrap().is(&client) {
            sleep(Duration::from_secs(1)).await;
        }
    }
    let client = subject.upkeep.current().unwrap();
    subject.upkeep.renew_after(&client);
    let before = *client;
    (subject, before)
}

#[tokio::test(start_paused = true)]
async fn credentials_that_end_during_a_long_pause_end_it_early() {
    let (subject, before) = at_the_begin_of_a_long_pause().await;
    *subject.maker.checks.lock().unwrap() = Act::Refuse;
    assert_eq!(subject.after(8).await, Ok(before));
    assert_eq!(subject.after(7).await, Ok(before + 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_lasts_as_long_as_the_credentials_are_good() {
    let (subject, before) = at_the_begin_of_a_long_pause().await;
    assert_eq!(subject.after(58).await, Ok(before));
    assert_eq!(subject.after(3).await, Ok(before + 1));
}

/// Spawns tasks that wait without end and never returns a client, as credentials do if the metadata server does not answer.
struct Waiting(Arc<()>);

impl Maker for Waiting {
    type Client = ();

    async fn make(&self, _: &Step) -> Result<(), Fault> {
        let kept = self.0.clone();
        tokio::spawn(async move {
            pending::<()>().await;
            drop(kept);
        });
        pending().await
    }

    async fn check(&self, (): &(), _: &Step) -> Result<(), Fault> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_began_ends_with_it() {
    let kept = Arc::new(());
    let maker = Waiting(kept.clone());
    let upkeep = Upkeep::new(Fault::new(Cause::Credentials, "none yet"));
    let running = timeout(Duration::from_mins(5), upkeep.run(&maker));
    assert!(running.await.is_err());
    // This one, the maker's, and none of the spawned ones, which end in threads of their own.
    let limit = std::time::Instant::now() + Duration::from_secs(10);
    while Arc::strong_count(&kept) > 2 {
        assert!(
            std::time::Instant::now() < limit,
            "{} are left",
            Arc::strong_count(&kept) - 2
        );
        std::thread::yield_now();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_credentials_panic_makes_way_for_the_reason() {
    let subject = Subject::start([Act::Make(1), Act::Refuse]);
    assert_eq!(subject.after(1).await, Ok(1));
    *subject.maker.checks.lock().unwrap() = Act::Panic;
    assert_eq!(subject.after(6).await, Err("CREDENTIALS: refused".to_owned()));
}
