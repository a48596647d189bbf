//! Web Push (网页推送): browsers that are told what the inbox says, beside the texts to phones.
//!
//! A push holds the kind of a message and where in the app it is read, and nothing about the person.
//! It waits, leaves and is tried again among the texts ([`crate::Outgoing`] are the others).

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{DeviceKey, Signer, SoftwareSigner, Suite};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::{
    Conflict, Partition, PushSubscription, PushSubscriptionId, StoreError, TextId, TextToSend,
};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error, HolderActor,
    notify::{NotSent, Sent, TextKind},
    refusal,
    views::{PushSubscriptionView, PushView, PutPushSubscription},
};

/// Hands pushes to the services that carry them to browsers. It is asked again after
/// [`NotSent::Later`].
pub trait PushService: Send + Sync + fmt::Debug {
    /// Whether anything may be sent to this address. It comes from a client and may name anything.
    fn takes(&self, endpoint: &str) -> bool;

    /// Encrypts one push and hands it over. It ends by itself, within half a minute.
    fn send<'a>(
        &'a self,
        push: &'a Push,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>>;
}

/// A push as it is handed over.
pub struct Push {
    /// Which.
    pub id: TextId,
    /// Where it goes, and for whom it is encrypted.
    pub target: PushTarget,
    /// What it says, JSON.
    pub payload: Vec<u8>,
    /// For how many seconds a service keeps it for a browser that cannot be reached.
    pub ttl: u32,
    /// Whether it wakes a sleeping device.
    pub urgency: Urgency,
    /// A service that still keeps an earlier push of this topic drops that one.
    pub topic: Option<String>,
    /// When it is sent.
    pub now: Timestamp,
    /// Signs that this installation sends it.
    pub key: Arc<SoftwareSigner>,
}

/// How much a push matters (RFC 8030, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It can wait for a device that is awake.
    Normal,
    /// It guards an account.
    High,
}

/// Where a browser is reached, and for whom messages to it are encrypted (RFC 8291).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushTarget {
    v: u8,
    /// The address that its push service gave it.
    pub endpoint: Zeroizing<String>,
    /// Its public key: an uncompressed point of P-256, base64url.
    pub p256dh: String,
    /// The secret that it shares with this installation: 16 bytes, base64url.
    pub auth: Zeroizing<String>,
}

impl PushTarget {
    /// What a browser said of itself.
    #[must_use]
    pub fn new(endpoint: String, p256dh: String, auth: String) -> Self {
        Self {
            v: 1,
            endpoint: Zeroizing::new(endpoint),
            p256dh,
            auth: Zeroizing::new(auth),
        }
    }
}

/// What a push says.
#[derive(Serialize)]
struct Payload<'a> {
    v: u8,
    kind: &'a str,
    message: Option<&'a str>,
    /// The page of the app on which it is read.
    link: &'static str,
}

/// Characters of an address. Those of known services have two to five hundred.
const LONGEST_ENDPOINT: usize = 1024;
/// Bytes of the secret that a browser shares.
const AUTH: usize = 16;
/// Characters of a topic (RFC 8030, 5.4).
const LONGEST_TOPIC: usize = 32;

impl Authority {
    /// How this driver's browsers are told, and by which key they subscribe.
    ///
    /// # Errors
    /// When nobody is signed in as a driver, or the store fails.
    pub async fn push_subscriptions(&self, act: &mut Act) -> Result<PushView, Error> {
        let HolderActor { id, device, .. } = act.holder_here()?.clone();
        let Some(_service) = &self.inner.settings.push else {
            return Ok(PushView {
                application_server_key: None,
                subscriptions: Vec::new(),
            });
        };
        let key = self.push_key(act).await?;
        let subscriptions = self.store().push_subscriptions_of(&id).await?;
        Ok(PushView {
            application_server_key: Some(URL_SAFE_NO_PAD.encode(key.public_key().to_sec1())),
            subscriptions: subscriptions
                .iter()
                .map(|one| PushSubscriptionView {
                    device: one.device.to_string(),
                    this_device: one.device == device,
                    created_at: one.created_at,
                })
                .collect(),
        })
    }

    /// The device at hand is told from now on, instead of what it was told by before.
    ///
    /// # Errors
    /// [`refusal::NO_PUSH`]; [`refusal::PUSH_ENDPOINT`] for an address to which nothing is sent;
    /// [`refusal::PUSH_KEYS`].
    pub async fn subscribe(
        &self,
        act: &mut Act,
        request: PutPushSubscription,
    ) -> Result<PushSubscriptionView, Error> {
        let HolderActor { device, .. } = act.holder_here()?.clone();
        let service = self.inner.settings.push.as_ref();
        let service = service.ok_or(refusal::NO_PUSH)?;
        if request.endpoint.len() > LONGEST_ENDPOINT || !service.takes(&request.endpoint) {
            return Err(refusal::PUSH_ENDPOINT.into());
        }
        let target = target_of(request)?;
        // Where nobody asked for the key yet there is one from now on, for what is sent there.
        self.push_key(act).await?;
        let target = serde_json::to_string(&target)
            .map_err(|_not_json| Error::Internal("the target of a push is no JSON"))?;
        let driver = self.own_driver(act).await?;
        let new = PushSubscription {
            id: PushSubscriptionId::generate(driver.id.partition(), &mut act.rng),
            holder: driver.id.clone(),
            device,
            target: Zeroizing::new(target),
            created_at: act.now,
        };
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        tx.put_push_subscription(&locked, &new).await?;
        let entry = act
            .entry("push.subscribed")
            .about(&driver.id)
            .with("device", new.device.as_str())
            .with("subscription", new.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.follow().await?;
        Ok(PushSubscriptionView {
            device: new.device.to_string(),
            this_device: true,
            created_at: new.created_at,
        })
    }

    /// The device at hand is told no more; it may not have been.
    ///
    /// # Errors
    /// When nobody is signed in as a driver, or the store fails.
    pub async fn unsubscribe(&self, act: &mut Act) -> Result<(), Error> {
        let HolderActor { id, device, .. } = act.holder_here()?.clone();
        let mut tx = self.store().begin_in(id.partition()).await?;
        if !tx.end_push_subscription_on(&device).await? {
            return Ok(());
        }
        let entry = act
            .entry("push.unsubscribed")
            .about(&id)
            .with("device", device.as_str());
        tx.commit(entry, Vec::new()).await?;
        self.follow().await
    }

    /// The key by which push services know this installation; made where there is none.
    async fn push_key(&self, act: &mut Act) -> Result<Arc<SoftwareSigner>, Error> {
        if let Some(key) = self.known_push_key().await? {
            return Ok(key);
        }
        let made = SoftwareSigner::generate(&Suite::Es256, &mut act.rng)
            .map_err(|_no_key| Error::Internal("no key of pushes could be made"))?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        match tx.insert_push_key(made.secret().as_slice(), act.now).await {
            Ok(()) => {
                let entry = act.entry("push-key.made");
                tx.commit(entry, Vec::new()).await?;
            }
            Err(StoreError::Conflict(Conflict::PushKey)) => drop(tx),
            Err(error) => return Err(error.into()),
        }
        let key = self.known_push_key().await?;
        key.ok_or(Error::Internal("the key of pushes is gone"))
    }

    /// The key, read once.
    async fn known_push_key(&self) -> Result<Option<Arc<SoftwareSigner>>, Error> {
        if let Some(key) = self.inner.push_key.get() {
            return Ok(Some(Arc::clone(key)));
        }
        let Some(secret) = self.store().push_key().await? else {
            return Ok(None);
        };
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map(Zeroizing::new);
        let key = secret
            .ok()
            .and_then(|secret| SoftwareSigner::from_secret(&Suite::Es256, secret).ok())
            .ok_or(Error::Internal("the key of pushes is none"))?;
        Ok(Some(Arc::clone(
            self.inner.push_key.get_or_init(|| Arc::new(key)),
        )))
    }

    /// A claimed push as it is handed over, or why it is given up.
    pub(crate) async fn push_to_hand_over(
        &self,
        claimed: &TextToSend,
        now: Timestamp,
    ) -> Result<Result<Push, &'static str>, Error> {
        let Ok(target) = serde_json::from_str::<PushTarget>(&claimed.to) else {
            return Ok(Err("unknown-form"));
        };
        if target.v != 1 {
            return Ok(Err("unknown-form"));
        }
        if !self.is_still_told(claimed, now).await? {
            return Ok(Err("unsubscribed"));
        }
        let Some(key) = self.known_push_key().await? else {
            return Ok(Err("no-key"));
        };
        let left = claimed.expires_at.duration_since(now).as_secs();
        let payload = payload(claimed)?;
        Ok(Ok(Push {
            id: claimed.id.clone(),
            target,
            payload,
            ttl: u32::try_from(left).unwrap_or(0),
            urgency: if guards(&claimed.kind) {
                Urgency::High
            } else {
                Urgency::Normal
            },
            topic: topic(&claimed.kind),
            now,
            key,
        }))
    }

    /// A warning goes to every browser that was told when it was written: whoever took an account over
    /// may have ended them in the same act, and must not silence them. Nothing else does.
    async fn is_still_told(&self, claimed: &TextToSend, now: Timestamp) -> Result<bool, Error> {
        if guards(&claimed.kind) {
            return Ok(true);
        }
        match &claimed.subscription {
            Some(id) => Ok(self.store().push_subscription_stands(id, now).await?),
            None => Ok(false),
        }
    }
}

fn target_of(request: PutPushSubscription) -> Result<PushTarget, Error> {
    let point = URL_SAFE_NO_PAD.decode(&request.keys.p256dh);
    let auth = URL_SAFE_NO_PAD
        .decode(&request.keys.auth)
        .map(Zeroizing::new);
    let good = point.is_ok_and(|point| DeviceKey::from_sec1(&point).is_ok())
        && auth.is_ok_and(|auth| auth.len() == AUTH);
    if good {
        let keys = request.keys;
        Ok(PushTarget::new(request.endpoint, keys.p256dh, keys.auth))
    } else {
        Err(refusal::PUSH_KEYS.into())
    }
}

fn payload(claimed: &TextToSend) -> Result<Vec<u8>, Error> {
    let link = match claimed.kind.as_str() {
        "e-licence-issued" | "e-licence-superseded" | "status-changed" => "/",
        _ => "/messages",
    };
    let message = claimed.notification.as_ref();
    serde_json::to_vec(&Payload {
        v: 1,
        kind: &claimed.kind,
        message: message.map(storage::NotificationId::as_str),
        link,
    })
    .map_err(|_not_json| Error::Internal("a push is no JSON"))
}

/// Whether a message guards the account: phones are told of those, and of an issue too.
fn guards(kind: &str) -> bool {
    TextKind::parse(kind).is_some_and(|kind| kind != TextKind::LicenceIssued)
}

/// The newest of these says everything that an earlier one did. Warnings stand each for itself.
fn topic(kind: &str) -> Option<String> {
    (!guards(kind) && kind.len() <= LONGEST_TOPIC).then(|| kind.to_owned())
}

/// Names neither the browser nor the key.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushTarget(..)")
    }
}
