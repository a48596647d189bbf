//! A signed list comes in, and a second person lets it count.

use credential::{KeyChange, KeyStep, VerifiedTrustList, changes};
use storage::{
    Conflict, Partition, ProposalId, ProposalState, Staff, StaffId, StoreError, TrustListRow,
    TrustProposal, Tx,
};

use super::{SignedProposal, change::refused, verified};
use crate::{
    Act, Actor, Authority, Because, Error, Role, refusal,
    views::{KeyStepView, SubmitTrust, SubmittedView, TrustProposalView},
};

/// Proposals shown at once.
const PAGE: u32 = 50;

/// What became of a list that was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It only revokes keys, which one person may: it counts.
    Activated,
    /// So many administrators have to activate it.
    Waits {
        /// The proposal.
        id: String,
        /// How many.
        needs: u8,
    },
}

/// How many administrators must agree, besides whoever brought the list.
fn needed(changes: &[KeyChange]) -> u8 {
    let all = |step| changes.iter().all(|change| change.step == step);
    if changes
        .iter()
        .any(|change| change.step == KeyStep::Restored)
    {
        2
    } else {
        u8::from(changes.is_empty() || !all(KeyStep::Revoked))
    }
}

impl Authority {
    /// Takes a list that the roots have signed. `by` names the member of staff at the command line;
    /// over HTTP it is who is signed in.
    ///
    /// # Errors
    /// [`refusal::TRUST_REFUSED`] with the reason where it may not follow the list in use;
    /// [`refusal::PROPOSAL_STALE`] where another list has taken its version. Without the role, or
    /// when `by` is no administrator.
    pub async fn submit_trust(
        &self,
        act: &mut Act,
        signed: &SignedProposal,
        by: Option<&str>,
    ) -> Result<Submitted, Error> {
        let by = self.preparer(act, by).await?;
        let next = signed.verified()?;
        let row = signed.row(next.list());
        let changes = self.following(act, &row, &next).await?;
        let needs = needed(&changes);
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        if needs == 0 {
            self.let_count(act, tx, (&row, &changes), &[("prepared-by", &by)])
                .await?;
            return Ok(Submitted::Activated);
        }
        let id = ProposalId::generate(Partition::SYSTEM, &mut act.rng);
        tx.insert_trust_proposal(&id, &row, &by, act.now).await?;
        let entry = act
            .entry("trust.proposed")
            .with("proposal", id.as_str())
            .with("prepared-by", by)
            .with("trust-list", row.version)
            .with("steps", told(&changes));
        tx.commit(entry, Vec::new()).await?;
        Ok(Submitted::Waits {
            id: id.to_string(),
            needs,
        })
    }

    /// The same from HTTP: the file as text, by the administrator who is signed in.
    ///
    /// # Errors
    /// As [`Authority::submit_trust`].
    pub async fn submit_trust_file(
        &self,
        act: &mut Act,
        request: &SubmitTrust,
    ) -> Result<SubmittedView, Error> {
        act.staff(&[Role::Admin])?;
        let signed = SignedProposal::from_json(request.signed.as_bytes())?;
        let submitted = self.submit_trust(act, &signed, None).await?;
        Ok(match submitted {
            Submitted::Activated => SubmittedView {
                state: "activated".to_owned(),
                id: None,
                needs: 0,
            },
            Submitted::Waits { id, needs } => SubmittedView {
                state: "waits".to_owned(),
                id: Some(id),
                needs,
            },
        })
    }

    async fn preparer(&self, act: &Act, by: Option<&str>) -> Result<String, Error> {
        let Actor::System(_) = act.actor else {
            let admin = act.staff(&[Role::Admin])?;
            return Ok(admin.staff.id.to_string());
        };
        let Some(login) = by else {
            return Ok(act.actor_id());
        };
        let staff = self.store().staff_by_login(login).await?;
        let staff = staff
            .filter(is_administrator)
            .ok_or(refusal::NOT_YOUR_ROLE)?;
        Ok(staff.id.to_string())
    }

    /// What a list changes, if it may follow the one in use now.
    async fn following(
        &self,
        act: &Act,
        row: &TrustListRow,
        next: &VerifiedTrustList,
    ) -> Result<Vec<KeyChange>, Error> {
        let former = self.store().trust_list().await?.ok_or(refusal::NO_KEYS)?;
        let former = verified(&former.document)?;
        if row.version <= former.list().version {
            return Err(refusal::PROPOSAL_STALE.into());
        }
        let changes =
            changes(&former, next).map_err(|not_a_successor| refused(not_a_successor.reason()))?;
        if next.list().issued_at.timestamp() > act.now {
            return Err(because(
                "trust-in-the-future",
                "信任列表的签署时间晚于本机时间",
                "The trust list says to be signed later than now",
            ));
        }
        if next.is_stale(act.now) {
            return Err(because(
                "trust-list-stale",
                "信任列表已过其下次更新时间",
                "The trust list is past its next update",
            ));
        }
        let held = self.store().signing_keys().await?;
        let in_token = |key_id| {
            let mut keys = self.inner.settings.token_keys.iter();
            keys.any(|key| key.signer.key_id() == key_id)
        };
        let elsewhere = changes.iter().any(|change| {
            let id = change.key_id.to_string();
            change.step == KeyStep::Named
                && held.iter().all(|row| row.key_id != id)
                && !in_token(&change.key_id)
        });
        if elsewhere {
            return Err(because(
                "trust-key-elsewhere",
                "信任列表新增的密钥不在本系统",
                "The trust list names a new key that this system does not hold",
            ));
        }
        Ok(changes)
    }

    /// The proposals, newest first.
    ///
    /// # Errors
    /// Without the role.
    pub async fn trust_proposals(&self, act: &Act) -> Result<Vec<TrustProposalView>, Error> {
        act.staff(&[Role::Admin])?;
        let proposals = self.store().trust_proposals(PAGE).await?;
        let mut views = Vec::new();
        for proposal in &proposals {
            views.push(self.proposal_view(proposal).await?);
        }
        Ok(views)
    }

    async fn proposal_view(&self, proposal: &TrustProposal) -> Result<TrustProposalView, Error> {
        let next = verified(&proposal.list.document)?;
        let before = proposal.list.version.saturating_sub(1);
        let former = self.store().trust_list_of(before).await?;
        let changes = match former {
            Some(former) => changes(&verified(&former.document)?, &next).unwrap_or_default(),
            None => Vec::new(),
        };
        let newest = self.store().trust_version().await?;
        let open = proposal.state == ProposalState::Open;
        Ok(TrustProposalView {
            id: proposal.id.to_string(),
            version: proposal.list.version,
            state: proposal.state.as_str().to_owned(),
            stale: open && newest.is_some_and(|newest| newest >= proposal.list.version),
            needs: needed(&changes),
            changes: changes
                .iter()
                .filter_map(|change| {
                    let key = next.key(&change.key_id)?;
                    Some(KeyStepView {
                        key_id: change.key_id.to_string(),
                        suite: key.public_key.suite().to_string(),
                        key_use: key.key_use.as_str().to_owned(),
                        step: change.step.as_str().to_owned(),
                    })
                })
                .collect(),
            next_update: next.list().next_update.timestamp(),
            prepared_by: proposal.prepared_by.clone(),
            prepared_at: proposal.prepared_at,
            approved_by: proposal.approved_by.clone(),
            settled_by: proposal.settled_by.clone(),
            settled_at: proposal.settled_at,
        })
    }

    /// Lets a proposed list count, as somebody who did not bring it; where two must agree, the first
    /// time only notes it.
    ///
    /// # Errors
    /// [`refusal::SECOND_ADMINISTRATOR`] for who brought or approved it; [`refusal::PROPOSAL_STALE`];
    /// [`refusal::TRUST_REFUSED`]; without the role; when it is settled.
    pub async fn activate_trust(
        &self,
        act: &mut Act,
        id: &str,
    ) -> Result<TrustProposalView, Error> {
        let admin = act.staff(&[Role::Admin])?.staff.id.to_string();
        let proposal = self.open_proposal(id).await?;
        let next = verified(&proposal.list.document)?;
        let changes = self.following(act, &proposal.list, &next).await?;
        let first = proposal.approved_by.as_deref();
        if admin == proposal.prepared_by || Some(admin.as_str()) == first {
            let same = refusal::SECOND_ADMINISTRATOR.into();
            return self.refuse(act, "trust.activated", None, same).await;
        }
        // An approval counts while whoever gave it is an administrator.
        let first = self.administrator(first).await?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        if needed(&changes) == 2 && first.is_none() {
            tx.approve_trust_proposal(&proposal, &admin, act.now)
                .await?;
            let entry = act
                .entry("trust.approved")
                .with("proposal", proposal.id.as_str());
            tx.commit(entry, Vec::new()).await?;
        } else {
            let state = ProposalState::Activated;
            tx.settle_trust_proposal(&proposal, state, &admin, act.now)
                .await?;
            let whose = [
                ("proposal", proposal.id.as_str()),
                ("prepared-by", proposal.prepared_by.as_str()),
                ("approved-by", first.unwrap_or_default()),
            ];
            self.let_count(act, tx, (&proposal.list, &changes), &whose)
                .await?;
        }
        self.reread(&proposal.id).await
    }

    /// Throws a proposed list away, with the keys that were made for it.
    ///
    /// # Errors
    /// Without the role; when it is settled.
    pub async fn reject_trust(&self, act: &mut Act, id: &str) -> Result<TrustProposalView, Error> {
        let admin = act.staff(&[Role::Admin])?.staff.id.to_string();
        let proposal = self.open_proposal(id).await?;
        let next = verified(&proposal.list.document)?;
        let named = self.store().trust_list().await?.ok_or(refusal::NO_KEYS)?;
        let named = verified(&named.document)?;
        let keys = next.list().keys.iter().map(|key| *key.key_id());
        let unused: Vec<String> = keys
            .filter(|key_id| named.key(key_id).is_none())
            .map(|key_id| key_id.to_string())
            .collect();
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let state = ProposalState::Rejected;
        tx.settle_trust_proposal(&proposal, state, &admin, act.now)
            .await?;
        for key_id in &unused {
            tx.delete_signing_key(key_id).await?;
        }
        let entry = act
            .entry("trust.rejected")
            .with("proposal", proposal.id.as_str())
            .with("keys", unused);
        tx.commit(entry, Vec::new()).await?;
        self.reread(&proposal.id).await
    }

    async fn open_proposal(&self, id: &str) -> Result<TrustProposal, Error> {
        let id = ProposalId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let proposal = self.store().trust_proposal(&id).await?;
        let proposal = proposal.ok_or(refusal::NOT_FOUND)?;
        match proposal.state {
            ProposalState::Open => Ok(proposal),
            ProposalState::Activated | ProposalState::Rejected => {
                Err(refusal::NOT_IN_THIS_STATE.into())
            }
        }
    }

    async fn reread(&self, id: &ProposalId) -> Result<TrustProposalView, Error> {
        let proposal = self.store().trust_proposal(id).await?;
        self.proposal_view(&proposal.ok_or(refusal::NOT_FOUND)?)
            .await
    }

    /// The member, while they are an administrator.
    pub(super) async fn administrator<'a>(
        &self,
        id: Option<&'a str>,
    ) -> Result<Option<&'a str>, Error> {
        let parsed = id.and_then(|id| StaffId::parse(id).ok());
        let Some(parsed) = parsed else {
            return Ok(None);
        };
        let staff = self.store().staff(&parsed).await?;
        Ok(id.filter(|_| staff.is_some_and(|staff| is_administrator(&staff))))
    }

    /// Writes the list that counts from now on, here at once and elsewhere within seconds.
    async fn let_count(
        &self,
        act: &Act,
        mut tx: Tx,
        (row, changes): (&TrustListRow, &[KeyChange]),
        whose: &[(&'static str, &str)],
    ) -> Result<(), Error> {
        match tx.insert_trust_list(row, act.now).await {
            Err(StoreError::Conflict(Conflict::Trust)) => {
                return Err(refusal::PROPOSAL_STALE.into());
            }
            other => other?,
        }
        for change in changes {
            match change.step {
                // From here on the list itself says it, or says that it is over.
                KeyStep::Revoked | KeyStep::Restored => {
                    tx.forget_distrust(&change.key_id.to_string()).await?;
                }
                KeyStep::Named | KeyStep::Retired => {}
            }
        }
        let mut entry = act
            .entry("trust.activated")
            .with("trust-list", row.version)
            .with("steps", told(changes));
        for (name, value) in whose {
            entry = entry.with(name, *value);
        }
        tx.commit(entry, Vec::new()).await?;
        self.refresh_trust(act.now).await.map(drop)
    }
}

pub(super) fn is_administrator(staff: &Staff) -> bool {
    let admin = staff.roles.iter().any(|role| role == Role::Admin.as_str());
    admin && staff.disabled_at.is_none()
}

fn told(changes: &[KeyChange]) -> Vec<String> {
    changes
        .iter()
        .map(|change| format!("{} {}", change.step.as_str(), change.key_id))
        .collect()
}

fn because(code: &str, zh: &str, en: &str) -> Error {
    let because = Because {
        code: code.to_owned(),
        rule: None,
        field: None,
        zh: zh.to_owned(),
        en: en.to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    Error::Refused(refusal::TRUST_REFUSED, vec![because])
}
