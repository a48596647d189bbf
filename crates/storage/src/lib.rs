#![forbid(unsafe_code)]
//! Records, objects and keys at rest: the only crate that knows SQL and the object store.
//!
//! A [`Store`] is concrete, on SQLite or PostgreSQL with one SQL text. Every write happens in a
//! [`Tx`] (those that concern a driver hold its revision, see [`Locked`]), and a transaction can be
//! committed only together with its audit rows and events. See `docs/architecture.md`.

mod accounts;
mod activation_checks;
mod aliases;
mod appeals;
mod applications;
mod applying;
mod at_rest;
pub mod audit;
pub mod backup;
mod bindings;
mod blinds;
mod calendar_years;
mod challenges;
mod checkpoints;
mod claims;
mod codes;
mod credentials;
mod data_keys;
mod devices;
mod drivers;
mod e_licences;
mod engine;
mod error;
mod face_consents;
mod face_templates;
mod freezing;
mod ids;
mod index_keys;
mod issue_samples;
mod key_distrusts;
mod keystore;
mod leases;
mod look_ups;
mod migrate;
mod notifications;
mod numbers;
mod objects;
pub mod outbox;
mod person_checks;
mod photo_comparisons;
mod photo_findings;
mod photos;
mod position;
mod presentations;
mod push_subscriptions;
mod reindex;
mod reseal;
mod retention;
mod review_cases;
mod review_claims;
mod review_counts;
mod review_loans;
mod rows;
mod sanctions;
mod schema;
mod seal;
mod sealed_columns;
mod segments;
mod sessions;
mod signing_counts;
mod staff;
mod staff_factors;
mod staff_sessions;
mod status_lists;
mod status_places;
mod status_snapshots;
mod store;
mod subjects;
mod texts;
mod trust_proposals;
mod turns;
mod tx;
mod verifications;

pub use accounts::{Account, ActivationCode};
pub use aliases::{AliasKind, names_of};
pub use appeals::AppealRow;
pub use applications::{ApplicationRow, NewApplication};
pub use applying::NewDraft;
pub use at_rest::AtRest;
pub use bindings::{BindingRow, NewBinding, ToPresent};
pub use blinds::Blind;
pub use calendar_years::CalendarYear;
pub use challenges::{NewChallenge, WaitingChallenge};
pub use checkpoints::{AuditHead, CheckpointRow};
pub use claims::AliasClaim;
pub use codes::{CodeUse, NumericCodeRow};
pub use credentials::{CredentialRow, FormRow, NewCredential, PresentedCredential, ToSignAnew};
pub use data_keys::{DataKeyState, Retirement, Steward};
pub use devices::{ClientKind, Device, DeviceEnd, DeviceProof};
pub use drivers::{Driver, DriverWrite, SealedDriver};
pub use e_licences::{CurrentELicence, ELicenceRow, NewELicence};
pub use engine::{Engine, Layout};
pub use error::{Conflict, StoreError};
pub use face_consents::FaceConsentRow;
pub use face_templates::{FaceTemplateRow, FacesNear};
pub use ids::{
    ActivationId, ApplicationId, BindingId, CredentialId, DeviceId, ELicenceId, FaceConsentId,
    HolderId, LoanId, NotAnId, NotificationId, Partition, PersonCheckId, PhotoId, ProposalId,
    PushSubscriptionId, SanctionId, SanctionStepId, SourceId, StaffId, TextId, VerificationId,
};
pub use index_keys::{IndexKeyState, IndexRetirement};
pub use issue_samples::{IssueSampleRow, NewIssueSample, SampleState};
pub use key_distrusts::KeyDistrust;
pub use keystore::{SigningKeyRow, TrustListRow};
pub use look_ups::{CodeToUse, ToRemember};
pub use notifications::Notification;
pub use person_checks::{ClosedCheck, NewPersonCheck, PersonCheckRow};
pub use photo_comparisons::PhotoComparisonRow;
pub use photo_findings::PhotoFindingsRow;
pub use photos::{PhotoMeta, PhotoRow};
pub use presentations::Presentation;
pub use push_subscriptions::PushSubscription;
pub use reindex::Reindexed;
pub use reseal::{Damaged, Resealed};
pub use retention::may_hold_more;
pub use review_cases::{CaseChange, CaseKind, ReviewCase, Stands};
pub use review_claims::{Claim, Takes};
pub use review_counts::{ReviewHistory, ReviewLoad};
pub use review_loans::LoanRow;
pub use sanctions::{
    NewSanction, NewSanctionStep, SanctionMove, SanctionRow, SanctionStep, StepKind,
};
pub use seal::MasterKeys;
pub use segments::{AuditSegment, SegmentRows};
pub use sessions::{Session, SessionKind};
pub use signing_counts::SignatureTally;
pub use staff::{Office, RegistrySource, Staff, WaveRow};
pub use staff_factors::{FactorReset, FactorStage, StaffFactor};
pub use staff_sessions::{SignedInStaff, StaffScope, StaffSession};
pub use status_lists::{
    Cursors, FormFacts, ListForm, ListToPublish, Publication, PublishedList, TokenForm,
};
pub use status_places::{LIST_SIZE, StatusPlace};
pub use status_snapshots::{SnapshotFault, StatusSnapshot};
pub use store::{Store, StoreOptions, Work};
pub use subjects::Subject;
pub use texts::{
    Channel, NewText, TextCount, TextOutcome, TextQueue, TextRow, TextState, TextToSend,
};
pub use trust_proposals::{ProposalState, TrustProposal};
pub use tx::{Committed, Locked, Numbered, Traces, Tx};
pub use verifications::{Remembered, SealedVerification, VerificationRow};
