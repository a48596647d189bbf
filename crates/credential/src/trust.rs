//! The trust list (信任列表): which keys may sign licences, signed by the root of each suite.
//!
//! As a file it is JSON that carries, for each root, its public key and the list as `COSE_Sign1`;
//! every one of them covers the same bytes. Inside is a CBOR map: version 1, issued at 2, next
//! update 3, keys 4; each key: suite 1 (text), point 2, issuer 3 (text), not before 4, not after
//! 5, state 6 (0 active, 1 retired, 2 revoked), revoked at 7 (only with state 2), use 8 (1 online;
//! a key for licences has no entry).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

use crate::{
    cbor::Value,
    cose::{Content, Sign1, Unsigned},
    fields::{self, Fields, Key},
    key::{KeyId, PublicKey},
    malformed::Malformed,
    reason::Reason,
    signer::{IssueError, Signer},
    suite::Suite,
    time::NumericDate,
};

/// The trust list, version 1 of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustList {
    /// Counts up with every change.
    pub version: u64,
    /// When it was signed.
    pub issued_at: NumericDate,
    /// From this instant on it is stale: a newer one should have been fetched.
    pub next_update: NumericDate,
    /// Every key that may have signed, in no particular order.
    pub keys: Vec<TrustedKey>,
}

/// A key that signs licences, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key with its suite.
    pub public_key: PublicKey,
    /// In whose name it signs: the `iss` of its credentials.
    pub issuer: String,
    /// First instant at which it may sign.
    pub not_before: NumericDate,
    /// Last instant at which it may sign.
    pub not_after: NumericDate,
    /// What it signs.
    pub key_use: KeyUse,
    /// What it is good for now.
    pub state: KeyState,
}

/// What a signing key signs (密钥用途). A server holds an online key at hand at all times; whoever steals
/// one can call a licence current that is not, and can never make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// Licence credentials, and nothing that ages within days.
    Licence,
    /// What a server states of the present: renewal stamps, status lists, checkpoints of the audit.
    Online,
}

impl KeyUse {
    /// `licence` or `online`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Licence => "licence",
            Self::Online => "online",
        }
    }
}

/// State of a signing key (签名密钥状态).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Signs.
    Active,
    /// Signs no more; what it signed in its time stays good.
    Retired,
    /// Trusted no more, in anything it ever signed: whoever holds a stolen key writes any date
    /// into what he signs, so an exception for earlier dates would be one for him.
    Revoked {
        /// When trust ended.
        at: NumericDate,
    },
}

impl KeyState {
    /// `active`, `retired` or `revoked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked { .. } => "revoked",
        }
    }
}

impl TrustedKey {
    /// Identifier of the key.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        self.public_key.key_id()
    }

    /// Whether it might sign at this instant, by its dates alone.
    #[must_use]
    pub fn may_sign_at(&self, instant: NumericDate) -> bool {
        (self.not_before..=self.not_after).contains(&instant)
    }
}

const VERSION: Key = (1, "version");
const ISSUED_AT: Key = (2, "issued_at");
const NEXT_UPDATE: Key = (3, "next_update");
const KEYS: Key = (4, "keys");

const SUITE: Key = (1, "suite");
const POINT: Key = (2, "public_key");
const ISSUER: Key = (3, "issuer");
const NOT_BEFORE: Key = (4, "not_before");
const NOT_AFTER: Key = (5, "not_after");
const STATE: Key = (6, "state");
const REVOKED_AT: Key = (7, "revoked_at");
const USE: Key = (8, "use");

impl TrustList {
    /// The bytes that the roots sign.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let keys = self.keys.iter().map(TrustedKey::encode).collect();
        Value::Map(vec![
            (Value::from(VERSION.0), Value::Unsigned(self.version)),
            (Value::from(ISSUED_AT.0), self.issued_at.encode()),
            (Value::from(NEXT_UPDATE.0), self.next_update.encode()),
            (Value::from(KEYS.0), Value::Array(keys)),
        ])
        .encode()
    }

    /// Reads them. Nobody has signed what this answers: it is for whoever is about to.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::decode(bytes)?;
        let mut fields = Fields::open(&value, "trust list")?;
        let list = Self {
            version: fields.required(VERSION, fields::unsigned)?,
            issued_at: fields.required(ISSUED_AT, instant)?,
            next_update: fields.required(NEXT_UPDATE, instant)?,
            keys: fields
                .required(KEYS, fields::items)?
                .iter()
                .map(TrustedKey::decode)
                .collect::<Result<_, _>>()?,
        };
        fields.close()?;
        if list.next_update <= list.issued_at {
            return Err(Malformed::ClaimValue(NEXT_UPDATE.1));
        }
        let distinct: BTreeSet<_> = list.keys.iter().map(TrustedKey::key_id).collect();
        if distinct.len() != list.keys.len() {
            return Err(Malformed::RepeatedKey);
        }
        Ok(list)
    }
}

impl TrustedKey {
    fn encode(&self) -> Value<'_> {
        let (state, revoked_at) = match self.state {
            KeyState::Active => (0, None),
            KeyState::Retired => (1, None),
            KeyState::Revoked { at } => (2, Some(at)),
        };
        let mut entries = vec![
            (
                Value::from(SUITE.0),
                Value::text(self.public_key.suite().to_string()),
            ),
            (
                Value::from(POINT.0),
                Value::bytes(self.public_key.to_sec1().to_vec()),
            ),
            (Value::from(ISSUER.0), Value::text(&self.issuer)),
            (Value::from(NOT_BEFORE.0), self.not_before.encode()),
            (Value::from(NOT_AFTER.0), self.not_after.encode()),
            (Value::from(STATE.0), Value::Unsigned(state)),
        ];
        entries.extend(revoked_at.map(|at| (Value::from(REVOKED_AT.0), at.encode())));
        match self.key_use {
            KeyUse::Licence => {}
            KeyUse::Online => entries.push((Value::from(USE.0), Value::Unsigned(1))),
        }
        Value::Map(entries)
    }

    fn decode(value: &Value<'_>) -> Result<Self, Malformed> {
        let mut fields = Fields::open(value, KEYS.1)?;
        let Ok(suite) = fields.required(SUITE, fields::text)?.parse::<Suite>() else {
            return Err(Malformed::UnknownAlgorithm);
        };
        let point = fields.required(POINT, fields::bytes)?;
        let Ok(public_key) = PublicKey::from_sec1(suite, point) else {
            return Err(Malformed::BadPublicKey);
        };
        let state = fields.required(STATE, fields::unsigned)?;
        let revoked_at = fields.optional(REVOKED_AT, instant)?;
        let key = Self {
            public_key: public_key.met_often(),
            issuer: fields.required(ISSUER, fields::text)?,
            not_before: fields.required(NOT_BEFORE, instant)?,
            not_after: fields.required(NOT_AFTER, instant)?,
            state: match (state, revoked_at) {
                (0, None) => KeyState::Active,
                (1, None) => KeyState::Retired,
                (2, Some(at)) => KeyState::Revoked { at },
                _ => return Err(Malformed::ClaimValue(STATE.1)),
            },
            key_use: match fields.optional(USE, fields::unsigned)? {
                None => KeyUse::Licence,
                Some(1) => KeyUse::Online,
                Some(_) => return Err(Malformed::ClaimValue(USE.1)),
            },
        };
        fields.close()?;
        if key.not_after < key.not_before {
            return Err(Malformed::ClaimValue(NOT_AFTER.1));
        }
        Ok(key)
    }
}

fn instant(value: &Value<'_>, name: &'static str) -> Result<NumericDate, Malformed> {
    NumericDate::decode(value, name)
}

/// Signs the list with each root over the same bytes.
///
/// # Errors
/// [`IssueError::Unfit`] where there is no root, a root stands twice, or the list would be
/// refused by those who read it; [`IssueError::Sign`] where a root makes no signature.
pub fn sign_trust_list(
    list: &TrustList,
    roots: &[&dyn Signer],
) -> Result<SignedTrustList, IssueError> {
    let payload = list.to_cbor();
    if TrustList::from_cbor(&payload)? != *list {
        return Err(Malformed::NotCanonical.into());
    }
    let mut signed = SignedTrustList { lists: Vec::new() };
    for root in roots {
        let body = Unsigned::new(
            Content::TrustList,
            root.suite(),
            root.key_id(),
            payload.clone(),
        );
        let signature = root.sign(&body.to_be_signed())?;
        signed.lists.push(RootedList {
            root: root.public_key().clone(),
            bytes: body.complete(&signature),
        });
    }
    signed.check_roots()?;
    Ok(signed)
}

/// A trust list with its signatures, which nobody has checked: nothing can be read from it
/// until [`SignedTrustList::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct SignedTrustList {
    lists: Vec<RootedList>,
}

#[derive(Clone, PartialEq, Eq)]
struct RootedList {
    root: PublicKey,
    bytes: Vec<u8>,
}

/// Largest exported file. A list of a thousand keys under two roots is a third of it.
const MAX_FILE: usize = 1 << 20;

const FORMAT: &str = "jiazhao-trust/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    roots: Vec<FileRoot>,
    lists: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRoot {
    suite: Suite,
    key_id: KeyId,
    public_key: String,
}

impl SignedTrustList {
    /// The exported file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let roots = self.lists.iter().map(|list| FileRoot {
            suite: list.root.suite().clone(),
            key_id: *list.root.key_id(),
            public_key: STANDARD.encode(list.root.to_sec1()),
        });
        let file = File {
            format: FORMAT.to_owned(),
            roots: roots.collect(),
            lists: self
                .lists
                .iter()
                .map(|list| STANDARD.encode(&list.bytes))
                .collect(),
        };
        // Strings and lists only: serialising them cannot fail.
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads an exported file.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        if json.len() > MAX_FILE {
            return Err(Malformed::TooLarge);
        }
        let Ok(file) = serde_json::from_slice::<File>(json) else {
            return Err(Malformed::NotTrustJson);
        };
        if file.format != FORMAT || file.roots.len() != file.lists.len() {
            return Err(Malformed::NotTrustJson);
        }
        let lists = file.roots.into_iter().zip(file.lists);
        let signed = Self {
            lists: lists
                .map(|(root, list)| RootedList::read(root, &list))
                .collect::<Result<_, _>>()?,
        };
        signed.check_roots()?;
        Ok(signed)
    }

    /// Checks the signature of every root over one and the same list.
    ///
    /// Without pins the roots are those that the file brings along: enough where the file itself
    /// came by a trusted way. With pins, exactly these roots must have signed, so that neither
    /// another root nor the removal of one suite passes.
    ///
    /// A list that is stale is still verified; see [`VerifiedTrustList::is_stale`].
    ///
    /// # Errors
    /// [`TrustRefusal`].
    pub fn verify(
        &self,
        pinned_roots: Option<&[KeyId]>,
    ) -> Result<VerifiedTrustList, TrustRefusal> {
        let roots: BTreeSet<KeyId> = self.lists.iter().map(|list| *list.root.key_id()).collect();
        if pinned_roots.is_some_and(|pins| roots != pins.iter().copied().collect()) {
            return Err(TrustRefusal::OtherRoot);
        }
        let mut payloads = BTreeSet::new();
        for list in &self.lists {
            payloads.insert(list.verify()?);
        }
        match (payloads.pop_first(), payloads.pop_first()) {
            (Some(payload), None) => Ok(VerifiedTrustList {
                list: TrustList::from_cbor(&payload)?,
                roots,
            }),
            _ => Err(TrustRefusal::Disagreement),
        }
    }

    fn check_roots(&self) -> Result<(), Malformed> {
        let distinct: BTreeSet<_> = self.lists.iter().map(|list| list.root.key_id()).collect();
        if distinct.is_empty() {
            return Err(Malformed::MissingClaim("roots"));
        }
        if distinct.len() != self.lists.len() {
            return Err(Malformed::RepeatedKey);
        }
        Ok(())
    }
}

impl RootedList {
    fn read(root: FileRoot, list: &str) -> Result<Self, Malformed> {
        let (Ok(point), Ok(bytes)) = (STANDARD.decode(root.public_key), STANDARD.decode(list))
        else {
            return Err(Malformed::NotTrustJson);
        };
        match PublicKey::from_sec1(root.suite, &point) {
            Ok(key) if *key.key_id() == root.key_id => Ok(Self { root: key, bytes }),
            Ok(_) | Err(_) => Err(Malformed::BadPublicKey),
        }
    }

    /// The payload, once its signature holds.
    fn verify(&self) -> Result<Vec<u8>, TrustRefusal> {
        let parsed = Sign1::parse(&self.bytes, Content::TrustList)?;
        let same_key = parsed.key_id == *self.root.key_id()
            && parsed.algorithm == self.root.suite().cose_algorithm();
        if !same_key || parsed.verify(&self.root).is_err() {
            return Err(TrustRefusal::BadSignature);
        }
        Ok(parsed.body.payload().to_vec())
    }
}

impl fmt::Debug for SignedTrustList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roots: Vec<_> = self.lists.iter().map(|list| &list.root).collect();
        f.debug_struct("SignedTrustList")
            .field("roots", &roots)
            .finish_non_exhaustive()
    }
}

/// Why a trust list is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustRefusal {
    /// Its roots are not those that are pinned.
    OtherRoot,
    /// A root's signature does not verify.
    BadSignature,
    /// The roots signed different lists.
    Disagreement,
    /// A signed list that is none.
    Malformed(Malformed),
}

impl TrustRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::OtherRoot => Reason::new(
                "trust-other-root",
                "信任列表不是由指定的根密钥签署",
                "the trust list is not signed by exactly the pinned roots",
            ),
            Self::BadSignature => Reason::new(
                "trust-bad-signature",
                "信任列表的签名验证失败",
                "a signature of the trust list does not verify",
            ),
            Self::Disagreement => Reason::new(
                "trust-disagreement",
                "各根密钥签署的信任列表不一致",
                "the roots signed different trust lists",
            ),
            Self::Malformed(malformed) => malformed.reason(),
        }
    }
}

impl From<Malformed> for TrustRefusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for TrustRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        write!(f, "{code}: {en} ({zh})")
    }
}

impl std::error::Error for TrustRefusal {}

/// A trust list whose signatures hold. Only [`SignedTrustList::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTrustList {
    list: TrustList,
    roots: BTreeSet<KeyId>,
}

impl VerifiedTrustList {
    /// What it says.
    #[must_use]
    pub fn list(&self) -> &TrustList {
        &self.list
    }

    /// Who signed it.
    #[must_use]
    pub fn roots(&self) -> &BTreeSet<KeyId> {
        &self.roots
    }

    /// The key with this identifier, in any state.
    #[must_use]
    pub fn key(&self, key_id: &KeyId) -> Option<&TrustedKey> {
        self.list.keys.iter().find(|key| key.key_id() == key_id)
    }

    /// The same list trusting less: each of these keys as revoked at its instant. For a key that is
    /// distrusted before the roots could sign a list that says so.
    #[must_use]
    pub fn distrusting(&self, keys: &[(KeyId, NumericDate)]) -> Self {
        let mut stricter = self.clone();
        for key in &mut stricter.list.keys {
            let distrusted = keys.iter().find(|(key_id, _)| key_id == key.key_id());
            if let Some((_, at)) = distrusted
                && !matches!(key.state, KeyState::Revoked { .. })
            {
                key.state = KeyState::Revoked { at: *at };
            }
        }
        stricter
    }

    /// Whether a newer one should have been fetched by now. Not an error: what is answered
    /// under a stale list says so, and is never "valid".
    #[must_use]
    pub fn is_stale(&self, at: Timestamp) -> bool {
        at >= self.list.next_update.timestamp()
    }
}

#[cfg(test)]
mod tests;
