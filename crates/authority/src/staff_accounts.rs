//! What administrators do about the accounts of others.

use jiff::SignedDuration;
use storage::{FactorReset, Partition, Staff, StaffId};

use crate::{
    Act, Actor, Authority, Error, Role, StaffActor, refusal,
    views::{
        ChangeStaff, EndedSessionsView, FactorResetState, FactorResetView, StaffRowView, StaffView,
    },
};

/// How long a second administrator may take: over a night.
const RESET_LASTS: SignedDuration = SignedDuration::from_hours(24);

impl Authority {
    /// All members of staff.
    ///
    /// # Errors
    /// Without the role.
    pub async fn staff_list(&self, act: &mut Act) -> Result<Vec<StaffRowView>, Error> {
        act.staff(&[Role::Admin])?;
        let with_factor = self.store().staff_with_factor().await?;
        let all = self.store().all_staff().await?;
        Ok(all
            .into_iter()
            .map(|staff| StaffRowView {
                second_factor: with_factor.contains(&staff.id),
                id: staff.id.to_string(),
                login: staff.login,
                roles: staff.roles,
                office: staff.office,
                disabled: staff.disabled_at.is_some(),
            })
            .collect())
    }

    /// Changes roles and office of a member, shuts them out, or lets them in again. Their sessions
    /// end.
    ///
    /// # Errors
    /// Without the role, on the own account, for somebody who does not exist, or when roles or
    /// office are none.
    pub async fn change_staff(
        &self,
        act: &mut Act,
        id: &str,
        request: ChangeStaff,
    ) -> Result<StaffView, Error> {
        let admin = act.staff(&[Role::Admin])?.clone();
        let before = self.member(id).await?;
        if admin.staff.id == before.id {
            let own = refusal::OWN_ACCOUNT.into();
            return self.refuse(act, "staff.changed", None, own).await;
        }
        let known = request.roles.iter().all(|role| Role::parse(role).is_some());
        if request.roles.is_empty() || !known {
            return Err(refusal::INVALID.into());
        }
        if let Some(office) = &request.office {
            self.store().office(office).await?.ok_or(refusal::INVALID)?;
        }
        let disabled_at = match (request.disabled, before.disabled_at) {
            (true, Some(since)) => Some(since),
            (true, None) => Some(act.now),
            (false, _) => None,
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let office = request.office.as_deref();
        tx.change_staff(&before, &request.roles, office, disabled_at)
            .await?;
        let ended = tx.delete_staff_sessions_of(&before.id).await?;
        let entry = act
            .entry("staff.changed")
            .with("staff", before.id.as_str())
            .with("roles", request.roles.clone())
            .with("office", request.office.clone())
            .with("disabled", request.disabled)
            .with("sessions-ended", ended);
        tx.commit(entry, Vec::new()).await?;
        Ok(StaffView {
            id: before.id.to_string(),
            login: before.login,
            roles: request.roles,
            office: request.office,
        })
    }

    /// Ends every session of a member.
    ///
    /// # Errors
    /// Without the role, or for somebody who does not exist.
    pub async fn end_staff_sessions(
        &self,
        act: &mut Act,
        id: &str,
    ) -> Result<EndedSessionsView, Error> {
        act.staff(&[Role::Admin])?;
        let staff = self.member(id).await?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let ended = tx.delete_staff_sessions_of(&staff.id).await?;
        let entry = act
            .entry("staff.sessions-ended")
            .with("staff", staff.id.as_str())
            .with("sessions-ended", ended);
        tx.commit(entry, Vec::new()).await?;
        Ok(EndedSessionsView { ended })
    }

    /// Resets a lost second factor. The password stays: only the member knows it, so that whoever
    /// resets a factor cannot sign in as them. An administrator's is only asked for, and reset when
    /// another administrator approves.
    ///
    /// # Errors
    /// Without the role, or for somebody who does not exist.
    pub async fn reset_factor(&self, act: &mut Act, id: &str) -> Result<FactorResetView, Error> {
        act.staff(&[Role::Admin])?;
        let staff = self.member(id).await?;
        if !is_admin(&staff) {
            return self.reset(act, &staff, None).await;
        }
        let expires_at = act.now.saturating_add(RESET_LASTS).unwrap_or(act.now);
        let reset = FactorReset {
            requested_by: act.actor_id(),
            expires_at,
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.request_factor_reset(&staff.id, &reset, act.now).await?;
        let entry = act
            .entry("staff.factor-reset-requested")
            .with("staff", staff.id.as_str())
            .with("until", expires_at.to_string());
        tx.commit(entry, Vec::new()).await?;
        Ok(FactorResetView {
            state: FactorResetState::Requested,
            expires_at: Some(expires_at),
        })
    }

    /// Approves the reset of an administrator's factor.
    ///
    /// # Errors
    /// [`refusal::SECOND_ADMINISTRATOR`] for who asked for it, and for the member; without the
    /// role; when nothing waits, or whoever asked is no administrator any more.
    pub async fn approve_factor_reset(
        &self,
        act: &mut Act,
        id: &str,
    ) -> Result<FactorResetView, Error> {
        let StaffActor { staff: admin, .. } = act.staff(&[Role::Admin])?.clone();
        let staff = self.member(id).await?;
        let reset = self.store().factor_reset(&staff.id).await?;
        let reset = reset
            .filter(|reset| act.now < reset.expires_at)
            .ok_or(refusal::NOT_FOUND)?;
        if admin.id == staff.id || admin.id.as_str() == reset.requested_by {
            let same = refusal::SECOND_ADMINISTRATOR.into();
            return self.refuse(act, "staff.factor-reset", None, same).await;
        }
        let asked = self.member(&reset.requested_by).await?;
        if asked.disabled_at.is_some() || !is_admin(&asked) {
            return Err(refusal::NOT_FOUND.into());
        }
        self.reset(act, &staff, Some(&reset.requested_by)).await
    }

    /// Resets a member's factor for the operator, who sits at the machine: the way back when the
    /// only administrator has lost everything.
    ///
    /// # Errors
    /// For somebody who does not exist; only the operator's command line may.
    pub async fn reset_factor_by_operator(
        &self,
        act: &mut Act,
        login: &str,
    ) -> Result<FactorResetView, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let staff = self.store().staff_by_login(login).await?;
        let staff = staff.ok_or(refusal::NOT_FOUND)?;
        self.reset(act, &staff, None).await
    }

    async fn reset(
        &self,
        act: &Act,
        staff: &Staff,
        requested_by: Option<&str>,
    ) -> Result<FactorResetView, Error> {
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        if let Some(requested_by) = requested_by {
            tx.take_factor_reset(&staff.id, requested_by).await?;
        }
        let had_one = tx.remove_factor(&staff.id).await?;
        let ended = tx.delete_staff_sessions_of(&staff.id).await?;
        let entry = act
            .entry("staff.factor-reset")
            .with("staff", staff.id.as_str())
            .with("requested-by", requested_by.map(str::to_owned))
            .with("had-one", had_one)
            .with("sessions-ended", ended);
        tx.commit(entry, Vec::new()).await?;
        Ok(FactorResetView {
            state: FactorResetState::Done,
            expires_at: None,
        })
    }

    async fn member(&self, id: &str) -> Result<Staff, Error> {
        let id = StaffId::parse(id).map_err(|_not_an_id| Error::from(refusal::NOT_FOUND))?;
        let staff = self.store().staff(&id).await?;
        staff.ok_or_else(|| refusal::NOT_FOUND.into())
    }
}

fn is_admin(staff: &Staff) -> bool {
    staff.roles.iter().any(|role| role == Role::Admin.as_str())
}
