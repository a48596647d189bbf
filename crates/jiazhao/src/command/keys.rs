//! `jiazhao keys`

mod change;

use std::path::{Path, PathBuf};

use authority::{KeyView, TrustChange};
use clap::Subcommand;
use credential::{KeyId, KeyUse, Suite};

use super::{Context, say, tell};
use crate::{
    app::{App, Options},
    config::Config,
    enforcement_keys,
    failure::Failure,
    key_files::{
        self, Missing, Purpose,
        protected::{self, Guard},
    },
    unlock,
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
    /// Make the key pair of enforcement terminals: the secret is theirs, the public key beside it
    /// (FILE.pub) is for `codes.enforcement_key`
    GenerateEnforcement {
        /// The file for the secret, which must not exist
        #[arg(value_name = "FILE")]
        out: PathBuf,
    },
    /// Make new signing keys beside those that sign now
    Rotate {
        /// In this suite only
        #[arg(long)]
        suite: Option<Suite>,
        /// For this use only: licence or online
        #[arg(long = "use", value_name = "USE", value_parser = key_use)]
        key_use: Option<KeyUse>,
        #[command(flatten)]
        way: change::Way,
    },
    /// Name the signing keys that lie in the token (`[pkcs11]`) beside those that sign now
    Adopt {
        /// For this use only: licence or online
        #[arg(long = "use", value_name = "USE", value_parser = key_use)]
        key_use: Option<KeyUse>,
        #[command(flatten)]
        way: change::Way,
    },
    /// Let the trust list last another 30 days
    Renew {
        #[command(flatten)]
        way: change::Way,
    },
    /// Let a key sign no more; what it signed stays good
    Retire {
        key: KeyId,
        #[command(flatten)]
        way: change::Way,
    },
    /// Trust a key no more, in anything it ever signed: one person may
    Revoke {
        key: KeyId,
        #[command(flatten)]
        way: change::Way,
    },
    /// Undo the revocation of a key: what it signed is good again, and it signs nothing new
    Restore {
        key: KeyId,
        #[command(flatten)]
        way: change::Way,
    },
    /// Sign a proposed trust list, on the machine that has the root keys; it needs no database
    SignProposal {
        /// The proposal, as `--out` wrote it
        file: PathBuf,
        /// The root keys
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        /// Where the signed list goes
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Bring a signed trust list back; an administrator other than BY activates it
    Submit {
        /// The list, as `sign-proposal` wrote it
        file: PathBuf,
        /// The login of the administrator who brings it
        #[arg(long, value_name = "LOGIN")]
        by: String,
    },
    /// Put a key file under a passphrase or another key file, or under another than now
    Protect {
        /// The key file: master key, index key, or root keys
        file: PathBuf,
        /// Where the new passphrase is read [default: the terminal is asked, twice]
        #[arg(long, value_name = "FILE", conflicts_with = "new_wrapping_file")]
        new_passphrase_file: Option<PathBuf>,
        /// A key file that protects it instead of a passphrase; it is made if it does not exist
        #[arg(long, value_name = "FILE")]
        new_wrapping_file: Option<PathBuf>,
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
            Self::GenerateEnforcement { out } => generate_enforcement(context, out)?,
            Self::Rotate {
                suite,
                key_use,
                way,
            } => {
                let change = TrustChange::Rotate {
                    suite: suite.clone(),
                    key_use: *key_use,
                };
                change::propose(context, &change, way).await?;
            }
            Self::Adopt { key_use, way } => {
                let change = TrustChange::Adopt { key_use: *key_use };
                change::propose(context, &change, way).await?;
            }
            Self::Renew { way } => change::propose(context, &TrustChange::Renew, way).await?,
            Self::Retire { key, way } => {
                change::propose(context, &TrustChange::Retire(*key), way).await?;
            }
            Self::Revoke { key, way } => {
                change::propose(context, &TrustChange::Revoke(*key), way).await?;
            }
            Self::Restore { key, way } => {
                change::propose(context, &TrustChange::Restore(*key), way).await?;
            }
            Self::SignProposal { file, root, out } => change::sign(context, file, root, out)?,
            Self::Submit { file, by } => change::submit(context, file, by).await?,
            Self::Protect {
                file,
                new_passphrase_file,
                new_wrapping_file,
            } => {
                let new = || {
                    let wrapping = new_wrapping_file.as_deref();
                    guard(context, new_passphrase_file.as_deref(), wrapping)
                };
                protect(context, file, new)?;
            }
        }
        Ok(0)
    }
}

fn key_use(text: &str) -> Result<KeyUse, String> {
    [KeyUse::Licence, KeyUse::Online]
        .into_iter()
        .find(|key_use| key_use.as_str() == text)
        .ok_or_else(|| "licence or online (密钥用途)".to_owned())
}

fn list(app: &App) -> Result<(), Failure> {
    let now = app.ambient().clock.now();
    for key in app.authority().keys(now)? {
        let KeyView {
            key_id,
            suite,
            key_use,
            issuer,
            not_before,
            not_after,
            state,
            signs,
            emergency,
        } = key;
        let signs = if signs { "signs" } else { "-" };
        let emergency = emergency.map_or_else(String::new, |why| format!("  emergency:{why}"));
        say(&format!(
            "{key_id}  {suite}  {key_use}  {state}  {signs}  {not_before}  {not_after}  {issuer}{emergency}"
        ))?;
    }
    for note in app.authority().trust_notes(app.ambient().clock.now()) {
        tell(&format!("note: {note}"))?;
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

fn generate_enforcement(context: &Context, out: &Path) -> Result<(), Failure> {
    enforcement_keys::generate(out, &mut context.ambient.entropy.rng())?;
    say(&enforcement_keys::public_beside(out).display().to_string())?;
    tell(&format!(
        "{} opens every enforcement code: take it to the terminals, and keep it off this machine \
         (私钥只应存放于执法终端)",
        out.display()
    ))
}

/// Fewest characters of a new passphrase: with argon2id, twelve random letters outlast the data.
const FEWEST: usize = 12;

fn guard(
    context: &Context,
    passphrase: Option<&Path>,
    wrapping: Option<&Path>,
) -> Result<Guard, Failure> {
    if let Some(file) = wrapping {
        if !file.exists() {
            key_files::make(file, &mut context.ambient.entropy.rng())?;
        }
        return key_files::read_plain(file).map(Guard::KeyFile);
    }
    let new = if let Some(file) = passphrase {
        unlock::read(file)?
    } else {
        let new = unlock::ask("New passphrase (新口令): ")?;
        if *unlock::ask("The same again (再次输入): ")? != *new {
            return Err(Failure::new(
                "passphrases-differ",
                "两次输入的口令不同",
                "The two passphrases differ",
            ));
        }
        new
    };
    if new.chars().count() < FEWEST {
        return Err(Failure::new(
            "passphrase-short",
            "口令至少 12 个字符",
            "A passphrase has 12 characters or more",
        ));
    }
    Ok(Guard::Passphrase(new))
}

/// Asks for the new passphrase only once the file has been opened.
fn protect(
    context: &Context,
    file: &Path,
    new: impl FnOnce() -> Result<Guard, Failure>,
) -> Result<(), Failure> {
    let config = context.loaded()?;
    let purpose = purpose(&config, file)?;
    let plain = key_files::checked(file, purpose, &config.keys.unlock)?;
    let mut rng = context.ambient.entropy.rng();
    let text = protected::protect(purpose, &plain, &new()?, &mut rng)?;
    key_files::replace(file, &text)?;
    tell(&format!(
        "{} ({}) is protected now. What lay there may still be found on the medium and in copies: \
         where that matters, make a new key (原文件内容可能仍留在介质上)",
        file.display(),
        purpose.as_str()
    ))
}

/// A file of root keys shows what it is; the others are what the configuration calls them.
fn purpose(config: &Config, file: &Path) -> Result<Purpose, Failure> {
    if file == config.keys.master_file {
        Ok(Purpose::Master)
    } else if file == config.keys.index_file {
        Ok(Purpose::Index)
    } else if key_files::root::is_root(file) {
        Ok(Purpose::Root)
    } else {
        Err(Failure::new(
            "key-unknown",
            "该文件既不是配置中的密钥文件，也不是根密钥文件",
            "The file is neither a key file of the configuration nor one of root keys",
        )
        .about(file.display()))
    }
}
