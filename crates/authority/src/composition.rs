//! The authority: store, keys, status memory and followers together.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, OnceLock, RwLock, atomic::AtomicI64},
    time::Duration,
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use credential::{EnforcementKey, KeyUse, Signer, SoftwareSigner, Suite};
use jiff::{SignedDuration, Timestamp};
use licence::person_check::Method;
use storage::{Cursors, Partition, Store};
use tokio::sync::{Mutex, broadcast};
use zeroize::Zeroizing;

use crate::{
    Act, Error,
    audit::WitnessCounts,
    follow::{Follower, Live},
    identity::IdentityService,
    judge::Judge,
    limits::Limits,
    look_ups::LookUps,
    notify::Notifier,
    passwords::Passwords,
    peaks::{PeakCounts, PeakLimits},
    push::PushService,
    resign::Walk,
    review::{DuplicateSearch, ForecastCache},
    status_plane::StatusPlane,
    status_start::remember,
    texts::TextCounts,
    trust::Signing,
    working_days::WorkingDays,
};

/// What the operator settles.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the service is reached, without a trailing slash; goes into credentials.
    pub base_url: String,
    /// In whose name licences are signed, as the trust list says.
    pub issuer: String,
    /// Codes of the certificate identifier (GB/T 36904), where they are known.
    pub certificate: Option<CertificateCodes>,
    /// The suites in which every credential is signed; verification reads the first.
    pub suites: Vec<Suite>,
    /// How often status lists are published.
    pub status_period: SignedDuration,
    /// What the codes of bound devices carry.
    pub codes: CodeSettings,
    /// How much a password hash costs.
    pub password_cost: PasswordCost,
    /// Whether staff sign in with a second factor.
    pub second_factor: SecondFactor,
    /// Who carries texts to phones; without one none leave.
    pub notifier: Option<Arc<dyn Notifier>>,
    /// From where on applications are held back in business peaks (R87).
    pub peaks: PeakLimits,
    /// Who carries what the inbox says to browsers; without one nothing is pushed.
    pub push: Option<Arc<dyn PushService>>,
    /// The token with which the carrier of texts reports what became of texts; without one it cannot.
    pub report_token: Option<TokenHash>,
    /// Of how many automatic issues one is looked at by an officer afterwards: [`SAMPLE_ONE_IN`],
    /// but in tests.
    pub sample_one_in: NonZeroU32,
    /// The search for duplicate faces; off where there is none.
    pub duplicates: Option<DuplicateSearch>,
    /// Who judges photos and faces. Without one drivers apply at the counter only.
    pub judge: Option<Arc<Judge>>,
    /// Who shows who a person is in the place of frames, where the operator has such a service.
    pub identity: Option<Arc<dyn IdentityService>>,
    /// Whether the photo on file is issued without an officer (R36).
    pub automatic_issue: AutomaticIssue,
    /// By which person checks a driver activates a device.
    pub activation_checks: ActivationChecks,
    /// How long the frames of such a check may wait and be judged: less than a request may take, since
    /// an activation that came later would reach nobody, and its check would be spent.
    pub frames_judged_within: Duration,
    /// Signing keys that lie in a token of this machine. They sign once a trust list names them.
    pub token_keys: Vec<TokenKey>,
}

/// A signing key that lies in a token (PKCS#11) and never leaves it. Of it the database holds
/// nothing.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// What it is for.
    pub key_use: KeyUse,
    /// What signs by it.
    pub signer: Arc<dyn Signer>,
}

/// Whether the photo on file and a person check that matches make an e-licence without an officer
/// (R36). Nobody turns it on by a line in a file: it rests on what was measured, or on a service that
/// answers for it.
#[derive(Clone, Debug, PartialEq)]
pub enum AutomaticIssue {
    /// An officer reviews each.
    Off,
    /// In a demonstration or a test, with the thresholds that nobody calibrated.
    Demonstration,
    /// By the matchers, whose error rates a signed record states.
    Calibrated(Calibration),
    /// By an identity service outside; what the matchers alone say goes to an officer.
    External,
}

/// By which person checks (实人认证) a driver activates a device: by none, unless the operator says so.
/// Frames that a program makes for a challenge match (docs/person-check.md), and here nobody is signed in
/// who would have to answer for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivationChecks {
    /// By frames of the camera.
    pub frames: bool,
    /// On the word of the identity service.
    pub identity_service: bool,
}

impl ActivationChecks {
    /// Whether one that is done so activates.
    #[must_use]
    pub const fn allows(self, method: Method) -> bool {
        match method {
            Method::Frames => self.frames,
            Method::IdentityService => self.identity_service,
        }
    }
}

/// The calibration record on which automatic issue rests.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// SHA-256 of the record, in hex: what the audit names.
    pub sha256: String,
    /// The share of pairs of two people that are taken for one.
    pub fmr: f64,
    /// The upper end of its 95 % confidence interval.
    pub fmr_bound: f64,
}

/// One in a hundred automatic issues is looked at by an officer afterwards. Where a thousand are issued
/// a day these are ten, a quarter of an hour's work; in ten days they show a fault of one issue in
/// thirty with more than 95 % (1 - (29/30)^100).
pub const SAMPLE_ONE_IN: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// What the codes of bound devices carry.
#[derive(Clone, Debug, Default)]
pub struct CodeSettings {
    /// The one suite in which they are signed; the first of all where it is not said.
    pub suite: Option<Suite>,
    /// Whoever has its secret reads the rest of the licence in an enforcement code; without a key
    /// there is no such code.
    pub enforcement_key: Option<EnforcementKey>,
}

/// Whether staff sign in with a second factor. It is given by whoever composes the platform, never
/// by configuration: nobody turns it off by a line in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Always; who has none yet sets it up first.
    Required,
    /// Only those who have one give it: for demonstrations and tests.
    Demonstration,
}

/// The hash of a token that a machine shows.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether it is the hash of `token`.
    #[must_use]
    pub fn is_of(&self, token: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(token).0).is_ok()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// Codes of the certificate identifier.
#[derive(Clone, Debug)]
pub struct CertificateCodes {
    /// Type code, 21 characters.
    pub type_code: String,
    /// The issuer's USCC, 18 characters.
    pub issuer_code: String,
}

/// What a password hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCost {
    /// Argon2id, 19 MiB, two passes.
    Standard,
    /// The least that argon2 does, for tests that sign in often.
    Test,
}

/// A photo with its media type.
#[derive(Clone, Debug)]
pub struct PhotoFile {
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: String,
    /// The file.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The licensing authority. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Authority {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) calendar: WorkingDays,
    pub(crate) passwords: Passwords,
    pub(crate) limits: Limits,
    /// Exchanged as a whole when trust changes.
    pub(crate) signing: RwLock<Option<Arc<Signing>>>,
    pub(crate) resigning: Walk,
    pub(crate) plane: StatusPlane,
    pub(crate) look_ups: LookUps,
    pub(crate) follower: Mutex<Follower>,
    /// The events that the newest snapshot of this node knows.
    pub(crate) snapshot: Mutex<Option<Cursors>>,
    pub(crate) live: broadcast::Sender<Live>,
    pub(crate) texts: TextCounts,
    pub(crate) forecasts: ForecastCache,
    /// The key by which push services know this installation, once it was needed.
    pub(crate) push_key: OnceLock<Arc<SoftwareSigner>>,
    pub(crate) witness: WitnessCounts,
    pub(crate) peaks: PeakCounts,
    /// When the records were last reached, in microseconds since 1970.
    pub(crate) reached: AtomicI64,
}

/// Live events kept for a page that reads slowly; a page that falls behind reads anew.
const LIVE_BUFFER: usize = 1024;

impl Authority {
    /// Opens the authority over `store`: loads the signing keys and comes to its status memory.
    ///
    /// # Errors
    /// When the store cannot be read, or the signing keys and the trust list contradict each other.
    pub async fn open(store: Store, settings: Settings, now: Timestamp) -> Result<Self, Error> {
        let signing = Signing::load(&store, &settings, now).await?;
        let (live, _) = broadcast::channel(LIVE_BUFFER);
        let (plane, cursors) = remember(&store).await?;
        let authority = Self {
            inner: Arc::new(Inner {
                passwords: Passwords::new(settings.password_cost),
                calendar: WorkingDays::load(&store).await?,
                limits: Limits::new(),
                texts: TextCounts::default(),
                forecasts: ForecastCache::default(),
                push_key: OnceLock::new(),
                witness: WitnessCounts::default(),
                peaks: PeakCounts::default(),
                reached: AtomicI64::new(now.as_microsecond()),
                signing: RwLock::new(signing.map(Arc::new)),
                resigning: Walk::default(),
                plane,
                look_ups: LookUps::default(),
                follower: Mutex::new(Follower::start(cursors)),
                snapshot: Mutex::new(None),
                live,
                settings,
                store,
            }),
        };
        authority.follow().await?;
        Ok(authority)
    }

    /// Whether requests can be served: the database answers and there are signing keys.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<(), Error> {
        self.store().ping().await?;
        self.signing().map(|_| ())
    }

    /// Live events for open pages.
    #[must_use]
    pub fn live(&self) -> broadcast::Receiver<Live> {
        self.inner.live.subscribe()
    }

    /// The store beneath.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Writes an audit row for a refusal that matters, then refuses.
    pub(crate) async fn refuse<T>(
        &self,
        act: &Act,
        what: &'static str,
        subject: Option<&storage::HolderId>,
        error: Error,
    ) -> Result<T, Error> {
        let partition = subject.map_or(Partition::SYSTEM, storage::HolderId::partition);
        let mut entry = act.entry(what).with("refused", error.code());
        if let Some(holder) = subject {
            entry = entry.about(holder);
        }
        let tx = self.store().begin_in(partition).await?;
        tx.commit(entry, Vec::new()).await?;
        Err(error)
    }
}
