//! Who does what, when: handed down from the handler or job that read the clock.

use std::net::IpAddr;

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use storage::{DeviceId, HolderId, Office, RegistrySource, Staff, audit::Entry};

use crate::refusal::{self, Error};

/// One act: actor, instant, request and randomness. Nothing below reads a clock.
#[derive(Debug)]
pub struct Act {
    /// Who acts.
    pub actor: Actor,
    /// When: the only clock there is.
    pub now: Timestamp,
    /// The request's identifier, for audit and logs.
    pub request: String,
    /// Where the request comes from, for the limits on guessing.
    pub source: Option<IpAddr>,
    /// The only randomness there is, seeded by the caller.
    pub rng: StdRng,
}

/// Who acts.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// A driver, on a device of theirs.
    Holder(HolderActor),
    /// A member of staff.
    Staff(StaffActor),
    /// A member of staff who has still to set up the second factor, and may do nothing else.
    Enrolling(Staff),
    /// A driver registry.
    Registry(RegistrySource),
    /// The gateway that carries texts, when it reports.
    Gateway,
    /// The system itself or its operator's command line, by name.
    System(&'static str),
}

/// A driver who is signed in.
#[derive(Clone, Debug)]
pub struct HolderActor {
    /// Who.
    pub id: HolderId,
    /// On which device: a session is good on its own only.
    pub device: DeviceId,
    /// The hash of the session's token.
    pub session: Vec<u8>,
}

/// A member of staff who is signed in.
#[derive(Clone, Debug)]
pub struct StaffActor {
    /// Who.
    pub staff: Staff,
    /// Their office.
    pub office: Option<Office>,
}

/// What a member of staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Administers offices, staff, sources and roll-out.
    Admin,
    /// Applies for drivers at the counter (窗口).
    Counter,
    /// Reviews applications (审核).
    Reviewer,
    /// Checks drivers on the road (执法).
    Police,
    /// Accepts the licence at a service window (业务窗口).
    Window,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Counter,
        Self::Reviewer,
        Self::Police,
        Self::Window,
    ];

    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Counter => "counter",
            Self::Reviewer => "reviewer",
            Self::Police => "police",
            Self::Window => "window",
        }
    }

    /// The role with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl StaffActor {
    /// Whether the member has `role`.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.staff.roles.iter().any(|text| text == role.as_str())
    }
}

impl Act {
    /// The same act for a part of it that goes on at the same time, with randomness of its own.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            actor: self.actor.clone(),
            now: self.now,
            request: self.request.clone(),
            source: self.source,
            rng: StdRng::from_rng(&mut self.rng),
        }
    }

    /// The actor as the audit names it: an identifier, never a name.
    #[must_use]
    pub fn actor_id(&self) -> String {
        match &self.actor {
            Actor::Anonymous => "anonymous".to_owned(),
            Actor::Holder(holder) => holder.id.to_string(),
            Actor::Staff(actor) => actor.staff.id.to_string(),
            Actor::Enrolling(staff) => staff.id.to_string(),
            Actor::Registry(source) => source.id.to_string(),
            Actor::Gateway => "text-gateway".to_owned(),
            Actor::System(name) => format!("system:{name}"),
        }
    }

    /// An audit entry for this act.
    #[must_use]
    pub fn entry(&self, act: &'static str) -> Entry {
        Entry::new(self.now, act, &self.actor_id(), &self.request)
    }

    /// The driver who acts.
    ///
    /// # Errors
    /// When nobody is signed in, or not as a driver.
    pub fn holder(&self) -> Result<&HolderId, Error> {
        self.holder_here().map(|holder| &holder.id)
    }

    /// The driver who acts, with the device at hand.
    ///
    /// # Errors
    /// As [`Act::holder`].
    pub fn holder_here(&self) -> Result<&HolderActor, Error> {
        match &self.actor {
            Actor::Holder(holder) => Ok(holder),
            Actor::Anonymous => Err(refusal::SIGN_IN.into()),
            Actor::Enrolling(_) => Err(refusal::ENROL_FACTOR.into()),
            Actor::Staff(_) | Actor::Registry(_) | Actor::Gateway | Actor::System(_) => {
                Err(refusal::NOT_YOUR_ROLE.into())
            }
        }
    }

    /// The member of staff who acts in one of `roles`.
    ///
    /// # Errors
    /// When nobody is signed in, or without any of the roles.
    pub fn staff(&self, roles: &[Role]) -> Result<&StaffActor, Error> {
        match &self.actor {
            Actor::Staff(actor) if roles.iter().any(|role| actor.has(*role)) => Ok(actor),
            Actor::Anonymous => Err(refusal::SIGN_IN.into()),
            Actor::Enrolling(_) => Err(refusal::ENROL_FACTOR.into()),
            Actor::Staff(_)
            | Actor::Holder(_)
            | Actor::Registry(_)
            | Actor::Gateway
            | Actor::System(_) => Err(refusal::NOT_YOUR_ROLE.into()),
        }
    }
}
