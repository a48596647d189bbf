#![forbid(unsafe_code)]
//! The use cases of the licensing authority.
