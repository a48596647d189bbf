//! What cannot be learnt by asking: answers are equal byte by byte, and so is the work behind them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};
use storage::Work;
use testkit::{
    app::{App, PASSWORD},
    client::Answer,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, WUHAN, record, with},
};

use super::{OTHER_PHONE, PHONE, ask_for_code, by_phone, issue_reachable, login, reachable};
use crate::{
    on_both_engines,
    steps::{activate, activation, activation_code, deliver},
};

on_both_engines!(
    sign_in_tells_nothing_by_answer_or_work,
    a_code_by_phone_tells_nothing_by_answer_or_work,
    activation_tells_nothing_by_answer_or_work,
    many_numbers_from_one_source_are_slowed_and_nobody_is_locked_out,
);

pub(crate) const UNKNOWN: &str = "310199199001019928";
const FROZEN: &str = CHENGDU;
const HELD: &str = BEIJING_OTHER;

/// Everything that an answer shows: status, headers but for the request's identifier, body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// What was done for an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) reads: u64,
    pub(crate) statements: u64,
    pub(crate) commits: u64,
    pub(crate) passwords: u64,
}

pub(crate) fn shown(answer: &Answer) -> Shown {
    let headers = answer.headers.iter();
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    for random in ["challenge", "id", "nonce"] {
        if let Some(random) = body.get_mut(random) {
            // Its form is the same.
            let length = random.as_str().unwrap().len();
            *random = json!(length);
        }
    }
    if let Some(steps) = body.get_mut("steps") {
        // Drawn.
        *steps = json!(steps.is_array());
    }
    Shown {
        status: answer.status,
        headers: headers
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body,
    }
}

/// Asks, and answers what was shown and what was done for it.
async fn asked(app: &App, ask: impl Future<Output = Answer>) -> (Shown, Done) {
    let (answer, done) = worked(app, ask).await;
    (shown(&answer), done)
}

/// Asks, and answers what came and what was done for it.
pub(crate) async fn worked(app: &App, ask: impl Future<Output = Answer>) -> (Answer, Done) {
    let work = || {
        (
            app.authority.store().work(),
            app.authority.passwords_hashed(),
        )
    };
    let (before, passwords_before): (Work, u64) = work();
    let answer = ask.await;
    let (after, passwords) = work();
    let done = Done {
        reads: after.reads - before.reads,
        statements: after.statements - before.statements,
        commits: after.commits - before.commits,
        passwords: passwords - passwords_before,
    };
    (answer, done)
}

/// Nobody; known to the registry; with an account; frozen; with a phone that changed; without one.
pub(super) async fn people(app: &App) -> [&'static str; 6] {
    issue_reachable(app, BEIJING, PHONE).await;
    activate(app, BEIJING).await;
    let frozen = reachable(FROZEN, OTHER_PHONE);
    deliver(app, &[frozen, reachable(HELD, PHONE), record(WUHAN)]).await;
    let of_frozen = activate(app, FROZEN).await;
    of_frozen
        .post("/holder/account-freeze", &json!({}))
        .await
        .done();
    let moved = with(reachable(HELD, OTHER_PHONE), json!({"version": 2}));
    deliver(app, &[moved]).await;
    [UNKNOWN, WUHAN, BEIJING, FROZEN, HELD, "no number at all"]
}

async fn sign_in_tells_nothing_by_answer_or_work(app: App) {
    let mut seen = Vec::new();
    for number in people(&app).await {
        for password in ["a wrong password", PASSWORD] {
            let client = app.client();
            let request = login(number, password);
            seen.push(asked(&app, client.post("/sessions", &request)).await);
        }
    }
    assert_eq!(seen[0].0.status, 401);
    assert_eq!(
        seen[0].1,
        Done {
            reads: 3,
            statements: 4,
            commits: 1,
            passwords: 1
        }
    );
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
}

async fn a_code_by_phone_tells_nothing_by_answer_or_work(app: App) {
    let mut seen = Vec::new();
    for number in people(&app).await {
        let client = app.client();
        seen.push(asked(&app, ask_for_code(&client, number)).await);
    }
    // Beyond the driver's allowance too.
    for _ in 0..7 {
        let client = app.client();
        seen.push(asked(&app, ask_for_code(&client, BEIJING)).await);
    }
    assert_eq!(seen[0].0.status, 202);
    assert_eq!(
        seen[0].1,
        Done {
            reads: 3,
            statements: 5,
            commits: 1,
            passwords: 0
        }
    );
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
}

async fn activation_tells_nothing_by_answer_or_work(app: App) {
    let people = people(&app).await;
    activation_code(&app, BEIJING).await;
    let mut challenges = Vec::new();
    for number in people {
        let answer = ask_for_code(&app.client(), number).await.expect(202);
        challenges.push(answer["challenge"].as_str().unwrap().to_owned());
    }
    app.authority.tend_accounts(&mut app.act()).await.unwrap();
    let mut seen = Vec::new();
    for (number, challenge) in people.into_iter().zip(&challenges) {
        for password in ["quite another password", PASSWORD] {
            let mut printed = activation(number, "22222-22222");
            printed["password"] = json!(password);
            let by_phone = by_phone(number, (challenge, "00000000"), password);
            // Until the tries are up, and beyond.
            for request in [&printed, &by_phone, &by_phone, &by_phone] {
                let client = app.client();
                seen.push(asked(&app, client.post("/activations", request)).await);
            }
        }
    }
    assert_eq!(seen[0].0.status, 403);
    assert_eq!(
        seen[0].1,
        Done {
            reads: 4,
            statements: 4,
            commits: 1,
            passwords: 2
        }
    );
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
}

/// Credential stuffing: a list of stolen passwords from one source.
async fn many_numbers_from_one_source_are_slowed_and_nobody_is_locked_out(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let driver = activate(&app, BEIJING).await;
    let attacker = app.client();
    let mut slowed = 0;
    for attempt in 0..30 {
        let number = [UNKNOWN, BEIJING, WUHAN][attempt % 3];
        let answer = attacker.post("/sessions", &login(number, PASSWORD)).await;
        match answer.status {
            429 => slowed += 1,
            _ => drop(answer.problem(401, "wrong-login")),
        }
        app.clock.advance(SignedDuration::from_secs(1));
    }
    // Ten at once and one in six seconds.
    assert!((14..=16).contains(&slowed), "{slowed}");
    let elsewhere = driver.on_same_device();
    elsewhere
        .post("/sessions", &login(BEIJING, PASSWORD))
        .await
        .done();
}
