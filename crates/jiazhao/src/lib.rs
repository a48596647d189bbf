#![forbid(unsafe_code)]
//! The Jiazhao platform put together: configuration, composition, command line, demo.
//!
//! Floors, from the bottom: [`failure`], [`unlock`], [`config`], [`ambient`], [`key_files`], [`enforcement_keys`],
//! [`calibration`], [`face_models`], HTTP that leaves ([`sms_gateway`], [`http_witness`],
//! [`identity_gateway`]); [`app`], which opens store, authority and service;
//! [`import`], [`seen`] and [`server`] over it; [`demo`]; [`command`].

pub mod ambient;
pub mod app;
pub mod calibration;
pub mod command;
pub mod config;
pub mod demo;
pub mod enforcement_keys;
pub mod face_models;
pub mod failure;
pub mod http_witness;
pub mod identity_gateway;
pub mod import;
pub mod key_files;
mod lines;
mod outgoing;
pub mod passwords;
pub mod seen;
pub mod server;
pub mod sms_gateway;
pub mod telemetry;
pub mod unlock;
