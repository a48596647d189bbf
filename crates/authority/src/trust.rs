//! Signing keys and the trust list: made once, loaded at start, exchanged while serving.

mod activation;
mod change;
mod distrust;
mod establish;
mod proposal;
mod roots;

use std::sync::{Arc, PoisonError};

use credential::{
    KeyId, KeyState, KeyUse, NumericDate, SignedTrustList, Signer, SoftwareSigner, Suite,
    TrustedKey, VerifiedTrustList,
};
use jiff::{SignedDuration, Timestamp};
use storage::{KeyDistrust, SigningKeyRow, Store, TrustListRow};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error, Role, Settings, authentic::CheckedForms, measures::Measure, refusal,
    views::KeyView,
};

pub use self::{
    activation::Submitted,
    change::TrustChange,
    establish::PreparedKeys,
    proposal::{SignedProposal, TrustProposalFile},
    roots::RootKeys,
};

/// How long a signing key signs: a period of two years.
const KEY_LASTS: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// After this a verifier must have fetched a newer list; a revocation reaches the last of them
/// within it.
const LIST_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Keys that sign and the list that vouches for them. It never changes: another takes its place, and
/// whoever works with this one goes on with all of it.
#[derive(Debug)]
pub(crate) struct Signing {
    /// They sign licences, in the order of the configured suites. A suite without a key that may
    /// sign is left out: then nothing is issued, and all else goes on.
    pub(crate) signers: Vec<Arc<dyn Signer>>,
    /// They sign what the server states of the present, in the same order; none where the keys were
    /// made before there was this use.
    pub(crate) online: Vec<Arc<dyn Signer>>,
    /// What the roots signed, with the keys that were revoked in an emergency as revoked.
    pub(crate) trust: VerifiedTrustList,
    /// Forms found good under this list.
    pub(crate) checked: CheckedForms,
    row: TrustListRow,
    /// What the roots signed, and no more.
    rooted: VerifiedTrustList,
    distrusts: Vec<KeyDistrust>,
    held: Vec<Arc<dyn Signer>>,
    suites: Vec<Suite>,
}

impl Signing {
    /// Loads the newest trust list and the keys that it lets sign; none where no keys were made yet.
    pub(crate) async fn load(
        store: &Store,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let Some(row) = store.trust_list().await? else {
            return Ok(None);
        };
        let rooted = verified(&row.document)?;
        let keys = store.signing_keys().await?;
        let distrusts = store.key_distrusts().await?;
        let mut held: Vec<Arc<dyn Signer>> = Vec::new();
        for key in &keys {
            if let Ok(key_id) = key.key_id.parse()
                && rooted.key(&key_id).is_some()
            {
                held.push(Arc::new(signer_of(key)?));
            }
        }
        let of_tokens = settings.token_keys.iter().map(|key| &key.signer);
        held.extend(
            of_tokens
                .filter(|signer| rooted.key(signer.key_id()).is_some())
                .cloned(),
        );
        for suite in &settings.suites {
            let licence = |key: &&TrustedKey| {
                key.key_use == KeyUse::Licence && key.public_key.suite() == suite
            };
            if !rooted.list().keys.iter().any(|key| licence(&key)) {
                return Err(Error::Internal("a configured suite has no key"));
            }
        }
        let suites = settings.suites.clone();
        let signing = Self::assembled((row, rooted), held, suites, distrusts, now);
        Ok(Some(signing))
    }

    fn assembled(
        (row, rooted): (TrustListRow, VerifiedTrustList),
        held: Vec<Arc<dyn Signer>>,
        suites: Vec<Suite>,
        distrusts: Vec<KeyDistrust>,
        now: Timestamp,
    ) -> Self {
        let distrusted: Vec<(KeyId, NumericDate)> = distrusts
            .iter()
            .filter_map(|row| Some((row.key_id.parse().ok()?, NumericDate::floor(row.since))))
            .collect();
        let mut signing = Self {
            signers: Vec::new(),
            online: Vec::new(),
            trust: rooted.distrusting(&distrusted),
            checked: CheckedForms::default(),
            row,
            rooted,
            distrusts,
            held,
            suites,
        };
        signing.signers = signing.of_use(KeyUse::Licence, now);
        signing.online = signing.of_use(KeyUse::Online, now);
        signing
    }

    /// One signer for each configured suite that has a key which may sign now.
    fn of_use(&self, key_use: KeyUse, now: Timestamp) -> Vec<Arc<dyn Signer>> {
        let suites = self.suites.iter();
        suites
            .filter_map(|suite| self.newest(suite, key_use, now).cloned())
            .collect()
    }

    /// The newest key of a suite that may sign now, for this use: during an overlap the one that is
    /// to stay.
    fn newest(&self, suite: &Suite, key_use: KeyUse, now: Timestamp) -> Option<&Arc<dyn Signer>> {
        // Of equals the first, which was made last.
        self.may_sign(suite, key_use, now)
            .reduce(|newest, next| if next.0 > newest.0 { next } else { newest })
            .map(|(_, signer)| signer)
    }

    /// The oldest key of a suite that may sign now, for this use: during an overlap the one that is
    /// to go. What a device shows to verifiers without a network is signed by it, since they may hold
    /// yesterday's list, to which a newer key is a stranger's.
    pub(crate) fn longest_known(
        &self,
        suite: &Suite,
        key_use: KeyUse,
        now: Timestamp,
    ) -> Option<Arc<dyn Signer>> {
        self.may_sign(suite, key_use, now)
            .reduce(|oldest, next| if next.0 <= oldest.0 { next } else { oldest })
            .map(|(_, signer)| signer.clone())
    }

    /// Keys that may sign now, with the start of their time.
    fn may_sign(
        &self,
        suite: &Suite,
        key_use: KeyUse,
        now: Timestamp,
    ) -> impl Iterator<Item = (NumericDate, &Arc<dyn Signer>)> {
        let now = NumericDate::floor(now);
        self.held.iter().filter_map(move |signer| {
            let key = self.trust.key(signer.key_id())?;
            let fits = key.public_key.suite() == suite
                && key.key_use == key_use
                && key.state == KeyState::Active
                && key.may_sign_at(now);
            fits.then_some((key.not_before, signer))
        })
    }

    /// The signers of what is dated at an instant before now, in the order of the suites: where a key
    /// had not begun by then, the one before it signs on.
    pub(crate) fn online_at(&self, at: Timestamp) -> Vec<Arc<dyn Signer>> {
        self.of_use(KeyUse::Online, at)
    }

    /// The signers of licences, one for each configured suite.
    ///
    /// # Errors
    /// [`refusal::NO_KEY_SIGNS`] when a suite has none now: retired, revoked or past its period.
    pub(crate) fn licence_signers(&self, now: Timestamp) -> Result<Vec<Arc<dyn Signer>>, Error> {
        let signers = self.of_use(KeyUse::Licence, now);
        if signers.len() == self.suites.len() {
            Ok(signers)
        } else {
            Err(refusal::NO_KEY_SIGNS.into())
        }
    }

    /// Keys for licences that sign no more, in suites in which another one does: what they signed
    /// can be signed anew.
    pub(crate) fn departed(&self) -> Vec<String> {
        let signs = |suite: &Suite| self.signers.iter().any(|signer| signer.suite() == suite);
        let keys = self.trust.list().keys.iter();
        let mut departed: Vec<String> = keys
            .filter(|key| key.key_use == KeyUse::Licence && key.state != KeyState::Active)
            .filter(|key| signs(key.public_key.suite()))
            .map(|key| key.key_id().to_string())
            .collect();
        departed.sort_unstable();
        departed
    }

    /// Whether the store and the instant would give the same.
    fn is_what(&self, version: Option<u64>, distrusts: &[KeyDistrust], now: Timestamp) -> bool {
        let same = |those: &[Arc<dyn Signer>], key_use| {
            let these = self.of_use(key_use, now);
            let ids = |signers: &[Arc<dyn Signer>]| -> Vec<KeyId> {
                signers.iter().map(|signer| *signer.key_id()).collect()
            };
            ids(&these) == ids(those)
        };
        version == Some(self.row.version)
            && distrusts == self.distrusts
            && same(&self.signers, KeyUse::Licence)
            && same(&self.online, KeyUse::Online)
    }

    /// By when the last online key was revoked, to the second after it: the list tells whole ones.
    pub(crate) fn online_distrusted(&self) -> Option<Timestamp> {
        let keys = self.trust.list().keys.iter();
        let revoked = keys.filter_map(|key| match key.state {
            KeyState::Revoked { at } if key.key_use == KeyUse::Online => Some(at.timestamp()),
            KeyState::Revoked { .. } | KeyState::Active | KeyState::Retired => None,
        });
        let last = revoked.max()?;
        last.checked_add(SignedDuration::from_secs(1)).ok()
    }

    /// Keys that were revoked in an emergency while the signed list still trusts them.
    fn not_in_the_list(&self) -> usize {
        let distrusts = self.distrusts.iter();
        distrusts
            .filter(|row| {
                let key_id = row.key_id.parse().ok();
                let key = key_id.and_then(|key_id| self.rooted.key(&key_id));
                key.is_some_and(|key| !matches!(key.state, KeyState::Revoked { .. }))
            })
            .count()
    }

    /// What is told of a key, where devices show codes of `code_suite`.
    fn view(&self, key: &TrustedKey, code_suite: &Suite, now: Timestamp) -> KeyView {
        let key_id = key.key_id().to_string();
        let is_it = |signer: &Arc<dyn Signer>| signer.key_id() == key.key_id();
        let oldest = self.longest_known(code_suite, key.key_use, now);
        let signs = self
            .signers
            .iter()
            .chain(&self.online)
            .chain(&oldest)
            .any(is_it);
        let distrust = self.distrusts.iter().find(|row| row.key_id == key_id);
        KeyView {
            suite: key.public_key.suite().to_string(),
            key_use: key.key_use.as_str().to_owned(),
            issuer: key.issuer.clone(),
            not_before: key.not_before.timestamp(),
            not_after: key.not_after.timestamp(),
            state: key.state.as_str().to_owned(),
            signs,
            emergency: distrust.map(|row| row.reason.clone()),
            key_id,
        }
    }
}

impl Authority {
    /// Takes over the trust list and the emergency revocations that are stored now, where they are
    /// newer; answers whether anything changed. Every node does so again and again, the one that
    /// changes trust at once.
    ///
    /// # Errors
    /// When the store fails, or holds an older list or one of other roots than is in use: this node
    /// goes on with the one that it has.
    pub async fn refresh_trust(&self, now: Timestamp) -> Result<bool, Error> {
        let held = self.held_signing();
        let version = self.store().trust_version().await?;
        let distrusts = self.store().key_distrusts().await?;
        if let Some(held) = &held {
            if held.is_what(version, &distrusts, now) {
                return Ok(false);
            }
            if version < Some(held.row.version) {
                self.distrust_here(held, distrusts, now);
                return Err(Error::Internal(
                    "the stored trust list is older than the one in use",
                ));
            }
        }
        let Some(next) = Signing::load(self.store(), &self.inner.settings, now).await? else {
            return Ok(false);
        };
        if let Some(held) = held
            && held.rooted.roots() != next.rooted.roots()
        {
            self.distrust_here(&held, distrusts, now);
            return Err(Error::Internal(
                "the stored trust list is not signed by the roots of the one in use",
            ));
        }
        self.exchange(next);
        Ok(true)
    }

    /// Whatever became of the stored list: who revokes a key in an emergency is heard.
    fn distrust_here(&self, held: &Signing, distrusts: Vec<KeyDistrust>, now: Timestamp) {
        if distrusts != held.distrusts {
            let list = (held.row.clone(), held.rooted.clone());
            let (signers, suites) = (held.held.clone(), held.suites.clone());
            self.exchange(Signing::assembled(list, signers, suites, distrusts, now));
        }
    }

    fn exchange(&self, next: Signing) {
        let mut held = self
            .inner
            .signing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Two refreshes at once: the older one does not put itself before the newer.
        if held
            .as_ref()
            .is_none_or(|held| held.row.version <= next.row.version)
        {
            *held = Some(Arc::new(next));
        }
    }

    pub(crate) fn held_signing(&self) -> Option<Arc<Signing>> {
        let held = self.inner.signing.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn signing(&self) -> Result<Arc<Signing>, Error> {
        self.held_signing().ok_or_else(|| refusal::NO_KEYS.into())
    }

    /// The signing keys that the trust list names, and which of them sign now.
    ///
    /// # Errors
    /// [`refusal::NO_KEYS`] when there are none.
    pub fn keys(&self, now: Timestamp) -> Result<Vec<KeyView>, Error> {
        let signing = self.signing()?;
        let keys = signing.trust.list().keys.iter();
        let code_suite = self.code_suite();
        Ok(keys
            .map(|key| signing.view(key, &code_suite, now))
            .collect())
    }

    /// The same for an administrator.
    ///
    /// # Errors
    /// Without the role; as [`Authority::keys`].
    pub fn keys_for(&self, act: &Act) -> Result<Vec<KeyView>, Error> {
        act.staff(&[Role::Admin])?;
        self.keys(act.now)
    }

    /// The signed trust list, as verifiers take it.
    ///
    /// # Errors
    /// [`refusal::NO_KEYS`] when there is none.
    pub fn trust_list(&self) -> Result<String, Error> {
        Ok(self.signing()?.row.document.clone())
    }

    /// Certificates of roots and signing keys: name and PEM.
    ///
    /// # Errors
    /// [`refusal::NO_KEYS`] when there is no list.
    pub fn certificates(&self) -> Result<Vec<(String, String)>, Error> {
        let signing = self.signing()?;
        let certificates = proposal::certificates_of(&signing.row)?;
        Ok(certificates.into_iter().collect())
    }

    /// What an operator should know besides "ready": one line each, nothing where all is well.
    #[must_use]
    pub fn trust_notes(&self, now: Timestamp) -> Vec<String> {
        let Some(signing) = self.held_signing() else {
            return Vec::new();
        };
        let mut notes = Vec::new();
        let waiting = signing.not_in_the_list();
        if waiting > 0 {
            notes.push(format!(
                "emergency revocations that no signed trust list says yet: {waiting} (紧急撤销尚未列入签名的信任列表)"
            ));
        }
        if signing.licence_signers(now).is_err() {
            notes.push("a suite has no key that may sign: nothing is issued (有算法套件无可用签名密钥，暂停核发)".to_owned());
        }
        if signing.rooted.is_stale(now) {
            notes.push("the trust list is stale: renew it (信任列表已过期，须更新)".to_owned());
        }
        notes
    }

    pub(crate) fn trust_measures(&self, now: Timestamp) -> Vec<Measure> {
        let Some(signing) = self.held_signing() else {
            return Vec::new();
        };
        let next_update = signing.rooted.list().next_update.timestamp().as_second();
        let without = signing
            .suites
            .len()
            .saturating_sub(signing.of_use(KeyUse::Licence, now).len());
        let waiting = signing.not_in_the_list();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        vec![
            Measure::gauge(
                "jiazhao_trust_list_version",
                "Version of the trust list in use.",
                signing.row.version,
            ),
            Measure::gauge(
                "jiazhao_trust_list_next_update_seconds",
                "When the trust list in use becomes stale, in seconds since 1970.",
                u64::try_from(next_update).unwrap_or_default(),
            ),
            Measure::gauge(
                "jiazhao_emergency_revocations_unsigned",
                "Keys revoked in an emergency that the signed trust list still trusts.",
                count(waiting),
            ),
            Measure::gauge(
                "jiazhao_suites_without_signing_key",
                "Configured suites in which no key may sign now.",
                count(without),
            ),
        ]
    }
}

/// A stored list. It came through [`Authority::submit_trust`], or was made here.
fn verified(document: &str) -> Result<VerifiedTrustList, Error> {
    SignedTrustList::from_json(document.as_bytes())
        .map_err(|_malformed| Error::Internal("the stored trust list is malformed"))?
        .verify(None)
        .map_err(|_refused| Error::Internal("the stored trust list does not verify"))
}

fn signer_of(row: &SigningKeyRow) -> Result<SoftwareSigner, Error> {
    let broken = || Error::Internal("a stored signing key is damaged");
    let suite: Suite = row.suite.parse().map_err(|_unknown| broken())?;
    let Ok(secret) = <[u8; 32]>::try_from(row.secret.as_slice()) else {
        return Err(broken());
    };
    match SoftwareSigner::from_secret(&suite, Zeroizing::new(secret)) {
        Ok(signer) if signer.key_id().to_string() == row.key_id => Ok(signer),
        Ok(_) | Err(_) => Err(broken()),
    }
}
