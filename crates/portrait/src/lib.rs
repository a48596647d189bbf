#![forbid(unsafe_code)]
//! Licence photos: decoding within limits.
