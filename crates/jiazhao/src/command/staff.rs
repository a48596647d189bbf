//! `jiazhao staff`

use clap::Subcommand;

use super::{Context, say};
use crate::{failure::Failure, passwords};

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Make the first administrator, once; prints login and password
    Bootstrap {
        /// The name to sign in with
        #[arg(long, default_value = "admin")]
        login: String,
    },
}

impl StaffCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let Self::Bootstrap { login } = self;
        let (_, app) = context.open().await?;
        let mut act = app.act("staff-bootstrap");
        let password = passwords::generate(&mut act.rng);
        app.authority()
            .bootstrap_admin(&mut act, login, password.clone())
            .await?;
        app.close().await;
        say(&format!("{login}  {}", password.as_str()))?;
        Ok(0)
    }
}
