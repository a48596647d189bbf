//! `jiazhao serve`

use std::path::Path;

use clap::Args;
use service::Clock as _;
use storage::{Steward, backup::Past};

use super::{Context, say};
use crate::{
    app::{App, FaceModels, Options},
    config::Config,
    face_models,
    failure::Failure,
    key_files, seen, server,
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Serve a database that was set back to an earlier state: what works once or for a while is
    /// ended first, and it is audited
    #[arg(long)]
    accept_rollback: bool,
    /// Serve although the clock is behind what was written before: the same is ended first, and it
    /// is audited
    #[arg(long)]
    accept_clock: bool,
}

/// As many places in the status lists as there are in one list, in each partition.
const PLACES: u64 = 4096;

impl Serve {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let stop = server::asked_to_stop()?;
        let config = context.config()?;
        if let Some(failure) = key_files::beside_data(&config).into_iter().next() {
            return Err(failure);
        }
        let options = Options {
            faces: FaceModels::Folder,
            ..Options::default()
        };
        let app = App::open(&config, &context.ambient, options).await?;
        if let Some(failure) = root_key_beside(&config) {
            return Err(failure);
        }
        self.expect_no_earlier_state(context, &app).await?;
        // Without signing keys every request would be refused one by one: say it once, here.
        app.authority().keys(context.ambient.clock.now())?;
        if !service::web_apps_built() {
            tracing::warn!(
                "the web apps are not part of this build: `cargo xtask build` makes one with them"
            );
        }
        if !face_models::are_in(&config.models) {
            tracing::warn!(
                "there are no face models in models.dir: photos are not judged, and drivers apply at the counter only"
            );
        }
        let listener = server::bind(config.server.listen).await?;
        say(&format!("listening on {}", listener.local_addr()?))?;
        let outcome = server::serve(&app, listener, stop).await;
        app.close().await;
        outcome.map(|()| 0)
    }
}

impl Serve {
    /// A database or a clock that was set back would let codes and sessions live again.
    async fn expect_no_earlier_state(&self, context: &Context, app: &App) -> Result<(), Failure> {
        match seen::expect_known(app).await {
            Err(_set_back) if self.accept_rollback => {
                self.end_past(app, PLACES, "store.rollback-accepted")
                    .await?;
                seen::note(app).await?;
            }
            outcome => outcome?,
        }
        match seen::floor(app, context.clock.now()).await {
            Err(_behind) if self.accept_clock => {
                self.end_past(app, 0, "store.clock-accepted").await
            }
            outcome => {
                if let Some(floor) = outcome? {
                    context.clock.raise(floor);
                }
                Ok(())
            }
        }
    }

    async fn end_past(&self, app: &App, places: u64, what: &'static str) -> Result<(), Failure> {
        let act = app.act("serve");
        let by = Steward {
            actor: &act.actor_id(),
            request: &act.request,
            now: act.now,
        };
        let past = Past {
            places,
            ..Past::default()
        };
        let store = app.authority().store();
        let ended = store.end_past(&past, what, &by).await?;
        tracing::warn!(?ended, what);
        Ok(())
    }
}

/// Whoever breaks into the machine that serves must not find what signs the trust list.
pub(super) fn root_key_beside(config: &Config) -> Option<Failure> {
    let default = config.root_key_file();
    let folders = [default.as_path(), &config.keys.master_file]
        .into_iter()
        .filter_map(Path::parent);
    let folders: Vec<&Path> = folders.chain([config.data.as_path()]).collect();
    let found = key_files::root::found_in(&folders, config.sqlite_file())?;
    let failure = Failure::new(
        "root-key-beside",
        "根密钥仍在数据或密钥目录中：请移至离线介质保存后再启动服务",
        "The root key still lies with the data or the keys: take it away to an offline medium, then serve",
    );
    Some(failure.about(found.display()))
}
