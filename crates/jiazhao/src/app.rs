//! Composition: store, authority and service, put together from a configuration.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use authority::{
    Act, ActivationChecks, Authority, AutomaticIssue, Calibration, CodeSettings, DuplicateSearch,
    Error, PasswordCost, SAMPLE_ONE_IN, SecondFactor, TokenHash, WitnessAt,
    identity::IdentityService, judge::Judge, notify::Notifier, push::PushService,
};
use jiff::{SignedDuration, civil::Date};
use licence::civil_date;
use rand::Rng as _;
use service::{Clock, Entropy, ServiceState};
use storage::{AtRest, MasterKeys, Store, StoreError, StoreOptions};

use crate::{
    ambient::{SystemClock, SystemEntropy, system_act},
    config::{Config, Witness},
    enforcement_keys, face_models,
    failure::Failure,
    http_witness::HttpWitness,
    identity_gateway::IdentityGateway,
    key_files::{
        self, Missing,
        root::{self, LeftOver},
    },
    outgoing,
    sms_gateway::SmsGateway,
    token,
    web_push::WebPush,
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
    /// Whether staff sign in with a second factor. No setting of the operator's turns it off.
    pub second_factor: SecondFactor,
    /// Whether photos reach the disk before they are acknowledged. Off only in tests.
    pub durable_objects: bool,
    /// Whether master keys may be made where there are none.
    pub missing_keys: Missing,
    /// Who carries texts to phones, instead of the configured gateway.
    pub notifier: Option<Arc<dyn Notifier>>,
    /// Where the face models come from.
    pub faces: FaceModels,
    /// Who shows who a person is, instead of the configured service.
    pub identity: Option<Arc<dyn IdentityService>>,
    /// Whether the photo on file is issued without an officer, instead of what follows from the
    /// configuration.
    pub automatic_issue: Option<AutomaticIssue>,
    /// By which person checks a device is activated, instead of what follows from the configuration.
    pub activation_checks: Option<ActivationChecks>,
    /// Who carries pushes to browsers, instead of the configured services.
    pub push: Option<Arc<dyn PushService>>,
    /// Whether the web apps are served, where they are part of the build.
    pub web: bool,
    /// Of how many automatic issues one is looked at afterwards; another number only in tests.
    pub sample_one_in: NonZeroU32,
    /// The search for duplicate faces, instead of what follows from the configuration.
    pub duplicates: Option<DuplicateSearch>,
    /// After how long a request is answered with 503. Longer only in tests, whose machine may have
    /// more to do than judge faces.
    pub timeout: Duration,
    /// How long frames for an activation may wait and be judged, instead of what a request leaves them.
    pub frames_judged_within: Option<Duration>,
}

/// Where the face models come from.
#[derive(Clone, Debug)]
pub enum FaceModels {
    /// Nowhere: what is opened judges no photos.
    None,
    /// From the configured folder, if they are there.
    Folder,
    /// From somebody who loaded them.
    Given(Arc<Judge>),
}

/// The platform, opened. Cloning shares it.
#[derive(Clone, Debug)]
pub struct App {
    authority: Authority,
    ambient: Ambient,
    settings: service::Settings,
    node: String,
    data: PathBuf,
    witness: Option<WitnessAt>,
    seen: PathBuf,
}

impl Ambient {
    /// The machine's own.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn system() -> Result<Self, Failure> {
        Ok(Self {
            clock: Arc::new(SystemClock::of_the_machine()),
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
            second_factor: SecondFactor::Required,
            durable_objects: true,
            missing_keys: Missing::MakeForNewFile,
            notifier: None,
            faces: FaceModels::None,
            identity: None,
            automatic_issue: None,
            activation_checks: None,
            push: None,
            web: true,
            sample_one_in: SAMPLE_ONE_IN,
            duplicates: None,
            timeout: service::Settings::default().timeout,
            frames_judged_within: None,
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
        data_folders(config)?;
        let opened = key_files::open(config, options.missing_keys, &mut ambient.entropy.rng())?;
        let store_options = store_options(config, &options);
        let store = match open_store(config, &store_options, &opened.keys, ambient).await {
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
        check_at_rest(config, &store).await?;
        let (judge, calibration) = match &options.faces {
            FaceModels::None => (None, None),
            FaceModels::Folder => face_models::judge(config)?,
            FaceModels::Given(judge) => (Some(Arc::clone(judge)), None),
        };
        let (demo, web, timeout) = (options.demo, options.web, options.timeout);
        let settings = authority_settings(config, ambient, options, (judge, calibration))?;
        let authority = Authority::open(store, settings, ambient.clock.now()).await?;
        Ok(Self {
            authority,
            data: config.data.clone(),
            ambient: ambient.clone(),
            witness: witness(config)?,
            node: format!("node-{:016x}", ambient.entropy.rng().next_u64()),
            seen: config.keys.seen_file.clone(),
            settings: service::Settings {
                secure: config.base_url().starts_with("https://"),
                proxies: config.server.proxies.clone(),
                demo,
                web,
                timeout,
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

    /// Where the server pushes checkpoints.
    #[must_use]
    pub fn witness(&self) -> Option<&WitnessAt> {
        self.witness.as_ref()
    }

    /// The file that remembers the newest checkpoint this node has seen.
    #[must_use]
    pub fn seen_file(&self) -> &Path {
        &self.seen
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
    /// exist. Open the platform anew to use them. What an attempt that was cut off has left there is
    /// finished if its keys count; if not, it is removed from the data folder.
    ///
    /// # Errors
    /// When there are keys already, the file cannot be written, or a file of another attempt lies
    /// there.
    pub async fn establish_keys(&self, path: &Path) -> Result<(), Failure> {
        match root::left_over(path)? {
            LeftOver::Nothing => {}
            LeftOver::Keys(roots) if self.authority.rests_on(&roots) => return root::finish(path),
            // The data folder is this installation's alone, and these keys never counted in it.
            LeftOver::Keys(_) | LeftOver::Torn if path.starts_with(&self.data) => {
                root::discard(path)?;
            }
            LeftOver::Keys(_) | LeftOver::Torn => {
                return Err(Failure::new(
                    "root-keys-pending",
                    "此处有未完成的根密钥文件，不属于本数据库：确认无用后请删除",
                    "Root keys of another attempt lie there, on which this database does not rest: \
                     remove them if nothing else does",
                )
                .about(root::pending(path).display()));
            }
        }
        let mut act = self.act("keys-generate");
        let prepared = self.authority.prepare_keys(&mut act)?;
        // On the disk before the keys count: root keys that count are never lost.
        root::write_pending(path, &prepared.roots)?;
        match self.authority.commit_keys(&act, &prepared).await {
            Ok(()) => root::finish(path),
            Err(error @ (Error::Refused(..) | Error::Store(StoreError::Conflict(_)))) => {
                root::discard(path)?;
                Err(error.into())
            }
            // Whether they count is not known: the next attempt finds out.
            Err(error) => Err(Failure::from(error).within(root::pending(path).display())),
        }
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.authority.store().close().await;
    }
}

fn witness(config: &Config) -> Result<Option<WitnessAt>, Failure> {
    Ok(match &config.audit.witness {
        Some(Witness::File(path)) => Some(WitnessAt::File(path.clone())),
        Some(Witness::Http(peer)) => Some(WitnessAt::Service(Arc::new(HttpWitness::new(peer)?))),
        None => None,
    })
}

/// Who carries texts.
fn notifier(
    config: &Config,
    given: Option<Arc<dyn Notifier>>,
) -> Result<Option<Arc<dyn Notifier>>, Failure> {
    if given.is_some() {
        return Ok(given);
    }
    let Some(peer) = &config.texts.gateway else {
        return Ok(None);
    };
    let gateway: Arc<dyn Notifier> = Arc::new(SmsGateway::new(peer)?);
    Ok(Some(gateway))
}

/// What the operator settled, and who answers outside.
fn authority_settings(
    config: &Config,
    ambient: &Ambient,
    options: Options,
    (judge, calibration): (Option<Arc<Judge>>, Option<Calibration>),
) -> Result<authority::Settings, Failure> {
    let duplicates = duplicates(config, calibration.as_ref());
    let activation_checks = config.activation_checks(calibration.as_ref());
    Ok(authority::Settings {
        base_url: config.base_url(),
        issuer: config.issuer.name.clone(),
        certificate: config.issuer.certificate.clone(),
        suites: config.issuer.suites.clone(),
        status_period: SignedDuration::from_secs(config.status.period_seconds.into()),
        codes: code_settings(config)?,
        password_cost: options.password_cost,
        second_factor: options.second_factor,
        notifier: notifier(config, options.notifier)?,
        push: push(config, options.push, ambient)?,
        report_token: report_token(config)?,
        sample_one_in: options.sample_one_in,
        duplicates: options.duplicates.or(duplicates),
        judge,
        identity: identity(config, options.identity)?,
        automatic_issue: options
            .automatic_issue
            .unwrap_or_else(|| automatic_issue(config, calibration)),
        activation_checks: options.activation_checks.unwrap_or(activation_checks),
        // A third is left for the body, the password and the record.
        frames_judged_within: options
            .frames_judged_within
            .unwrap_or(options.timeout * 2 / 3),
        peaks: config.peaks,
        token_keys: token::keys(config)?,
    })
}

/// Who shows who a person is in the place of frames.
fn identity(
    config: &Config,
    given: Option<Arc<dyn IdentityService>>,
) -> Result<Option<Arc<dyn IdentityService>>, Failure> {
    if given.is_some() {
        return Ok(given);
    }
    let Some(peer) = &config.identity else {
        return Ok(None);
    };
    let service: Arc<dyn IdentityService> = Arc::new(IdentityGateway::new(peer)?);
    Ok(Some(service))
}

/// What automatic issue rests on: nothing, where the configuration has nothing to show.
#[must_use]
pub fn automatic_issue(config: &Config, calibration: Option<Calibration>) -> AutomaticIssue {
    match calibration {
        Some(calibration) => AutomaticIssue::Calibrated(calibration),
        None if config.identity.is_some() => AutomaticIssue::External,
        None => AutomaticIssue::Off,
    }
}

/// The search for duplicate faces, where it is turned on. The configuration asks for a calibration record
/// beside it; where there are no models, there is no search.
fn duplicates(config: &Config, calibration: Option<&Calibration>) -> Option<DuplicateSearch> {
    let calibration = calibration.filter(|_| config.review.duplicate_faces)?;
    let days = i64::from(config.review.face_template_days);
    Some(DuplicateSearch {
        keep: SignedDuration::from_hours(days.saturating_mul(24)),
        scope: config.review.duplicate_scope,
        fmr: calibration.fmr,
        fmr_bound: calibration.fmr_bound,
    })
}

/// Who carries pushes to browsers.
fn push(
    config: &Config,
    given: Option<Arc<dyn PushService>>,
    ambient: &Ambient,
) -> Result<Option<Arc<dyn PushService>>, Failure> {
    if given.is_some() {
        return Ok(given);
    }
    let Some(configured) = &config.push else {
        return Ok(None);
    };
    let services: Arc<dyn PushService> =
        Arc::new(WebPush::new(configured, Arc::clone(&ambient.entropy))?);
    Ok(Some(services))
}

/// What the codes of bound devices carry.
fn code_settings(config: &Config) -> Result<CodeSettings, Failure> {
    let enforcement_key = match &config.codes.enforcement_key {
        Some(file) => Some(enforcement_keys::read_public(file)?),
        None => None,
    };
    Ok(CodeSettings {
        suite: Some(config.codes.suite.clone()),
        enforcement_key,
    })
}

/// What the text gateway shows when it reports.
fn report_token(config: &Config) -> Result<Option<TokenHash>, Failure> {
    let Some(file) = &config.texts.report_token_file else {
        return Ok(None);
    };
    let token = outgoing::token(file)?;
    Ok(Some(TokenHash::of(&token)))
}

/// Makes the data folder and the object folder where they are missing.
///
/// # Errors
/// When they cannot be made.
pub fn data_folders(config: &Config) -> Result<(), Failure> {
    for folder in [&config.data, &config.data.join("objects")] {
        key_files::private_folder(folder).map_err(|error| {
            Failure::new(
                "data-folder",
                "无法建立数据目录",
                "The data folder cannot be made",
            )
            .about(format!("{}: {error}", folder.display()))
        })?;
    }
    Ok(())
}

/// Where the store of this configuration lies.
#[must_use]
pub fn store_options(config: &Config, options: &Options) -> StoreOptions {
    StoreOptions {
        url: config.database.url.clone(),
        connections: config.database.connections,
        layout: config.database.layout,
        objects: config.data.join("objects"),
        durable_objects: options.durable_objects,
    }
}

async fn open_store(
    config: &Config,
    options: &StoreOptions,
    keys: &MasterKeys,
    ambient: &Ambient,
) -> Result<Store, StoreError> {
    let mut rng = ambient.entropy.rng();
    let suite = config.storage.at_rest.unwrap_or_default();
    let now = ambient.clock.now();
    Store::open_at_rest(options, suite, keys, now, &mut rng).await
}

/// What the configuration says of the suite at rest is what new values are sealed by. It makes a
/// new store so; for another, `jiazhao seal rotate` does.
async fn check_at_rest(config: &Config, store: &Store) -> Result<(), Failure> {
    let keys = store.data_keys().await?;
    let sealing = keys.iter().rfind(|key| key.activated_at.is_some());
    match (config.storage.at_rest, sealing.map(|key| key.suite)) {
        (Some(said), Some(suite)) if said != suite => Err(Failure::new(
            "at-rest-suite",
            "storage.at_rest 与数据库的加密算法不同",
            "storage.at_rest is not the suite that the database is sealed by",
        )
        .about(AtRest::as_str(suite))),
        (Some(_) | None, _) => Ok(()),
    }
}
