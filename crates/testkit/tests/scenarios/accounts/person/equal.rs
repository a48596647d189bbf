//! What a person check for an activation tells, and what nobody learns by it: answers are equal byte by
//! byte, and so is the work behind them.

use authority::AutomaticIssue;
use jiazhao::demo::stills;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, WUHAN, data_url, photo, record, with},
};

use super::{BOTH, NAME, PATH, activation, begin, device, pictured, with_service};
use crate::{
    accounts::{
        OTHER_PHONE, PHONE,
        equal::{Done, Shown, UNKNOWN, shown, worked},
    },
    applying::{frames_of, on_file, sitter},
    on_both_engines,
    steps::{activate, codes, deliver},
};

on_both_engines!(
    a_person_check_tells_nothing_by_answer_or_work,
    frames_tell_nothing_of_the_person_by_answer_or_work,
    what_is_wrong_with_frames_is_told_to_anybody,
);

/// What is wrong, for which number and name, and what the service saw.
async fn causes(app: &App) -> Vec<(&'static str, &'static str, &'static str)> {
    let other_photo = json!({"version": 2, "photo": data_url(&photo(90))});
    deliver(
        app,
        &[
            pictured(BEIJING, PHONE),
            pictured(CHENGDU, OTHER_PHONE),
            pictured(BEIJING_OTHER, "19900000003"),
            record(WUHAN),
        ],
    )
    .await;
    let replaced = with(pictured(BEIJING_OTHER, "19900000003"), other_photo);
    deliver(app, &[replaced]).await;
    let frozen = activate(app, CHENGDU).await;
    let freeze = frozen.post("/holder/account-freeze", &json!({})).await;
    freeze.done();
    vec![
        // Nobody; no number; a driver of another name; frozen; without a photo; with a photo that
        // replaced another a short time ago.
        (UNKNOWN, NAME, "seen"),
        ("no number at all", NAME, "seen"),
        (BEIJING, "测试乙", "seen"),
        (CHENGDU, NAME, "seen"),
        (WUHAN, NAME, "seen"),
        (BEIJING_OTHER, NAME, "seen"),
        // The service says that it is another, or cannot say.
        (BEIJING, NAME, "another"),
        (BEIJING, NAME, "dim"),
        // The allowance is used up by then.
        (BEIJING, NAME, "another"),
        (BEIJING, NAME, "another"),
        (BEIJING, NAME, "another"),
        (BEIJING, NAME, "seen"),
    ]
}

async fn a_person_check_tells_nothing_by_answer_or_work(app: App) {
    let (app, service) = with_service(app).await;
    let causes = causes(&app).await;
    let device = device(5);
    let mut opened: Vec<(Shown, Done)> = Vec::new();
    let mut refused: Vec<(Shown, Done)> = Vec::new();
    for (asked, (number, name, token)) in causes.iter().enumerate() {
        let client = app.client();
        let request = begin(number, name, &device, "identity-service");
        let (answer, done) = worked(&app, client.post(PATH, &request)).await;
        let challenge = answer.expect(201);
        opened.push((shown(&answer), done));
        let answer = device.answer_by_token(&challenge, token);
        let request = activation(number, name, answer);
        let (answer, done) = worked(&app, client.post("/activations", &request)).await;
        refused.push((shown(&answer), done));
        assert_eq!(service.asked(), u64::try_from(asked).unwrap() + 1);
    }
    assert_eq!((opened[0].0.status, refused[0].0.status), (201, 403));
    let work = Done {
        reads: 4,
        statements: 5,
        commits: 1,
        passwords: 0,
    };
    assert_eq!(opened[0].1, work);
    let work = Done {
        reads: 8,
        statements: 8,
        commits: 2,
        passwords: 2,
    };
    assert_eq!(refused[0].1, work);
    for (one, other) in opened.iter().zip(&refused) {
        assert_eq!(*one, opened[0]);
        assert_eq!(*other, refused[0]);
    }
}

/// Another person, nobody, and a photo that shows nobody: one refusal, after as much looking.
async fn frames_tell_nothing_of_the_person_by_answer_or_work(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let app = app.with_activation_checks(BOTH).await;
    let faceless = json!({"photo": data_url(&stills::nobody().unwrap())});
    let records = [
        with(record(BEIJING), on_file(&sitter(0))),
        with(record(CHENGDU), faceless),
    ];
    deliver(&app, &records).await;
    let (who, device) = (sitter(1), device(5));
    let mut seen: Vec<(Shown, Done)> = Vec::new();
    for number in [BEIJING, UNKNOWN, CHENGDU] {
        let client = app.client();
        let request = begin(number, NAME, &device, "frames");
        let challenge = client.post(PATH, &request).await.expect(201);
        app.clock.advance(SignedDuration::from_secs(12));
        let frames = frames_of(&who, &challenge, 0);
        let request = activation(number, NAME, device.answer(&challenge, &frames));
        let (answer, done) = worked(&app, client.post("/activations", &request)).await;
        answer.problem(403, "activation-refused");
        seen.push((shown(&answer), done));
        // It is over, for whomever it was.
        let again = client.post("/activations", &request).await;
        again.problem(409, "person-check-over");
    }
    assert_eq!(seen[1], seen[0]);
    assert_eq!(seen[2], seen[0]);
}

async fn what_is_wrong_with_frames_is_told_to_anybody(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let app = app.with_activation_checks(BOTH).await;
    let who = sitter(0);
    deliver(&app, &[with(record(BEIJING), on_file(&who))]).await;
    let device = device(5);
    for number in [BEIJING, UNKNOWN] {
        let client = app.client();
        let begin = begin(number, NAME, &device, "frames");
        let challenge = client.post(PATH, &begin).await.expect(201);
        let mut frames = frames_of(&who, &challenge, 0);
        let many: Vec<_> = frames.iter().cycle().take(25).cloned().collect();
        let request = activation(number, NAME, device.answer(&challenge, &many));
        let refused = client.post("/activations", &request).await;
        // What does not even have the form takes no try.
        refused.problem(422, "frames-refused");
        frames.swap(1, 3);
        let request = activation(number, NAME, device.answer(&challenge, &frames));
        app.clock.advance(SignedDuration::from_secs(12));
        let refused = client.post("/activations", &request).await;
        let reasons = refused.problem(403, "person-check-not-passed");
        assert_eq!(reasons, ["frames-out-of-order"]);
        assert_eq!(codes(&refused.json()["reasons"]), reasons);
        let refused = client.post("/activations", &request).await;
        refused.problem(409, "person-check-over");
        // Frames that claim to be later than now.
        let challenge = client.post(PATH, &begin).await.expect(201);
        for frame in &mut frames {
            frame.at_ms += 60_000;
        }
        let request = activation(number, NAME, device.answer(&challenge, &frames));
        let refused = client.post("/activations", &request).await;
        let reasons = refused.problem(403, "person-check-not-passed");
        assert_eq!(reasons, ["time-mismatch"]);
    }
}
