//! How long answers take, whoever a number stands for. Outside CI, on a machine that does nothing else:
//! `cargo test -p testkit --test scenarios answer_times -- --ignored --nocapture --test-threads=1`.

use std::io::Write as _;
use std::time::Instant;

use rand::seq::SliceRandom as _;
use testkit::{app::App, client::Answer, random::seeded};

use super::{ask_for_code, equal::people, login};
use crate::steps::activation;

/// Answers of each kind for each person.
const ROUNDS: usize = 300;
/// Those that something else delayed are left out: one in so many.
const LEFT_OUT: usize = 10;
/// How far apart medians may lie, in shares of nobody's: with a record opened for somebody only they
/// were 0.15 apart.
const APART: f64 = 0.1;

#[derive(Clone, Copy, Debug)]
enum Asked {
    SignIn,
    PhoneCode,
    Activation,
}

impl Asked {
    async fn of(self, app: &App, number: &str) -> Answer {
        let client = app.client();
        match self {
            Self::SignIn => {
                client
                    .post("/sessions", &login(number, "a wrong password"))
                    .await
            }
            Self::PhoneCode => ask_for_code(&client, number).await,
            Self::Activation => {
                let wrong = activation(number, "22222-22222");
                client.post("/activations", &wrong).await
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and a machine that does nothing else"]
async fn answer_times_on_sqlite() {
    measured("SQLite", App::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and a machine that does nothing else"]
async fn answer_times_on_postgresql() {
    if let Some(app) = App::postgresql().await {
        measured("PostgreSQL", app).await;
    }
}

/// Everybody is asked about in turn, in an order that is drawn anew for each round, and compared with
/// nobody, who comes first.
async fn measured(engine: &str, app: App) {
    let people = people(&app).await;
    let mut rng = seeded(1);
    for asked in [Asked::SignIn, Asked::PhoneCode, Asked::Activation] {
        let mut times = people.map(|_| Vec::with_capacity(ROUNDS));
        // The first rounds warm up caches and plans.
        for round in 0..ROUNDS + 20 {
            let mut order: Vec<usize> = (0..people.len()).collect();
            order.shuffle(&mut rng);
            for who in order {
                let began = Instant::now();
                asked.of(&app, people[who]).await;
                if round >= 20 {
                    times[who].push(began.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
        let times = times.map(cropped);
        let [nobody, others @ ..] = &times;
        for (other, name) in others.iter().zip(NAMES) {
            let (t, both) = (welch(nobody, other), (median(nobody), median(other)));
            let told = writeln!(
                std::io::stderr().lock(),
                "{engine} {asked:?}: nobody {:.0} us, {name} {:.0} us, t {t:.1}",
                both.0,
                both.1
            );
            drop(told);
            assert!(
                (both.0 / both.1 - 1.0).abs() < APART,
                "{engine} {asked:?} {name}"
            );
        }
    }
}

/// As `people` has them, after nobody.
const NAMES: [&str; 5] = [
    "known to the registry",
    "with an account",
    "frozen",
    "with another phone",
    "no number",
];

/// Sorted, without the longest.
fn cropped(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() - times.len() / LEFT_OUT);
    times
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Welch's t of both means.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let (mean_one, spread_one) = spread(one);
    let (mean_other, spread_other) = spread(other);
    (mean_one - mean_other) / (spread_one + spread_other).sqrt()
}

/// Mean, and variance of that mean.
fn spread(times: &[f64]) -> (f64, f64) {
    let count = f64::from(u32::try_from(times.len()).unwrap());
    let mean = times.iter().sum::<f64>() / count;
    let squares = times.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
    (mean, squares / (count - 1.0) / count)
}
