//! Issuing what was approved: eligibility asked again, signed in every suite, committed.

use std::time::Instant;

use authority::Act;
use jiff::SignedDuration;
use storage::{ApplicationId, audit::Entry};

use crate::{
    figure::{Failed, Rounds, rate},
    platform::{self, NOW, Platform},
    postgres::Engine,
};

/// An approval is taken up by the job after half a minute.
const LATER: SignedDuration = SignedDuration::from_secs(60);

/// `issue`: the job that issues what was approved, one after another. `approve-and-issue`: a
/// reviewer's decision with the issue that follows it, one after another.
pub(crate) async fn run(engine: &Engine, count: u64, of_rounds: u64) -> Result<(), Failed> {
    let platform = Platform::open(engine).await?;
    let mut rounds = Rounds::default();
    for round in 0..of_rounds {
        let from = round.saturating_mul(count).saturating_mul(2);
        let applications = applications(&platform, from, count).await?;
        for application in &applications {
            only_approve(&platform, application).await?;
        }
        let mut act = Act {
            now: NOW.saturating_add(LATER)?,
            ..platform.app.act("bench")
        };
        let mut issued = 0_u64;
        let started = Instant::now();
        while issued < count {
            let more = platform.authority().finish_approved(&mut act).await?;
            if more == 0 {
                return Err(Failed::new("what was approved was not issued"));
            }
            issued = issued.saturating_add(more);
        }
        rounds.add("issue", rate(issued, started.elapsed()));

        let applications = self::applications(&platform, from.saturating_add(count), count).await?;
        let started = Instant::now();
        for application in &applications {
            platform.approve(application).await?;
        }
        rounds.add("approve-and-issue", rate(count, started.elapsed()));
    }
    platform.app.close().await;
    for name in ["issue", "approve-and-issue"] {
        rounds.tell_as(&engine.named(name), name, "e-licences/s", &[])?;
    }
    Ok(())
}

async fn applications(platform: &Platform, from: u64, count: u64) -> Result<Vec<String>, Failed> {
    let people = platform::people(from, count)?;
    platform.register(&people).await?;
    let mut applications = Vec::new();
    for person in &people {
        applications.push(platform.apply(person).await?);
    }
    Ok(applications)
}

/// The state in which a crash between approval and issue leaves an application.
async fn only_approve(platform: &Platform, application: &str) -> Result<(), Failed> {
    let store = platform.authority().store();
    let id = ApplicationId::parse(application)?;
    let row = store.application(&id).await?;
    let row = row.ok_or_else(|| Failed::new("an application is gone"))?;
    let driver = store.driver(&row.holder).await?;
    let driver = driver.ok_or_else(|| Failed::new("a driver is gone"))?;
    let (mut tx, locked) = store.begin(&driver.id, driver.revision).await?;
    let by = platform.act(&platform.reviewer).actor_id();
    tx.approve_application(&locked, &id, &by, NOW).await?;
    let entry = Entry::new(NOW, "review.decided", &by, "bench").about(&driver.id);
    tx.commit(entry, Vec::new()).await?;
    Ok(())
}
