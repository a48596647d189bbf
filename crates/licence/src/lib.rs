#![forbid(unsafe_code)]
//! The rules of the Chinese driving licence (机动车驾驶证), pure.
//!
//! Nothing here reads a clock, a file or a network: records, dates and instants are arguments.
//! Floors, from the bottom: [`message`] and [`clock`]; [`identifier`] and [`class`]; [`record`]
//! with its parser; [`status`], [`rollout`], [`calendar`]; [`mod@eligibility`], [`mod@showing`],
//! [`supersession`]; the state machines [`application`],
//! [`e_licence`], [`binding`] and [`sanction`].

mod named;

pub mod application;
pub mod binding;
pub mod calendar;
pub mod certificate;
pub mod class;
pub mod clock;
pub mod e_licence;
pub mod eligibility;
pub mod identifier;
mod json;
pub mod machine;
pub mod message;
pub mod notes;
mod parse;
pub mod person_check;
pub mod photo;
pub mod points;
pub mod reason;
pub mod record;
pub mod registry_line;
pub mod rollout;
pub mod sanction;
pub mod showing;
pub mod status;
mod status_code;
pub mod supersession;
pub mod validity;

pub use application::Application;
pub use binding::Binding;
pub use calendar::{Calendar, Due};
pub use certificate::CertificateIdentifier;
pub use class::{CLASS_TABLE, ClassCode, entitles, granted_closure};
pub use clock::{civil_date, midnight};
pub use e_licence::ELicence;
pub use eligibility::{Channel, Situation, eligibility};
pub use identifier::{AuthorityCode, FileNumber, IdentifierError, LicenceNumber, NumberKind, Sex};
pub use machine::{Refusal, diagrams};
pub use message::{Message, Text};
pub use notes::{Note, notes};
pub use reason::Reason;
pub use record::{IssuingAuthority, PhotoSource, Record, ValidUntil};
pub use registry_line::{FieldProblem, RegistryLine};
pub use rollout::{CITIES, City, Rollout, Scope, Wave};
pub use sanction::Sanction;
pub use showing::{Showing, showing};
pub use status::{Effective, StatusLetter, StatusValue, effective, effective_at, next_transition};
pub use supersession::supersedes;
