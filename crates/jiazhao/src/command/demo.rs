//! `jiazhao demo`

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

use super::{Context, say, tell};
use crate::{
    config::{Config, DEFAULT_FILTER},
    demo::{DRIVERS, Demo as Demonstration, FEWEST_DRIVERS, MOST_DRIVERS, walk},
    failure::Failure,
    server, telemetry,
};

/// The log of a demonstration: what went wrong, so that the accounts stay in sight.
const QUIET: &str = "warn";

const WITHOUT_WEB: &str = "the web apps are not part of this build, the API is (网页应用未编入): \
    with node 20 or later run `cargo xtask build`";
/// Seconds between publications of the status lists in a demonstration.
const DEMO_PERIOD: u32 = 60;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The address to listen on [default: that of the configuration; for --walk a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How many drivers a new demonstration has
    #[arg(long, value_name = "N", default_value_t = DRIVERS,
          value_parser = clap::value_parser!(u64).range(FEWEST_DRIVERS..=MOST_DRIVERS))]
    drivers: u64,
    /// Drive the main job over HTTP, print each step, and exit: 0 all as expected, 1 not; without
    /// --data in a folder that is removed afterwards
    #[arg(long)]
    walk: bool,
    /// Leave the web apps out
    #[arg(long)]
    no_web: bool,
}

impl Demo {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        if self.walk {
            return self.walk(context).await;
        }
        let stop = server::asked_to_stop()?;
        let config = Self::config(context, context.data())?;
        tell("驾照 demo: preparing (正在准备演示数据) ...")?;
        let demo = Demonstration::open(
            config,
            &context.ambient,
            self.listen,
            self.drivers,
            !self.no_web,
        )
        .await?;
        say(&format!("service  {}/  -  -", demo.base_url))?;
        say(&format!("verify  {}/verify  -  -", demo.base_url))?;
        say(&format!("api  {}/api/openapi.json  -  -", demo.base_url))?;
        for line in demo.accounts.lines(&demo.base_url) {
            say(&line)?;
        }
        if !self.no_web && !service::web_apps_built() {
            tell(WITHOUT_WEB)?;
        }
        tell("ready: stop with Ctrl-C; starting again shows the same (已就绪)")?;
        let outcome = server::serve(&demo.app, demo.listener, stop).await;
        demo.app.close().await;
        outcome.map(|()| 0)
    }

    async fn walk(&self, context: &Context) -> Result<u8, Failure> {
        let folder = tempfile::tempdir()?;
        let data = context
            .global
            .data
            .as_deref()
            .unwrap_or_else(|| folder.path());
        let config = Self::config(context, data)?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Some(self.listen.unwrap_or(free));
        let demo =
            Demonstration::open(config, &context.ambient, listen, self.drivers, false).await?;
        match walk::walk(demo, say).await {
            Ok(()) => Ok(0),
            Err(failure) => {
                tell(&format!("jiazhao: {failure}"))?;
                Ok(1)
            }
        }
    }

    fn config(context: &Context, data: &std::path::Path) -> Result<Config, Failure> {
        let mut config = Config::load(context.global.config.as_deref(), data)?;
        if config.log.filter == DEFAULT_FILTER {
            QUIET.clone_into(&mut config.log.filter);
        }
        // Whoever tries it does not wait ten minutes for a status list.
        config.status.period_seconds = config.status.period_seconds.min(DEMO_PERIOD);
        telemetry::start(&config.log);
        Ok(config)
    }
}
