//! `jiazhao staff`

use clap::Subcommand;

use super::{Context, say, tell};
use crate::{failure::Failure, passwords};

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Make the first administrator, once; prints login and password
    Bootstrap {
        /// The name to sign in with
        #[arg(long, default_value = "admin")]
        login: String,
    },
    /// Remove a member's second factor, where no administrator is left who could; it is audited
    ResetFactor {
        /// The name to sign in with
        #[arg(long)]
        login: String,
    },
}

impl StaffCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        match self {
            Self::Bootstrap { login } => bootstrap(context, login).await?,
            Self::ResetFactor { login } => {
                let (_, app) = context.open().await?;
                let mut act = app.act("staff-reset-factor");
                app.authority()
                    .reset_factor_by_operator(&mut act, login)
                    .await?;
                app.close().await;
            }
        }
        tell(
            "At the next sign-in the second factor is set up: POST /api/v1/staff/factor. \
             (下次登录后须先设置动态验证码)",
        )?;
        Ok(0)
    }
}

async fn bootstrap(context: &Context, login: &str) -> Result<(), Failure> {
    let (_, app) = context.open().await?;
    let mut act = app.act("staff-bootstrap");
    let password = passwords::generate(&mut act.rng);
    app.authority()
        .bootstrap_admin(&mut act, login, password.clone())
        .await?;
    app.close().await;
    say(&format!("{login}  {}", password.as_str()))
}
