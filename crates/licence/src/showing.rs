//! How an issued e-licence is shown: black code, red code, or not at all.

use serde::Serialize;

use crate::reason::Reason;
use crate::status::{Effective, StatusValue};

/// What the holder and whoever looks at the screen see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Showing {
    /// Normal: a black code.
    Black,
    /// Not normal, still shown: a red code with every reason.
    Red {
        /// What is the case and what clears it.
        reasons: Vec<Reason>,
    },
    /// Not shown: the holder reads why and whom to contact.
    Hidden {
        /// What is the case and whom to contact.
        reasons: Vec<Reason>,
    },
}

/// How an e-licence with this status is shown.
#[must_use]
pub fn showing(effective: &Effective) -> Showing {
    match effective.value {
        StatusValue::Valid => Showing::Black,
        StatusValue::Red => Showing::Red {
            reasons: effective.reasons.clone(),
        },
        StatusValue::Suspended | StatusValue::Invalid => Showing::Hidden {
            reasons: effective.reasons.clone(),
        },
    }
}
