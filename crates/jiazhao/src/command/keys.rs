//! `jiazhao keys`

use std::path::{Path, PathBuf};

use authority::KeyView;
use clap::Subcommand;

use super::{Context, say, tell};
use crate::{
    app::{App, Options},
    failure::Failure,
    key_files::Missing,
};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the signing keys
    List,
    /// Make root keys, signing keys and the first trust list, once
    Generate {
        /// The file for the root keys, which must not exist [default: keys/root.json in the data
        /// folder]
        #[arg(long, value_name = "FILE")]
        root_out: Option<PathBuf>,
    },
}

impl KeysCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        match self {
            Self::List => {
                let (_, app) = context.open().await?;
                list(&app)?;
                app.close().await;
            }
            Self::Generate { root_out } => generate(context, root_out.as_deref()).await?,
        }
        Ok(0)
    }
}

fn list(app: &App) -> Result<(), Failure> {
    for key in app.authority().keys()? {
        let KeyView {
            key_id,
            suite,
            issuer,
            not_before,
            not_after,
            state,
        } = key;
        say(&format!(
            "{key_id}  {suite}  {state}  {not_before}  {not_after}  {issuer}"
        ))?;
    }
    Ok(())
}

async fn generate(context: &Context, root_out: Option<&Path>) -> Result<(), Failure> {
    let config = context.config()?;
    let options = Options {
        missing_keys: Missing::Make,
        ..Options::default()
    };
    let app = App::open(&config, &context.ambient, options.clone()).await?;
    let default = config.root_key_file();
    let path = root_out.unwrap_or(&default);
    app.establish_keys(path).await?;
    app.close().await;
    // Opened anew, the authority has loaded and checked what it will sign with.
    let app = App::open(&config, &context.ambient, options).await?;
    list(&app)?;
    app.close().await;
    tell(&format!(
        "Root keys: {} - take them away to an offline medium; `serve` does not start beside them. \
         (根密钥须移至离线介质保存)",
        path.display()
    ))
}
