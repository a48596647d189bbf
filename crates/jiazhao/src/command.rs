//! The command line.
//!
//! Exit codes: 0 done, 1 done with something to look at (see each command), 2 could not run.

mod audit;
mod backup;
mod case_file;
mod config;
mod demo;
mod import;
mod keys;
mod portrait;
mod seal;
mod serve;
mod staff;
mod status;
mod trust;
mod trusted;
mod verify;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    ambient::{SystemClock, SystemEntropy},
    app::{Ambient, App, Options},
    config::Config,
    failure::{COULD_NOT_RUN, Failure},
    telemetry,
};

/// 驾照 - electronic driving licences: issue, show, verify.
#[derive(Debug, Parser)]
#[command(name = "jiazhao", version, about)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// The configuration file [default: jiazhao.toml in the data folder, if there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the passphrase of the key files is read, e.g. /dev/fd/3 [default: that of the
    /// configuration, else the terminal is asked]
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform
    Serve(serve::Serve),
    /// Serve a demonstration with synthetic drivers of all 28 cities
    Demo(demo::Demo),
    /// The configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The staff
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// The driver registry
    #[command(subcommand)]
    Registry(import::RegistryCommand),
    /// Verify offline: 0 good, 1 failed, 2 could not check
    Verify(verify::Verify),
    /// Photos and faces
    #[command(subcommand)]
    Portrait(portrait::PortraitCommand),
    /// Signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// The keys of what lies at rest
    #[command(subcommand)]
    Seal(seal::SealCommand),
    /// The trust list
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// What a verifier that stands alone needs
    #[command(subcommand)]
    Status(status::StatusCommand),
    /// The audit
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Case files of sanctions
    #[command(subcommand)]
    CaseFile(case_file::CaseFileCommand),
    Backup(backup::Backup),
    Restore(backup::Restore),
}

/// What every command is given.
#[derive(Debug)]
struct Context {
    global: Global,
    ambient: Ambient,
    /// The clock of `ambient`.
    clock: Arc<SystemClock>,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(COULD_NOT_RUN);
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_closed) => ExitCode::from(COULD_NOT_RUN),
            };
        }
    };
    match execute(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // With standard error closed there is nobody left to tell.
            drop(writeln!(io::stderr().lock(), "jiazhao: {failure}"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn execute(cli: Cli) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let clock = Arc::new(SystemClock::of_the_machine());
    let context = Context {
        global: cli.global,
        ambient: Ambient {
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy::open()?),
        },
        clock,
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(command) => command.run(&context).await,
            Command::Demo(command) => command.run(&context).await,
            Command::Config(command) => command.run(&context),
            Command::Staff(command) => command.run(&context).await,
            Command::Registry(command) => command.run(&context).await,
            Command::Verify(command) => command.run(&context),
            Command::Portrait(command) => command.run(&context),
            Command::Keys(command) => command.run(&context).await,
            Command::Seal(command) => command.run(&context).await,
            Command::Trust(command) => command.run(&context).await,
            Command::Status(command) => command.run(&context).await,
            Command::Audit(command) => command.run(&context).await,
            Command::CaseFile(command) => command.run(&context),
            Command::Backup(command) => command.run(&context).await,
            Command::Restore(command) => command.run(&context).await,
        }
    })
}

impl Context {
    fn data(&self) -> &Path {
        self.global
            .data
            .as_deref()
            .unwrap_or_else(|| Path::new("data"))
    }

    /// The configuration, with what the command line says of it.
    fn loaded(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.global.config.as_deref(), self.data())?;
        if let Some(file) = &self.global.passphrase_file {
            config.keys.unlock.passphrase_file = Some(file.clone());
        }
        Ok(config)
    }

    /// The configuration, with the log started as it says.
    fn config(&self) -> Result<Config, Failure> {
        let config = self.loaded()?;
        telemetry::start(&config.log);
        Ok(config)
    }

    /// The platform as configured.
    async fn open(&self) -> Result<(Config, App), Failure> {
        let config = self.config()?;
        let app = App::open(&config, &self.ambient, Options::default()).await?;
        Ok((config, app))
    }
}

/// Writes a line to standard output.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Writes a line to standard error.
fn tell(line: &str) -> Result<(), Failure> {
    writeln!(io::stderr().lock(), "{line}")?;
    Ok(())
}
