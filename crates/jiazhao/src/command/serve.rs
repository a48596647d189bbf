//! `jiazhao serve`

use std::path::Path;

use clap::Args;

use super::{Context, say};
use crate::{
    app::{App, Options},
    config::Config,
    failure::Failure,
    key_files, server,
};

#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let stop = server::asked_to_stop()?;
        let config = context.config()?;
        if let Some(failure) = key_files::beside_data(&config).into_iter().next() {
            return Err(failure);
        }
        let app = App::open(&config, &context.ambient, Options::default()).await?;
        if let Some(failure) = root_key_beside(&config) {
            return Err(failure);
        }
        // Without signing keys every request would be refused one by one: say it once, here.
        app.authority().keys()?;
        let listener = server::bind(config.server.listen).await?;
        say(&format!("listening on {}", listener.local_addr()?))?;
        let outcome = server::serve(&app, listener, stop).await;
        app.close().await;
        outcome.map(|()| 0)
    }
}

/// Whoever breaks into the machine that serves must not find what signs the trust list.
pub(super) fn root_key_beside(config: &Config) -> Option<Failure> {
    let default = config.root_key_file();
    let folders = [default.as_path(), &config.keys.master_file]
        .into_iter()
        .filter_map(Path::parent);
    let folders: Vec<&Path> = folders.chain([config.data.as_path()]).collect();
    let found = key_files::root::found_in(&folders)?;
    let failure = Failure::new(
        "root-key-beside",
        "根密钥仍在数据或密钥目录中：请移至离线介质保存后再启动服务",
        "The root key still lies with the data or the keys: take it away to an offline medium, then serve",
    );
    Some(failure.about(found.display()))
}
