//! `jiazhao seal reindex` and `jiazhao seal retire-index`

use std::path::{Path, PathBuf};

use clap::Args;
use storage::{AtRest, Conflict, IndexRetirement, Store, StoreError};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{BATCH, NAME, SETTLE, steward, suite};
use crate::{
    app::App,
    command::{say, tell},
    config::Config,
    failure::Failure,
    key_files,
};

#[derive(Debug, Args)]
pub(in crate::command) struct Reindex {
    /// The new index key; made where there is no such file. Not needed to go on
    #[arg(long, value_name = "FILE")]
    new_index_file: Option<PathBuf>,
    /// aes-256-gcm (HMAC-SHA-256) or sm4-gcm (HMAC-SM3) [default: as it is]
    #[arg(long, value_parser = suite)]
    suite: Option<AtRest>,
}

impl Reindex {
    pub(super) async fn run(&self, config: &Config, app: &App) -> Result<u8, Failure> {
        let store = app.authority().store();
        let known = store.index_keys().await?;
        let going_on = known.len() > 1;
        match &self.new_index_file {
            Some(file) if going_on && !file.exists() => return Err(other_key(file)),
            Some(file) => self.prepare(config, app, file).await?,
            None if going_on => {}
            None => {
                return Err(Failure::new(
                    "index-file-needed",
                    "请用 --new-index-file 指定新索引密钥文件",
                    "Name the file of the new index key with --new-index-file",
                ));
            }
        }
        let known = store.index_keys().await?;
        if known.iter().any(|key| key.activated_at.is_none()) {
            // Until then every node learns of the key.
            sleep(SETTLE).await;
            let act = app.act(NAME);
            let actor = act.actor_id();
            let version = store.begin_reindex(&steward(&act, &actor)).await?;
            tell(&format!(
                "names are entered under index key {version} from now on"
            ))?;
        }
        pass(app).await
    }

    async fn prepare(&self, config: &Config, app: &App, file: &Path) -> Result<(), Failure> {
        let store = app.authority().store();
        let mut act = app.act(NAME);
        let actor = act.actor_id();
        let index = Zeroizing::new(key_files::next_index(config, file, &mut act.rng)?);
        let of_now = store.index_keys().await?.last().map(|key| key.suite);
        let suite = self.suite.or(of_now).unwrap_or_default();
        let by = steward(&act, &actor);
        match store.prepare_index_key(&index, suite, &by).await {
            Err(StoreError::Conflict(Conflict::Revision)) => Err(other_key(file)),
            prepared => {
                let version = prepared?;
                tell(&format!(
                    "index key {version} is known, from {}",
                    file.display()
                ))
            }
        }
    }
}

fn other_key(file: &Path) -> Failure {
    Failure::new(
        "index-key-other",
        "正在改用另一索引密钥：请继续该操作，或指定其密钥文件",
        "Another index key is being taken into use: go on without a file, or name its file",
    )
    .about(file.display())
}

/// Brings all names over; the last line says how many, and what stays.
async fn pass(app: &App) -> Result<u8, Failure> {
    let store = app.authority().store();
    let (mut moved, mut given_up) = (0_u64, 0_u64);
    loop {
        let act = app.act(NAME);
        let actor = act.actor_id();
        let step = match store.reindex_batch(&steward(&act, &actor), BATCH).await {
            // Another node did this step.
            Err(StoreError::Conflict(Conflict::Cursor)) => continue,
            step => step?,
        };
        for one in &step.damaged {
            say(&format!("does not open: {} {}", one.place, one.row))?;
        }
        moved = moved.saturating_add(step.moved);
        given_up = given_up.saturating_add(step.given_up);
        if step.finished {
            let (version, left) = (step.version, step.left);
            say(&format!(
                "index key {version}: moved {moved}, given up {given_up}, left {left}"
            ))?;
            if left > 0 {
                return Ok(1);
            }
            tell(
                "All names lie under the new index key. Let the configuration of every node name its file, start \
                 them anew, then run `jiazhao seal retire-index` (请更新配置并重启各节点，再停用旧索引密钥)",
            )?;
            return Ok(0);
        }
    }
}

/// The file that the configuration names opens the store alone afterwards, so it must be the newer
/// key's.
pub(super) async fn retire(config: &Config, app: &App) -> Result<u8, Failure> {
    let act = app.act(NAME);
    let actor = act.actor_id();
    let file = &config.keys.index_file;
    let index = Zeroizing::new(key_files::present_index(config)?);
    let store = app.authority().store();
    let told = match store
        .retire_index_key(&index, &steward(&act, &actor))
        .await?
    {
        IndexRetirement::Retired => {
            say("the older index key is gone: the store opens with the newer one only")?;
            return Ok(0);
        }
        IndexRetirement::NoOlder => "there is none that names were moved away from".to_owned(),
        IndexRetirement::NotTheNewer => {
            format!("{} does not hold the newer key", file.display())
        }
        IndexRetirement::InUse(names) => format!("{names} names lie under it"),
    };
    say(&format!("the older index key stays: {told}"))?;
    Ok(1)
}

pub(super) async fn list(store: &Store) -> Result<(), Failure> {
    for key in store.index_keys().await? {
        let state = match (key.activated_at, key.left_at) {
            (None, _) => "prepared".to_owned(),
            (Some(at), None) => format!("active since {at}"),
            (Some(_), Some(at)) => format!("left since {at}"),
        };
        let (version, suite) = (key.version, key.suite.as_str());
        say(&format!(
            "index {version}  {suite}  made {}  {state}",
            key.created_at
        ))?;
    }
    Ok(())
}
