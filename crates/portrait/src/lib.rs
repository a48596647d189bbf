#![forbid(unsafe_code)]
//! Licence photos (证件照片): decoding within limits, and the small portrait for a code.

mod container;
pub mod decode;
pub mod small;

pub use decode::{Format, Limits, Photo, PhotoError};
pub use small::small_portrait;
