//! The authority: store, keys, status memory and followers together.

use std::{
    fmt,
    sync::{Arc, RwLock, atomic::AtomicI64},
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use credential::{EnforcementKey, Suite};
use jiff::{SignedDuration, Timestamp};
use licence::Calendar;
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
    resign::Walk,
    status_plane::StatusPlane,
    status_start::remember,
    texts::TextCounts,
    trust::Signing,
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
    /// The token with which the carrier reports what became of texts; without one it cannot.
    pub report_token: Option<TokenHash>,
    /// Who judges photos and faces. Without one drivers apply at the counter only.
    pub judge: Option<Arc<Judge>>,
    /// Who shows who a person is in the place of frames, where the operator has such a service.
    pub identity: Option<Arc<dyn IdentityService>>,
    /// Whether the photo on file is issued without an officer (R36).
    pub automatic_issue: AutomaticIssue,
}

/// Whether the photo on file and a person check that matches make an e-licence without an officer
/// (R36). Nobody turns it on by a line in a file: it rests on what was measured, or on a service that
/// answers for it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The calibration record on which automatic issue rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// SHA-256 of the record, in hex: what the audit names.
    pub sha256: String,
}

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
    pub(crate) calendar: Calendar,
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
                calendar: Calendar::built_in(),
                limits: Limits::new(),
                texts: TextCounts::default(),
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
