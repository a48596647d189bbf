//! Events: what followers learn, in commit order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ApplicationId, BindingId, ELicenceId, HolderId, NotificationId, StatusPlace};

/// An event as followers see it. Identifiers and codes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The registry's record changed.
    DriverChanged {
        /// Whose.
        holder: HolderId,
    },
    /// A credential's place in the status lists has a (new) value.
    CredentialStatus {
        /// Whose.
        holder: HolderId,
        /// Where.
        place: StatusPlace,
        /// 0 valid, 1 invalid, 2 suspended, 3 red.
        value: u8,
    },
    /// An e-licence came to be or moved on.
    ELicenceChanged {
        /// Whose.
        holder: HolderId,
        /// Which.
        e_licence: ELicenceId,
        /// Its stage now.
        stage: String,
    },
    /// An application moved.
    ApplicationChanged {
        /// Whose.
        holder: HolderId,
        /// Which.
        application: ApplicationId,
        /// Its stage now.
        stage: String,
        /// The office that reviews it.
        office: String,
        /// When it was submitted.
        submitted_at: Option<Timestamp>,
        /// When it is due; none while the working calendar is missing.
        due_at: Option<Timestamp>,
    },
    /// Something else than a submission is to be decided about an application, or was.
    ReviewCaseChanged {
        /// Whose.
        holder: HolderId,
        /// Which.
        application: ApplicationId,
        /// `appeal`, `sample` or `objection`.
        kind: String,
        /// The office that reviews it.
        office: String,
        /// Since when it is to be decided.
        since: Timestamp,
        /// When it is due; none while the working calendar is missing.
        due_at: Option<Timestamp>,
        /// An officer who may not decide it.
        not_by: Option<String>,
        /// Whether it waits; else it was decided.
        open: bool,
    },
    /// A binding came to be or ended.
    BindingChanged {
        /// Whose.
        holder: HolderId,
        /// The one that is active now, if there is one.
        binding: Option<BindingId>,
    },
    /// A message lies in the inbox.
    Notified {
        /// Whose.
        holder: HolderId,
        /// Which.
        notification: NotificationId,
    },
}

impl Event {
    /// The holder it concerns.
    #[must_use]
    pub fn holder(&self) -> &HolderId {
        match self {
            Self::DriverChanged { holder }
            | Self::CredentialStatus { holder, .. }
            | Self::ELicenceChanged { holder, .. }
            | Self::ApplicationChanged { holder, .. }
            | Self::ReviewCaseChanged { holder, .. }
            | Self::BindingChanged { holder, .. }
            | Self::Notified { holder, .. } => holder,
        }
    }
}

/// The stored form, with its schema version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) v: u8,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// An event with its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Number in its partition, from 1.
    pub seq: u64,
    /// When it was committed (the act's instant).
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}
