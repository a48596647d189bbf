#![forbid(unsafe_code)]
//! The Jiazhao platform put together: configuration, composition, command line, demo.
//!
//! Floors, from the bottom: [`failure`], [`unlock`], [`config`], [`ambient`], [`key_files`], [`enforcement_keys`], HTTP that
//! leaves ([`sms_gateway`], [`http_witness`]); [`app`], which opens store, authority and service;
//! [`import`], [`seen`] and [`server`] over it; [`demo`]; [`command`].

pub mod ambient;
pub mod app;
pub mod command;
pub mod config;
pub mod demo;
pub mod enforcement_keys;
pub mod failure;
pub mod http_witness;
pub mod import;
pub mod key_files;
mod lines;
mod outgoing;
pub mod passwords;
pub mod seen;
pub mod server;
pub mod sms_gateway;
pub mod telemetry;
mod token;
pub mod unlock;
