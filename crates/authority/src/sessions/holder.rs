//! A driver signs in.

use jiff::Timestamp;
use licence::LicenceNumber;
use storage::{HolderId, SessionKind};
use zeroize::Zeroizing;

use super::open_session;
use crate::{
    Act, Authority, Error, refusal,
    views::{SessionKindView, SessionView},
};

impl Authority {
    pub(super) async fn sign_in_holder(
        &self,
        act: &mut Act,
        login: &str,
        password: Zeroizing<String>,
    ) -> Result<(String, SessionView), Error> {
        let holder = match LicenceNumber::parse(login) {
            Ok(number) => self.holder_by_number(&number).await?,
            Err(_) => None,
        };
        let account = match &holder {
            Some(holder) => self.store().account(holder).await?,
            None => None,
        };
        let hash = account
            .as_ref()
            .map(|account| account.password_hash.as_str());
        let matches = self.inner.passwords.matches(password, hash).await;
        let (Some(holder), true) = (holder.clone(), matches) else {
            let wrong = refusal::WRONG_LOGIN.into();
            return self
                .refuse(act, "session.refused", holder.as_ref(), wrong)
                .await;
        };
        self.begin_holder_session(act, &holder).await
    }

    /// Opens a session for a holder whose identity the caller has established.
    pub(crate) async fn begin_holder_session(
        &self,
        act: &mut Act,
        holder: &HolderId,
    ) -> Result<(String, SessionView), Error> {
        let mut tx = self.store().begin_in(holder.partition()).await?;
        let opened = open_session(&mut tx, act, SessionKind::Holder, holder.as_str()).await?;
        let entry = opened.entry(act).about(holder);
        tx.commit(entry, Vec::new()).await?;
        Ok((opened.token, holder_view(holder, opened.expires_at)))
    }
}

pub(super) fn holder_view(holder: &HolderId, expires_at: Timestamp) -> SessionView {
    SessionView {
        kind: SessionKindView::Holder,
        id: holder.to_string(),
        roles: Vec::new(),
        office: None,
        expires_at,
    }
}
