//! The cost of the guard: each policy with each kind of request that it may check.

mod arms;
mod requests;

use anyhow::{Context, Result};

use super::{median, table};
use crate::operated::Place;
use arms::Arm;
use requests::Requests;

const ROUNDS: usize = 5;

/// Per kind and round.
const REQUESTS: usize = 100;

/// Measures and prints the table.
pub async fn guard() -> Result<()> {
    let place = Place::new("bench").await?;
    let whole = place.injected().await?;
    // From here on, only this program writes.
    place.operated.stop()?;
    let arms = arms::of(&place.client).await?;
    let requests = Requests::new(&place, &whole).await?;
    let measured = measure(&arms, &requests, &place).await?;

    println!(
        "what the guard costs, in milliseconds: medians of {ROUNDS} rounds of {REQUESTS} requests, with no policy, with each alone and"
    );
    println!("with all; every request is a dry run, which is admitted like any other and not stored\n");
    table::print(&rows(&arms, &measured));
    Ok(())
}

/// Seconds of each request: by arm, by kind.
type Measured = Vec<Vec<Vec<f64>>>;

/// In turn, so that a computer that becomes slower affects all sets equally.
async fn measure(arms: &[Arm], requests: &Requests, place: &Place) -> Result<Measured> {
    let mut measured: Measured = vec![vec![vec![]; requests::KINDS.len()]; arms.len()];
    for _ in 0..ROUNDS {
        for (arm, measured) in arms.iter().zip(&mut measured) {
            arm.install(&place.client).await?;
            // The kinds alternate as well.
            for number in 0..REQUESTS {
                for (kind, seconds) in requests::KINDS.iter().zip(measured.iter_mut()) {
                    let took = requests.send(*kind, number).await;
                    seconds.push(took.with_context(|| format!("{}, with {}", kind.name(), arm.name))?);
                }
            }
            arm.remove(&place.client).await?;
        }
    }
    Ok(measured)
}

fn rows(arms: &[Arm], measured: &Measured) -> Vec<Vec<String>> {
    let mut heading = vec!["request".to_owned()];
    heading.extend(arms.iter().map(|arm| arm.name.clone()));
    heading.extend(["all / none", "all adds", "aim each"].map(str::to_owned));
    let mut rows = vec![heading];
    for (index, kind) in requests::KINDS.iter().enumerate() {
        let medians: Vec<_> = measured.iter().map(|arm| median(&arm[index]) * 1_000.0).collect();
        let mut row = vec![kind.name().to_owned()];
        row.extend(medians.iter().map(|median| format!("{median:.2}")));
        if let (Some(none), Some(all)) = (medians.first(), medians.last()) {
            row.push(format!("{:.2}", all / none));
            row.push(format!("{:+.2}", all - none));
        }
        row.push("under 1 more".to_owned());
        rows.push(row);
    }
    rows
}
