//! An issued electronic licence (电子驾驶证) from issue to its end.

use serde::{Deserialize, Serialize};

use crate::machine::{Machine, NOT_NOW, Refusal};
use crate::message::Text;
use crate::named::named;
use crate::status::StatusValue;

/// An e-licence in one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum ELicence {
    /// In use; what is shown depends on the record's status.
    Active,
    /// Stopped by a sanction (R75) until it is lifted.
    Stopped {
        /// The sanction that stops it.
        sanction: SanctionId,
    },
    /// Another took its place, or must.
    Superseded {
        /// Why.
        cause: SupersessionCause,
    },
    /// Ended for good.
    Revoked {
        /// Why.
        cause: RevocationCause,
    },
}

/// The stable id of a sanction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SanctionId(pub String);

named! {
    /// Why an e-licence was superseded.
    pub enum SupersessionCause {
        /// A replacement licence that needs a new application (R88-R90).
        NewEdition = "new-edition",
        /// A further e-licence was issued, e.g. with another photo (R32).
        NewELicence = "new-e-licence",
    }
}

named! {
    /// Why an e-licence was revoked.
    pub enum RevocationCause {
        /// The holder gave it up.
        HolderRequest = "holder-request",
        /// It was issued by mistake or deceit.
        WronglyIssued = "wrongly-issued",
        /// The registry no longer knows the driver.
        RecordEnded = "record-ended",
    }
}

/// What can happen to an e-licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another takes its place, or must.
    Supersede {
        /// Why.
        cause: SupersessionCause,
    },
    /// A sanction begins.
    Stop {
        /// Which.
        sanction: SanctionId,
    },
    /// The sanction is lifted: all is as before.
    Lift {
        /// Which.
        sanction: SanctionId,
    },
    /// It ends for good.
    Revoke {
        /// Why.
        cause: RevocationCause,
    },
}

impl ELicence {
    /// The state without what it carries.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Active => Stage::Active,
            Self::Stopped { .. } => Stage::Stopped,
            Self::Superseded { .. } => Stage::Superseded,
            Self::Revoked { .. } => Stage::Revoked,
        }
    }

    /// What the state adds to the record's own status: the stricter of both counts.
    #[must_use]
    pub const fn status_value(&self) -> StatusValue {
        match self {
            Self::Active => StatusValue::Valid,
            Self::Stopped { .. } => StatusValue::Suspended,
            Self::Superseded { .. } | Self::Revoked { .. } => StatusValue::Invalid,
        }
    }

    /// The next state.
    ///
    /// # Errors
    /// A refusal that says why the event is not possible in this state.
    pub fn apply(self, event: Event) -> Result<Self, Refusal> {
        match (self, event) {
            (Self::Active | Self::Stopped { .. }, Event::Supersede { cause }) => {
                Ok(Self::Superseded { cause })
            }
            (Self::Active | Self::Stopped { .. }, Event::Revoke { cause }) => {
                Ok(Self::Revoked { cause })
            }
            (Self::Active, Event::Stop { sanction }) => Ok(Self::Stopped { sanction }),
            (Self::Stopped { sanction }, Event::Lift { sanction: lifted }) => {
                if sanction == lifted {
                    Ok(Self::Active)
                } else {
                    Err(OTHER_SANCTION)
                }
            }
            (Self::Active, Event::Lift { .. })
            | (Self::Stopped { .. }, Event::Stop { .. })
            | (Self::Superseded { .. } | Self::Revoked { .. }, _) => Err(NOT_NOW),
        }
    }
}

named! {
    /// The state of an e-licence without what it carries.
    pub enum Stage {
        /// In use.
        Active = "active",
        /// Stopped by a sanction.
        Stopped = "stopped",
        /// Another took its place.
        Superseded = "superseded",
        /// Ended for good.
        Revoked = "revoked",
    }
}

const OTHER_SANCTION: Refusal = Refusal {
    code: "other-sanction",
    text: Text {
        zh: "解除的不是使其停止的处置",
        en: "It was stopped by another sanction",
    },
};

impl Machine for ELicence {
    type Event = Event;
    const NAME: Text = Text {
        zh: "电子驾驶证",
        en: "E-licence",
    };

    fn apply(self, event: Event) -> Result<Self, Refusal> {
        Self::apply(self, event)
    }

    fn stage_name(&self) -> &'static str {
        self.stage().as_str()
    }

    fn event_name(event: &Event) -> &'static str {
        match event {
            Event::Supersede { .. } => "supersede",
            Event::Stop { .. } => "stop",
            Event::Lift { .. } => "lift",
            Event::Revoke { .. } => "revoke",
        }
    }

    fn sample_states() -> Vec<Self> {
        vec![
            Self::Active,
            Self::Stopped {
                sanction: SanctionId("sanction".to_owned()),
            },
            Self::Superseded {
                cause: SupersessionCause::NewEdition,
            },
            Self::Revoked {
                cause: RevocationCause::HolderRequest,
            },
        ]
    }

    fn sample_events() -> Vec<Event> {
        let sanction = SanctionId("sanction".to_owned());
        vec![
            Event::Supersede {
                cause: SupersessionCause::NewELicence,
            },
            Event::Stop {
                sanction: sanction.clone(),
            },
            Event::Lift { sanction },
            Event::Revoke {
                cause: RevocationCause::HolderRequest,
            },
        ]
    }

    fn initial_stages() -> &'static [&'static str] {
        &["active"]
    }
}
