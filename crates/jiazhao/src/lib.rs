#![forbid(unsafe_code)]
//! The Jiazhao platform: configuration, composition, command line, demo.
