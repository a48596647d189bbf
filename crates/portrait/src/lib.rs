#![forbid(unsafe_code)]
//! Licence photos (证件照片): decoding within limits, findings for the photo rules R56 to R74,
//! the automatic crop, comparison of faces, the person check and its calibration, and the small
//! portrait for a code.
//!
//! Pure: bytes and models in, findings out. Nothing is kept and nothing is read from the
//! machine; the date of today and randomness are arguments.

pub mod assess;
pub mod calibrate;
pub mod challenge;
mod container;
pub mod crop;
pub mod decode;
mod detect;
pub mod finding;
pub mod fingerprint;
pub mod geometry;
mod jpeg;
pub mod matcher;
mod measure;
mod mesh;
pub mod models;
mod recognise;
pub mod rules;
pub mod small;
mod taken;

pub use assess::{Asked, AssessError, Assessment, Crop, assess};
pub use challenge::{Challenge, CheckReason, Followed, Frame, PersonCheck, Step};
pub use decode::{Format, Limits, Photo, PhotoError};
pub use finding::{Finding, Measured, Profile, Rule, Verdict};
pub use fingerprint::Fingerprint;
pub use matcher::{Comparison, Outcome, Thresholds, compare, likeness};
pub use models::{Models, ModelsError};
pub use recognise::Likeness;
pub use rules::Hint;
pub use small::small_portrait;
pub use taken::{Notes, notes};
