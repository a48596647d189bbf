#![forbid(unsafe_code)]
//! Figures of the platform beside those of peers, measured in one run.
//!
//! `benches [GROUP] [--full]`. One line a figure on standard output: `name  value  unit
//! ratio-to-peer  peer`, or `name absent reason`. What the figures rest on goes to standard error.

mod batch_file;
mod codes;
mod crypto;
mod dynamic;
mod figure;
mod group;
mod import;
mod issue;
mod known;
mod load;
mod numeric;
mod offline;
mod online;
mod openssl;
mod peers;
mod platform;
mod postgres;
mod registry;
mod sm2_credentials;
mod sm2_series;
mod timing;
mod verify;

use std::{env, process::ExitCode};

use figure::{Failed, note};
use group::{Extent, Group};

fn main() -> ExitCode {
    if env::var_os(batch_file::AS_COMMAND).is_some() {
        return jiazhao::command::run();
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            note(&failed.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let [import::CHILD, data, url, file] = arguments {
        return runtime.block_on(import::child(data, url, file));
    }
    let extent = if arguments.contains(&"--full") {
        Extent::Full
    } else {
        Extent::Quick
    };
    let mut names = arguments.iter().filter(|it| !it.starts_with("--"));
    let groups = match names.next() {
        None => Group::ALL.to_vec(),
        Some(name) => vec![Group::parse(name).ok_or_else(|| Failed::new("no such group"))?],
    };
    for group in groups {
        runtime.block_on(group.run(extent))?;
    }
    Ok(())
}
