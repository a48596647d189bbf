//! Emergency revocation: one administrator ends the trust in a key at once, two lift it.
//!
//! The roots are offline, so that no signed list can say it at once. Every node reads it within a
//! second, verifies nothing by the key and signs nothing with it; verifiers that stand alone learn it
//! with the next signed list. Lists that revoke a key are not signed in advance: whoever found one
//! could end the trust in every key, and each would be stale with the next change.

use credential::{KeyId, KeyState};
use jiff::Timestamp;
use storage::Partition;

use super::Signing;
use crate::{
    Act, Authority, Error, Role, refusal,
    views::{KeyView, RevokeKey},
};

impl Authority {
    /// Revokes a key in an emergency.
    ///
    /// # Errors
    /// Without the role; [`refusal::NOT_FOUND`] for a key that the list does not name;
    /// [`refusal::NOT_IN_THIS_STATE`] when it is revoked.
    pub async fn revoke_key(
        &self,
        act: &mut Act,
        key_id: &str,
        request: RevokeKey,
    ) -> Result<KeyView, Error> {
        let admin = act.staff(&[Role::Admin])?.staff.id.to_string();
        let signing = self.signing()?;
        let (id, state) = named(&signing, key_id)?;
        if matches!(state, KeyState::Revoked { .. }) {
            return Err(refusal::NOT_IN_THIS_STATE.into());
        }
        let id = id.to_string();
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.distrust_key(&id, request.reason.as_str(), &admin, act.now)
            .await?;
        let entry = act
            .entry("key.distrusted")
            .with("key", id.as_str())
            .with("reason", request.reason.as_str());
        tx.commit(entry, Vec::new()).await?;
        // It counts here whatever else is wrong with what is stored, which the job tells.
        drop(self.refresh_trust(act.now).await);
        self.key(&id, act.now)
    }

    /// Asks to lift an emergency revocation, or lifts it as the second one who asks; answers whether
    /// it is lifted.
    ///
    /// # Errors
    /// Without the role; [`refusal::SECOND_ADMINISTRATOR`] for who asked before;
    /// [`refusal::NOT_FOUND`] when the key is not revoked in an emergency.
    pub async fn restore_key(&self, act: &mut Act, key_id: &str) -> Result<(bool, KeyView), Error> {
        let admin = act.staff(&[Role::Admin])?.staff.id.to_string();
        let rows = self.store().key_distrusts().await?;
        let row = rows.into_iter().find(|row| row.key_id == key_id);
        let row = row.ok_or(refusal::NOT_FOUND)?;
        if row.undo_by.as_deref() == Some(admin.as_str()) {
            let same = refusal::SECOND_ADMINISTRATOR.into();
            return self.refuse(act, "key.trusted-again", None, same).await;
        }
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let first = row.undo_by.as_deref();
        // A wish counts while whoever asked is an administrator.
        let Some(first) = self.administrator(first).await? else {
            tx.ask_to_trust_key(key_id, (&admin, first), act.now)
                .await?;
            let entry = act.entry("key.trust-again-requested").with("key", key_id);
            tx.commit(entry, Vec::new()).await?;
            return Ok((false, self.key(key_id, act.now)?));
        };
        tx.trust_key(key_id, first).await?;
        let entry = act
            .entry("key.trusted-again")
            .with("key", key_id)
            .with("requested-by", first);
        tx.commit(entry, Vec::new()).await?;
        self.refresh_trust(act.now).await?;
        Ok((true, self.key(key_id, act.now)?))
    }

    fn key(&self, key_id: &str, now: Timestamp) -> Result<KeyView, Error> {
        let keys = self.keys(now)?;
        let key = keys.into_iter().find(|key| key.key_id == key_id);
        key.ok_or_else(|| refusal::NOT_FOUND.into())
    }
}

/// A key that the list names, by its text, and what is held of it now.
fn named(signing: &Signing, text: &str) -> Result<(KeyId, KeyState), Error> {
    let key_id: KeyId = text
        .parse()
        .map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
    let key = signing.trust.key(&key_id).ok_or(refusal::NOT_FOUND)?;
    Ok((key_id, key.state))
}
