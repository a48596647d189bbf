#![forbid(unsafe_code)]
//! The use cases of the licensing authority, one module each. A use case takes an [`Act`] (who,
//! when, which request) and a view from [`views`], authorises the actor, and writes in one
//! transaction together with its audit row.

mod act;
mod admin;
mod apply;
mod audit;
mod authentic;
mod calendar;
mod composition;
mod enrol;
mod follow;
mod holder;
mod issue;
mod limits;
mod look_ups;
mod passwords;
mod present;
pub mod refusal;
mod registry;
mod registry_plan;
mod registry_write;
mod render;
mod review;
mod sessions;
mod status_plane;
mod symbol;
mod trust;
mod verify;
pub mod views;

pub use act::{Act, Actor, Role, StaffActor};
pub use audit::{AuditCheck, AuditFault, AuditFinding, AuditReport, CheckpointLine};
pub use composition::{Authority, CertificateCodes, PasswordCost, PhotoFile, Settings};
pub use follow::Live;
pub use rand;
pub use refusal::{Because, CATALOGUE, Error, Kind, Refusal};
pub use registry::{Delivery, Examined, MAX_PHOTO_BYTES, Planned};
pub use storage::{HolderId, Office, RegistrySource, Staff};
pub use trust::{KeyView, RootKeys};
