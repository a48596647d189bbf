//! Administration: staff, offices, registry sources, roll-out.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use licence::{LicenceNumber, identifier::AuthorityCode};
use rand::Rng;
use storage::{AliasKind, Office, Partition, RegistrySource, SourceId, Staff, StaffId, WaveRow};
use zeroize::Zeroizing;

use crate::{
    Act, Actor, Authority, Error, Role,
    passwords::Passwords,
    refusal,
    views::{NewRegistrySource, NewStaff, OfficeView, RegistrySourceView, StaffView, WaveView},
};

impl Authority {
    /// Makes the first administrator, once.
    ///
    /// # Errors
    /// [`refusal::NAME_TAKEN`] when there is staff already; only the operator's command line may.
    pub async fn bootstrap_admin(
        &self,
        act: &mut Act,
        login: &str,
        password: Zeroizing<String>,
    ) -> Result<StaffView, Error> {
        let Actor::System(_) = act.actor else {
            return Err(refusal::NOT_YOUR_ROLE.into());
        };
        let request = NewStaff {
            login: login.to_owned(),
            name: login.to_owned(),
            password: password.to_string(),
            roles: vec![Role::Admin.as_str().to_owned()],
            office: None,
            own_licence_number: None,
        };
        let staff = self.new_staff(act, request).await?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        if tx.has_staff().await? {
            return Err(refusal::NAME_TAKEN.into());
        }
        tx.insert_staff(&staff, act.now).await?;
        let entry = act
            .entry("staff.bootstrapped")
            .with("staff", staff.id.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(staff_view(&staff))
    }

    /// Adds a member of staff.
    ///
    /// # Errors
    /// Without the role, or when login, roles, office or password do not follow their rules.
    pub async fn add_staff(&self, act: &mut Act, request: NewStaff) -> Result<StaffView, Error> {
        act.staff(&[Role::Admin])?;
        if let Some(office) = &request.office {
            self.store().office(office).await?.ok_or(refusal::INVALID)?;
        }
        let staff = self.new_staff(act, request).await?;
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.insert_staff(&staff, act.now).await?;
        let entry = act
            .entry("staff.added")
            .with("staff", staff.id.as_str())
            .with("roles", staff.roles.clone())
            .with("office", staff.office.clone());
        tx.commit(entry, Vec::new()).await?;
        Ok(staff_view(&staff))
    }

    async fn new_staff(&self, act: &mut Act, request: NewStaff) -> Result<Staff, Error> {
        let known = request.roles.iter().all(|role| Role::parse(role).is_some());
        if !is_name(&request.login) || request.roles.is_empty() || !known {
            return Err(refusal::INVALID.into());
        }
        Passwords::check(&request.password, None)?;
        let own_licence = request
            .own_licence_number
            .as_deref()
            .map(|number| {
                LicenceNumber::parse(number)
                    .map_err(|_not_a_number| Error::from(refusal::INVALID_NUMBER))
            })
            .transpose()?
            .map(|number| {
                let blind = self
                    .store()
                    .lasting_alias(AliasKind::LicenceNumber, number.as_str());
                blind.as_bytes().to_vec()
            });
        let password = Zeroizing::new(request.password);
        Ok(Staff {
            id: StaffId::generate(Partition::SYSTEM, &mut act.rng),
            login: request.login,
            name: request.name,
            password_hash: self.inner.passwords.hash(password, &mut act.rng).await?,
            roles: request.roles,
            office: request.office,
            own_licence,
            disabled_at: None,
        })
    }

    /// Adds an office.
    ///
    /// # Errors
    /// Without the role, or when the code exists or is none.
    pub async fn add_office(
        &self,
        act: &mut Act,
        request: OfficeView,
    ) -> Result<OfficeView, Error> {
        act.staff(&[Role::Admin])?;
        let authority = AuthorityCode::parse(&request.authority_code);
        if !is_name(&request.code) || request.name.is_empty() || authority.is_err() {
            return Err(refusal::INVALID.into());
        }
        let office = Office {
            code: request.code.clone(),
            name: request.name.clone(),
            authority_code: request.authority_code.clone(),
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.insert_office(&office, act.now).await?;
        let entry = act
            .entry("office.added")
            .with("office", office.code.as_str())
            .with("authority", office.authority_code.as_str());
        tx.commit(entry, Vec::new()).await?;
        Ok(request)
    }

    /// All offices.
    ///
    /// # Errors
    /// Without the role.
    pub async fn offices(&self, act: &mut Act) -> Result<Vec<OfficeView>, Error> {
        act.staff(&[Role::Admin])?;
        let offices = self.store().offices().await?;
        Ok(offices
            .into_iter()
            .map(|office| OfficeView {
                code: office.code,
                name: office.name,
                authority_code: office.authority_code,
            })
            .collect())
    }

    /// Adds a registry source; its token is shown this once.
    ///
    /// # Errors
    /// Without the role, or when the name exists.
    pub async fn add_registry_source(
        &self,
        act: &mut Act,
        request: NewRegistrySource,
    ) -> Result<RegistrySourceView, Error> {
        act.staff(&[Role::Admin])?;
        let known = |code: &String| code == "*" || AuthorityCode::parse(code).is_ok();
        let named = !request.name.is_empty() && request.name.chars().count() <= 100;
        if !named || request.authorities.is_empty() || !request.authorities.iter().all(known) {
            return Err(refusal::INVALID.into());
        }
        let mut secret = Zeroizing::new([0_u8; 32]);
        act.rng.fill_bytes(&mut *secret);
        let token = URL_SAFE_NO_PAD.encode(*secret);
        let source = RegistrySource {
            id: SourceId::generate(Partition::SYSTEM, &mut act.rng),
            name: request.name,
            authorities: request.authorities,
        };
        let hash = digest(&SHA256, token.as_bytes());
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.insert_registry_source(&source, hash.as_ref(), act.now)
            .await?;
        let entry = act
            .entry("registry-source.added")
            .with("source", source.id.as_str())
            .with("authorities", source.authorities.clone());
        tx.commit(entry, Vec::new()).await?;
        Ok(RegistrySourceView {
            id: source.id.to_string(),
            name: source.name,
            authorities: source.authorities,
            token,
        })
    }

    /// Sets from when a city, or the whole country, takes part (R5).
    ///
    /// # Errors
    /// Without the role, or when the city is none.
    pub async fn set_wave(&self, act: &mut Act, request: WaveView) -> Result<WaveView, Error> {
        act.staff(&[Role::Admin])?;
        if request.city != "*" && AuthorityCode::parse(&request.city).is_err() {
            return Err(refusal::INVALID.into());
        }
        let wave = WaveRow {
            city: request.city.clone(),
            opens_on: request.opens_on,
        };
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        tx.set_wave(&wave, &act.actor_id(), act.now).await?;
        let entry = act
            .entry("rollout.set")
            .with("city", wave.city.as_str())
            .with("from", wave.opens_on.to_string());
        tx.commit(entry, Vec::new()).await?;
        Ok(request)
    }

    /// The waves set by the operator.
    ///
    /// # Errors
    /// Without the role.
    pub async fn waves(&self, act: &mut Act) -> Result<Vec<WaveView>, Error> {
        act.staff(&[Role::Admin])?;
        let waves = self.store().waves().await?;
        Ok(waves
            .into_iter()
            .map(|wave| WaveView {
                city: wave.city,
                opens_on: wave.opens_on,
            })
            .collect())
    }
}

/// Codes and logins: short, visible, no spaces.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '@'))
}

fn staff_view(staff: &Staff) -> StaffView {
    StaffView {
        id: staff.id.to_string(),
        login: staff.login.clone(),
        roles: staff.roles.clone(),
        office: staff.office.clone(),
    }
}
