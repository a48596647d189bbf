#![forbid(unsafe_code)]
//! The use cases of the licensing authority, one module each. A use case takes an [`Act`] (who,
//! when, which request) and a view from [`views`], authorises the actor, and writes in one
//! transaction together with its audit row.

mod accounts;
mod act;
mod admin;
mod apply;
mod applying;
mod audit;
mod authentic;
mod bind;
mod calendar;
mod composition;
mod enrol;
mod follow;
mod holder;
pub mod identity;
mod issue;
pub mod judge;
mod limits;
mod look_ups;
mod mask;
mod measures;
pub mod notify;
mod passwords;
pub mod peaks;
mod person_check;
mod present;
pub mod push;
mod reasons;
pub mod refusal;
mod registry;
mod registry_diff;
mod registry_plan;
mod registry_write;
mod render;
mod resign;
mod retention;
mod review;
mod sanction;
mod second_factor;
mod secret;
mod sessions;
mod staff_accounts;
mod status_lists;
mod status_plane;
mod status_start;
mod symbol;
mod texts;
mod totp;
mod trust;
mod verify;
pub mod views;
mod working_days;

pub use accounts::{Activated, Client, DEVICE_LASTS};
pub use act::{Act, Actor, HolderActor, Role, StaffActor};
pub use audit::{
    AuditCheck, AuditFault, AuditFinding, AuditReport, CheckpointLine, LostRows, Witness, WitnessAt,
};
pub use composition::{
    ActivationChecks, Authority, AutomaticIssue, Calibration, CertificateCodes, CodeSettings,
    PasswordCost, PhotoFile, SAMPLE_ONE_IN, SecondFactor, Settings, TokenHash, TokenKey,
};
pub use follow::Live;
pub use measures::{Label, Measure};
pub use rand;
pub use refusal::{Because, CATALOGUE, Error, Kind, Refusal};
pub use registry::{Delivery, Examined, MAX_PHOTO_BYTES, Planned};
pub use registry_diff::{ChangedRecord, Comparison, Follows};
pub use review::{DuplicateSearch, ReviewForecast, SearchScope};
pub use sanction::{CaseFile, CaseFileFault, CaseFileReport, read_case_file};
pub use status_lists::{Audience, ListAnswer, ListRequest};
pub use storage::{
    ClientKind, HolderId, Office, RegistrySource, ReviewLoad, Staff, TextId, TokenForm,
};
pub use texts::Outgoing;
pub use trust::{
    PreparedKeys, RootKeys, SignedProposal, Submitted, TrustChange, TrustProposalFile,
};
pub use views::KeyView;
