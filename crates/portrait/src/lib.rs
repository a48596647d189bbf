#![forbid(unsafe_code)]
//! Licence photos (证件照片): decoding within limits.

mod container;
pub mod decode;

pub use decode::{Format, Limits, Photo, PhotoError};
