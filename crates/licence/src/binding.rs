//! The binding of an e-licence to the device that presents it.
//!
//! A record of its own, never part of issue: one presenting device per licence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::machine::{Machine, NOT_NOW, Refusal};
use crate::message::Text;
use crate::named::named;

/// A binding in one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Binding {
    /// The device has named its key and has yet to prove that it holds it.
    Pending {
        /// The last instant for the proof.
        expires: Timestamp,
    },
    /// The device presents the licence.
    Active {
        /// How well the key is kept.
        assurance: Assurance,
        /// When the server last renewed it.
        renewed: Timestamp,
    },
    /// Another device took its place.
    Replaced {
        /// When.
        at: Timestamp,
    },
    /// Ended by the holder, an officer or the system.
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// Never proved in time, or not renewed for too long.
    Lapsed {
        /// When.
        at: Timestamp,
    },
}

named! {
    /// How well the device keeps its key; verification returns it.
    pub enum Assurance {
        /// A key in software.
        Software = "software",
        /// A passkey.
        Passkey = "passkey",
        /// A key whose hardware is attested.
        Attested = "attested",
    }
}

/// What can happen to a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The device proves that it holds the key.
    Confirm {
        /// How well it keeps it.
        assurance: Assurance,
        /// When.
        at: Timestamp,
    },
    /// The server renews it on contact.
    Renew {
        /// When.
        at: Timestamp,
    },
    /// Another device takes its place.
    Replace {
        /// When.
        at: Timestamp,
    },
    /// It is ended.
    Revoke {
        /// When.
        at: Timestamp,
    },
    /// Its time is over.
    Lapse {
        /// When.
        at: Timestamp,
    },
}

impl Binding {
    /// The state without what it carries.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Pending { .. } => Stage::Pending,
            Self::Active { .. } => Stage::Active,
            Self::Replaced { .. } => Stage::Replaced,
            Self::Revoked { .. } => Stage::Revoked,
            Self::Lapsed { .. } => Stage::Lapsed,
        }
    }

    /// The next state.
    ///
    /// # Errors
    /// A refusal that says why the event is not possible in this state.
    pub fn apply(self, event: Event) -> Result<Self, Refusal> {
        match (self, event) {
            (Self::Pending { expires }, Event::Confirm { assurance, at }) => {
                if at <= expires {
                    Ok(Self::Active {
                        assurance,
                        renewed: at,
                    })
                } else {
                    Err(TOO_LATE)
                }
            }
            (Self::Active { assurance, renewed }, Event::Renew { at }) => {
                // A clock set back never shortens what was already granted.
                Ok(Self::Active {
                    assurance,
                    renewed: renewed.max(at),
                })
            }
            (Self::Pending { .. } | Self::Active { .. }, Event::Replace { at }) => {
                Ok(Self::Replaced { at })
            }
            (Self::Pending { .. } | Self::Active { .. }, Event::Revoke { at }) => {
                Ok(Self::Revoked { at })
            }
            (Self::Pending { .. } | Self::Active { .. }, Event::Lapse { at }) => {
                Ok(Self::Lapsed { at })
            }
            (Self::Pending { .. }, Event::Renew { .. })
            | (Self::Active { .. }, Event::Confirm { .. })
            | (Self::Replaced { .. } | Self::Revoked { .. } | Self::Lapsed { .. }, _) => {
                Err(NOT_NOW)
            }
        }
    }
}

named! {
    /// The state of a binding without what it carries.
    pub enum Stage {
        /// Waiting for the proof.
        Pending = "pending",
        /// In use.
        Active = "active",
        /// Another device took its place.
        Replaced = "replaced",
        /// Ended.
        Revoked = "revoked",
        /// Its time is over.
        Lapsed = "lapsed",
    }
}

const TOO_LATE: Refusal = Refusal {
    code: "expired",
    text: Text {
        zh: "绑定确认已超时，请重新绑定",
        en: "The proof came too late; bind the device again",
    },
};

impl Machine for Binding {
    type Event = Event;
    const NAME: Text = Text {
        zh: "设备绑定",
        en: "Binding",
    };

    fn apply(self, event: Event) -> Result<Self, Refusal> {
        Self::apply(self, event)
    }

    fn stage_name(&self) -> &'static str {
        self.stage().as_str()
    }

    fn event_name(event: &Event) -> &'static str {
        match event {
            Event::Confirm { .. } => "confirm",
            Event::Renew { .. } => "renew",
            Event::Replace { .. } => "replace",
            Event::Revoke { .. } => "revoke",
            Event::Lapse { .. } => "lapse",
        }
    }

    fn sample_states() -> Vec<Self> {
        let at = Timestamp::UNIX_EPOCH;
        vec![
            Self::Pending { expires: at },
            Self::Active {
                assurance: Assurance::Software,
                renewed: at,
            },
            Self::Replaced { at },
            Self::Revoked { at },
            Self::Lapsed { at },
        ]
    }

    fn sample_events() -> Vec<Event> {
        let at = Timestamp::UNIX_EPOCH;
        vec![
            Event::Confirm {
                assurance: Assurance::Software,
                at,
            },
            Event::Renew { at },
            Event::Replace { at },
            Event::Revoke { at },
            Event::Lapse { at },
        ]
    }

    fn initial_stages() -> &'static [&'static str] {
        &["pending"]
    }
}
