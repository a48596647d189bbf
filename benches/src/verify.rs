//! `verify`: what a verifier waits for.

use crate::{
    figure::{Failed, absent},
    group::Extent,
    offline, online,
    platform::Platform,
    postgres::{self, Engine, NO_SERVER, POSTGRESQL},
};

/// Drivers whose codes are verified.
const DRIVERS: u64 = 32;

pub(crate) async fn run(extent: Extent) -> Result<(), Failed> {
    on(&Engine::Sqlite, extent).await?;
    match postgres::start() {
        Some(engine) => on(&engine, extent).await?,
        None => {
            for name in online::FIGURES {
                absent(&format!("{name}{POSTGRESQL}"), NO_SERVER)?;
            }
        }
    }
    Ok(())
}

async fn on(engine: &Engine, extent: Extent) -> Result<(), Failed> {
    let platform = Platform::open(engine).await?;
    let licensed = platform.licensed(DRIVERS).await?;
    online::run(&platform, &licensed, engine, extent).await?;
    // Nothing of an offline check asks a database.
    if let (Engine::Sqlite, Some(first)) = (engine, licensed.first()) {
        offline::run(&platform, first, extent).await?;
    }
    platform.app.close().await;
    Ok(())
}
