//! The scenarios, through the real app in process, on SQLite and on PostgreSQL with partitioned
//! tables. Each test names its scenario.

#![expect(
    clippy::cognitive_complexity,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests: what does not fit ends the test, and a scenario reads from top to bottom"
)]

mod accounts;
mod applying;
mod audit;
mod bad_input;
mod binding;
mod codes;
mod counter;
mod index_key;
mod licence_pages;
mod look_ups;
mod peaks;
mod privacy;
mod push;
mod registry;
mod review;
mod sanctions;
mod staff_accounts;
mod status_lists;
mod steps;
mod texts;
mod trust;
mod trust_changes;
mod verification;

/// Runs each scenario on both engines.
macro_rules! on_both_engines {
    ($($scenario:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::$scenario(testkit::app::App::sqlite().await).await;
                }
            )*
        }
        mod postgresql {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    if let Some(app) = testkit::app::App::postgresql().await {
                        super::$scenario(app).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_both_engines;
