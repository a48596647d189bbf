//! Composition: store, authority and service, put together from a configuration.

use std::{fs, io::Write as _, path::Path, sync::Arc};

use authority::{Act, Authority, PasswordCost, notify::Notifier};
use jiff::civil::Date;
use licence::civil_date;
use rand::Rng as _;
use service::{Clock, Entropy, ServiceState};
use storage::{MasterKeys, Store, StoreError, StoreOptions};

use crate::{
    ambient::{SystemClock, SystemEntropy, system_act},
    config::Config,
    failure::Failure,
    key_files::{self, Missing},
};

/// Time and randomness, handed down to everything that needs them.
#[derive(Clone)]
pub struct Ambient {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What is not configured but given by the command, or by a test.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether every page says that this is a demonstration (样证).
    pub demo: bool,
    /// What a password hash costs.
    pub password_cost: PasswordCost,
    /// Whether photos reach the disk before they are acknowledged. Off only in tests.
    pub durable_objects: bool,
    /// Whether master keys may be made where there are none.
    pub missing_keys: Missing,
    /// Who carries texts to phones, instead of the configured gateway.
    pub notifier: Option<Arc<dyn Notifier>>,
}

/// The platform, opened. Cloning shares it.
#[derive(Clone, Debug)]
pub struct App {
    authority: Authority,
    ambient: Ambient,
    settings: service::Settings,
    node: String,
}

impl Ambient {
    /// The machine's own.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn system() -> Result<Self, Failure> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open()?),
        })
    }

    /// An act of the system itself or of its operator's command line, `name`.
    #[must_use]
    pub fn act(&self, name: &'static str) -> Act {
        system_act(self.clock.as_ref(), self.entropy.as_ref(), name)
    }
}

impl std::fmt::Debug for Ambient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ambient(..)")
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            demo: false,
            password_cost: PasswordCost::Standard,
            durable_objects: true,
            missing_keys: Missing::MakeForNewFile,
            notifier: None,
        }
    }
}

impl App {
    /// Opens the platform: folders, master keys, store, authority. It opens without signing keys
    /// too; then it only serves to make them.
    ///
    /// # Errors
    /// When a key is missing, the database cannot be reached, or the two do not fit.
    pub async fn open(
        config: &Config,
        ambient: &Ambient,
        options: Options,
    ) -> Result<Self, Failure> {
        let objects = config.data.join("objects");
        for folder in [&config.data, &objects] {
            key_files::private_folder(folder).map_err(|error| {
                Failure::new(
                    "data-folder",
                    "无法建立数据目录",
                    "The data folder cannot be made",
                )
                .about(format!("{}: {error}", folder.display()))
            })?;
        }
        let opened = key_files::open(config, options.missing_keys, &mut ambient.entropy.rng())?;
        let store_options = StoreOptions {
            url: config.database.url.clone(),
            connections: config.database.connections,
            layout: config.database.layout,
            objects,
            durable_objects: options.durable_objects,
        };
        let store = match open_store(&store_options, &opened.keys, ambient).await {
            Ok(store) => store,
            Err(error) => {
                // New keys that do not open the data that is there would only hide that the right
                // ones are missing.
                if matches!(error, StoreError::Mismatch(_)) {
                    opened.withdraw();
                }
                return Err(error.into());
            }
        };
        let authority = Authority::open(
            store,
            authority::Settings {
                base_url: config.base_url(),
                issuer: config.issuer.name.clone(),
                certificate: config.issuer.certificate.clone(),
                suites: config.issuer.suites.clone(),
                password_cost: options.password_cost,
                notifier: options.notifier,
                report_token: None,
            },
            ambient.clock.now(),
        )
        .await?;
        Ok(Self {
            authority,
            ambient: ambient.clone(),
            node: format!("node-{:016x}", ambient.entropy.rng().next_u64()),
            settings: service::Settings {
                secure: config.base_url().starts_with("https://"),
                proxies: config.server.proxies.clone(),
                demo: options.demo,
                ..service::Settings::default()
            },
        })
    }

    /// The use cases.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Time and randomness.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// An act of the system itself or of its operator's command line, `name`.
    #[must_use]
    pub fn act(&self, name: &'static str) -> Act {
        self.ambient.act(name)
    }

    /// This process among others on one database: the holder of its leases.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The date in Asia/Shanghai.
    #[must_use]
    pub fn today(&self) -> Date {
        civil_date(self.ambient.clock.now())
    }

    /// What [`service::router`] stands on.
    #[must_use]
    pub fn state(&self) -> ServiceState {
        ServiceState {
            authority: self.authority.clone(),
            clock: Arc::clone(&self.ambient.clock),
            entropy: Arc::clone(&self.ambient.entropy),
            settings: self.settings.clone(),
        }
    }

    /// Makes the keys of a new installation and writes the root keys to `path`, which must not
    /// exist. Open the platform anew to use them.
    ///
    /// # Errors
    /// When there are keys already, or the file cannot be written.
    pub async fn establish_keys(&self, path: &Path) -> Result<(), Failure> {
        // The file first: root keys that are made and cannot be kept would be lost for good.
        let mut file = key_files::create_new(path)?;
        let mut act = self.act("keys-generate");
        let roots = match self.authority.establish_keys(&mut act).await {
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

    /// Closes the database.
    pub async fn close(&self) {
        self.authority.store().close().await;
    }
}

async fn open_store(
    options: &StoreOptions,
    keys: &MasterKeys,
    ambient: &Ambient,
) -> Result<Store, StoreError> {
    let mut rng = ambient.entropy.rng();
    Store::open(options, keys, ambient.clock.now(), &mut rng).await
}
