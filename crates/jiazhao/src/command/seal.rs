//! `jiazhao seal`

mod index;

use std::{path::PathBuf, time::Duration};

use authority::Act;
use clap::Subcommand;
use storage::{AtRest, Conflict, Retirement, Steward, Store, StoreError};
use tokio::time::sleep;

use super::{Context, say, tell};
use crate::{app::App, failure::Failure, key_files};
use index::Reindex;

/// As whom the audit names these acts.
const NAME: &str = "seal";

/// Longer than a node takes to refresh its keys: between the steps of a rotation every node learns
/// what the next one rests on.
const SETTLE: Duration = Duration::from_secs(5);

/// Values a batch brings over: a fraction of a second in which others wait on SQLite.
const BATCH: u32 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum SealCommand {
    /// List the data keys that seal what lies at rest, and the index keys under which names lie
    List,
    /// Make a new data key and bring all values under it, while the platform serves: 0 all, 1 some
    /// do not open
    Rotate {
        /// aes-256-gcm or sm4-gcm [default: the suite of the newest key]
        #[arg(long, value_parser = suite)]
        suite: Option<AtRest>,
    },
    /// Go on with an interrupted rotation: 0 all values, 1 some do not open
    Continue,
    /// Remove an older data key under which nothing lies any more: 0 removed, 1 not yet
    Retire {
        /// Its version, as listed
        version: u32,
    },
    /// Bring the names of all drivers under another index key, while the platform serves, or go on
    /// with that: 0 all, 1 some records do not open
    Reindex(Reindex),
    /// Remove the older index key once the configuration names the newer one's file: 0 removed, 1 not yet
    RetireIndex,
    /// Make a new master key in FILE and wrap the data keys by it; then let the configuration name it
    Rewrap {
        /// Must not exist
        #[arg(long, value_name = "FILE")]
        new_master_file: PathBuf,
    },
}

fn suite(name: &str) -> Result<AtRest, String> {
    AtRest::parse(name).ok_or_else(|| "aes-256-gcm or sm4-gcm".to_owned())
}

impl SealCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let (config, app) = context.open().await?;
        let store = app.authority().store();
        let code = match self {
            Self::List => list(store).await?,
            Self::Rotate { suite } => {
                rotate(&app, *suite).await?;
                pass(&app).await?
            }
            Self::Continue => pass(&app).await?,
            Self::Retire { version } => retire(&app, *version).await?,
            Self::Reindex(reindex) => reindex.run(&config, &app).await?,
            Self::RetireIndex => index::retire(&config, &app).await?,
            Self::Rewrap { new_master_file } => {
                let mut act = app.act(NAME);
                let master = key_files::make(new_master_file, &mut act.rng)?;
                store
                    .rewrap(&master, &steward(&act, &act.actor_id()))
                    .await?;
                tell(
                    "The data keys are wrapped by the new master key. Name its file in the configuration and \
                     start every node anew; keep the old file with the copies made until now. (请更新配置并重启各节点)",
                )?;
                0
            }
        };
        app.close().await;
        Ok(code)
    }
}

async fn list(store: &Store) -> Result<u8, Failure> {
    for key in store.data_keys().await? {
        let state = key
            .activated_at
            .map_or_else(|| "prepared".to_owned(), |at| format!("active since {at}"));
        let suite = key.suite.as_str();
        say(&format!(
            "{}  {suite}  made {}  {state}",
            key.version, key.created_at
        ))?;
    }
    index::list(store).await?;
    Ok(0)
}

async fn rotate(app: &App, suite: Option<AtRest>) -> Result<(), Failure> {
    let store = app.authority().store();
    let keys = store.data_keys().await?;
    let suite = suite
        .or_else(|| keys.last().map(|key| key.suite))
        .unwrap_or_default();
    let act = app.act(NAME);
    let actor = act.actor_id();
    let mut rng = app.ambient().entropy.rng();
    let version = store
        .prepare_data_key(suite, &steward(&act, &actor), &mut rng)
        .await?;
    tell(&format!("data key {version} ({}) prepared", suite.as_str()))?;
    sleep(SETTLE).await;
    let act = app.act(NAME);
    store
        .activate_data_key(version, &steward(&act, &actor))
        .await?;
    tell(&format!("data key {version} seals new values"))?;
    sleep(SETTLE).await;
    Ok(())
}

/// Brings all values under the newest key; the last line says how many and what does not open.
async fn pass(app: &App) -> Result<u8, Failure> {
    let store = app.authority().store();
    let mut resealed = 0_u64;
    loop {
        let act = app.act(NAME);
        let actor = act.actor_id();
        let step = match store.reseal_batch(&steward(&act, &actor), BATCH).await {
            // Another node did this step.
            Err(StoreError::Conflict(Conflict::Cursor)) => continue,
            step => step?,
        };
        for one in &step.damaged {
            say(&format!("does not open: {} {}", one.place, one.row))?;
        }
        resealed = resealed.saturating_add(step.resealed);
        if step.finished {
            let (version, damaged) = (step.version, step.damaged_so_far);
            say(&format!(
                "data key {version}: resealed {resealed}, damaged {damaged}"
            ))?;
            return Ok(u8::from(damaged > 0));
        }
    }
}

async fn retire(app: &App, version: u32) -> Result<u8, Failure> {
    let store = app.authority().store();
    let act = app.act(NAME);
    let by = act.actor_id();
    let told = match store.retire_data_key(version, &steward(&act, &by)).await? {
        Retirement::Retired => {
            say(&format!("data key {version} is gone"))?;
            return Ok(0);
        }
        Retirement::NotOlder => "it is the newest, or there is none of that version".to_owned(),
        Retirement::PassUnfinished => {
            "the pass to the newest key has not been everywhere".to_owned()
        }
        Retirement::NotBefore(at) => format!("not before {at}"),
        Retirement::InUse(places) => {
            let places: Vec<String> = places
                .iter()
                .map(|(place, count)| format!("{place}: {count}"))
                .collect();
            format!("values lie under it: {}", places.join(", "))
        }
    };
    say(&format!("data key {version} stays: {told}"))?;
    Ok(1)
}

fn steward<'a>(act: &'a Act, actor: &'a str) -> Steward<'a> {
    Steward {
        actor,
        request: &act.request,
        now: act.now,
    }
}
