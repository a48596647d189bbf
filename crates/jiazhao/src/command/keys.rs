//! `jiazhao keys`

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use authority::KeyView;
use clap::Subcommand;

use super::{Context, say, tell};
use crate::{
    app::{App, Options},
    failure::Failure,
    key_files::{self, Missing},
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
    let app = App::open(&config, &context.ambient, options).await?;
    let default = config.root_key_file();
    let path = root_out.unwrap_or(&default);
    establish(&app, path).await?;
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

/// Makes the keys of a new installation and writes the root keys to `path`, which must not exist.
pub(crate) async fn establish(app: &App, path: &Path) -> Result<(), Failure> {
    // The file first: root keys that are made and cannot be kept would be lost for good.
    let mut file = key_files::create_new(path)?;
    let mut act = app.act("keys-generate");
    let roots = match app.authority().establish_keys(&mut act).await {
        Ok(roots) => roots,
        Err(error) => {
            drop(file);
            fs::remove_file(path)?;
            return Err(error.into());
        }
    };
    let written = file
        .write_all(roots.to_json().as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        Failure::new(
            "root-keys-lost",
            "根密钥已生成但无法保存：请清空数据目录后重新生成",
            "The root keys were made but cannot be kept: empty the data folder and begin again",
        )
        .about(format!("{}: {error}", path.display()))
    })
}
