//! `jiazhao serve`

use clap::Args;

use super::{Context, say};
use crate::{config::Config, failure::Failure, server};

#[derive(Debug, Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let stop = server::asked_to_stop()?;
        let (config, app) = context.open().await?;
        if config.root_key_file().exists() {
            return Err(root_key_beside(&config));
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
pub(super) fn root_key_beside(config: &Config) -> Failure {
    Failure::new(
        "root-key-beside",
        "根密钥仍在数据目录中：请移至离线介质保存后再启动服务",
        "The root key still lies in the data folder: take it away to an offline medium, then serve",
    )
    .about(config.root_key_file().display())
}
