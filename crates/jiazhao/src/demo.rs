//! The demonstration: the whole platform on its embedded default with people who do not exist.
//!
//! What it holds came in by the ways that are there for it: a registry file through the import,
//! everything else through the use cases.

pub mod accounts;
mod conditions;
pub mod device;
mod glyphs;
mod lines;
pub mod people;
pub mod portraits;
mod seed;
pub mod stills;
pub mod texts;
pub mod walk;

use std::{net::SocketAddr, sync::Arc};

use authority::{AutomaticIssue, CertificateCodes, SecondFactor, notify::Notifier};
use licence::certificate::{DEMO_ISSUER, DEMO_TYPE};
use tokio::net::TcpListener;

use crate::{
    app::{Ambient, App, FaceModels, Options},
    config::Config,
    enforcement_keys,
    failure::Failure,
    key_files::Missing,
    server,
};
use accounts::Accounts;
use texts::DemoTexts;

/// A demonstration that is ready to serve.
#[derive(Debug)]
pub struct Demo {
    /// The platform.
    pub app: App,
    /// Where it listens.
    pub listener: TcpListener,
    /// Where clients reach it.
    pub base_url: String,
    /// Who can sign in.
    pub accounts: Accounts,
    /// The texts to their phones.
    pub texts: Arc<DemoTexts>,
    config: Config,
}

/// Drivers of a demonstration, if not told otherwise.
pub const DRIVERS: u64 = 10_000;
/// Fewer would leave out people whom the demonstration takes further.
pub const FEWEST_DRIVERS: u64 = 200;
/// A million of each of the 28 cities' people have names of their own.
pub const MOST_DRIVERS: u64 = 1_000_000;

const ISSUER: &str = "全国公安交管电子证照系统（演示）";

impl Demo {
    /// Makes a demonstration of `drivers` people in an empty data folder, or opens the one that is
    /// there; `web` serves the web apps too.
    ///
    /// # Errors
    /// When the folder holds something else, or the platform cannot be opened.
    pub async fn open(
        mut config: Config,
        ambient: &Ambient,
        listen: Option<SocketAddr>,
        drivers: u64,
        web: bool,
    ) -> Result<Self, Failure> {
        let listener = server::bind(listen.unwrap_or(config.server.listen)).await?;
        config.server.listen = listener.local_addr()?;
        ISSUER.clone_into(&mut config.issuer.name);
        config
            .issuer
            .certificate
            .get_or_insert_with(|| CertificateCodes {
                type_code: DEMO_TYPE.to_owned(),
                issuer_code: DEMO_ISSUER.to_owned(),
            });
        enforcement_key(&mut config, ambient)?;
        let texts = Arc::new(DemoTexts::default());
        let carrier: Arc<dyn Notifier> = Arc::<DemoTexts>::clone(&texts);
        let options = Options {
            demo: true,
            second_factor: SecondFactor::Demonstration,
            missing_keys: Missing::Make,
            notifier: Some(carrier),
            faces: FaceModels::Folder,
            automatic_issue: Some(AutomaticIssue::Demonstration),
            web,
            ..Options::default()
        };
        let (app, accounts) = match Accounts::load(&config)? {
            Some(mut accounts) => {
                let app = App::open(&config, ambient, options).await?;
                seed::renew_codes(&app, &config, &mut accounts).await?;
                (app, accounts)
            }
            None => seed::seed(&config, ambient, options, drivers).await?,
        };
        Ok(Self {
            app,
            listener,
            base_url: config.base_url(),
            accounts,
            texts,
            config,
        })
    }
}

/// Terminals of the demonstration have a key of their own, made where none is configured. Here alone
/// its secret lies beside what serves.
fn enforcement_key(config: &mut Config, ambient: &Ambient) -> Result<(), Failure> {
    if config.codes.enforcement_key.is_some() {
        return Ok(());
    }
    let secret = config.data.join("keys").join("enforcement.key");
    let public = enforcement_keys::public_beside(&secret);
    if !public.exists() {
        enforcement_keys::generate(&secret, &mut ambient.entropy.rng())?;
    }
    config.codes.enforcement_key = Some(public);
    Ok(())
}
