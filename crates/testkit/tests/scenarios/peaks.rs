//! Business peaks (R87): photo changes give way, first applications and presentations go on.

use std::sync::Arc;

use authority::{AutomaticIssue, judge::Judge};
use jiff::SignedDuration;
use licence::application::Kind;
use serde_json::json;
use testkit::{
    app::App,
    client::Answer,
    faces::{Load, judge_of_turns},
    people::{BEIJING, BEIJING_OTHER, data_url, record},
};

use crate::{
    applying::{applicant, sitter},
    on_both_engines,
    steps::{apply, approve, deliver, verified},
};

on_both_engines!(
    sc_36_in_a_surge_photo_changes_come_later_and_first_applications_go_on,
    r87_a_photo_is_not_judged_for_a_change_in_a_surge,
    sc_36_a_machine_over_its_limit_holds_photo_changes_back_and_first_applications_last,
);

const SURGE: &str = "[peaks]\nphoto_change_queue = 1\nreapplication_queue = 2\nfirst_queue = 100\n";
/// A third driver of Beijing.
const THIRD: &str = "110199199001019955";

/// One case waits for the reviewers of Beijing: more than photo changes may come to.
async fn surge(app: &App) -> String {
    deliver(app, &[record(THIRD)]).await;
    apply(app, THIRD).await
}

async fn sc_36_in_a_surge_photo_changes_come_later_and_first_applications_go_on(app: App) {
    let app = app.with_settings(SURGE).await;
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let one = applicant(&app, BEIJING, Some(&sitter(0))).await;
    one.issued(&app, BEIJING).await;
    let case = surge(&app).await;

    let held = one.try_begin("photo-change", "camera").await;
    assert_eq!(held.problem(429, "business-peak"), ["review-queue-full"]);
    let seconds: u64 = held.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    // The queue of now is due by the end of the next working day, and they are spread behind it.
    let due = app.authority.store().open_cases("1101", 1).await.unwrap()[0]
        .due_at
        .unwrap();
    let wait = u64::try_from(due.duration_since(app.clock.now()).as_secs()).unwrap();
    assert!((wait..wait + 7200).contains(&seconds), "{wait} {seconds}");
    let reason = held.json()["reasons"][0].clone();
    assert_eq!(reason["rule"], "R87");
    assert!(
        reason["zh"].as_str().unwrap().contains("避开业务高峰"),
        "{reason}"
    );
    assert!(
        reason["en"]
            .as_str()
            .unwrap()
            .contains("outside business peaks")
    );

    // Presentations and first applications go on, and so does the counter.
    assert_eq!(
        verified(&app, &one.driver).await["status"]["value"],
        "valid"
    );
    let other = applicant(&app, BEIJING_OTHER, Some(&sitter(1))).await;
    other.issued(&app, BEIJING_OTHER).await;

    let metrics = app.client().get("/metrics").await.text();
    for line in [
        "jiazhao_held_back_total{kind=\"photo-change\"} 1",
        "jiazhao_held_back_total{kind=\"first\"} 0",
        "jiazhao_held_back_causes_total{cause=\"review-queue-full\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}");
    }

    approve(&app, THIRD, &case).await;
    one.try_begin("photo-change", "camera").await.expect(201);
}

/// One that was begun before the surge keeps its place: its photo is asked for again later.
async fn r87_a_photo_is_not_judged_for_a_change_in_a_surge(app: App) {
    let app = app.with_settings(SURGE).await;
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let one = applicant(&app, BEIJING, Some(&sitter(0))).await;
    one.issued(&app, BEIJING).await;
    let change = one.begin("photo-change", "camera").await;
    one.read_rules(&change).await;
    let case = surge(&app).await;
    let photo = sitter(0).studio().photo(0).unwrap();
    let held = one.try_photo(&change, &photo).await;
    assert_eq!(held.problem(429, "business-peak"), ["review-queue-full"]);
    assert_eq!(one.seen(&change).await["stage"], "draft");
    approve(&app, THIRD, &case).await;
    let after = one.try_photo(&change, &photo).await;
    assert_ne!(after.status, 429, "{}", after.text());
}

/// Held back by the machine, and to come again within so many minutes and a quarter of them.
fn held_by_the_machine(held: &Answer, minutes: u64) {
    assert_eq!(held.problem(429, "business-peak"), ["machine-busy"]);
    let seconds: u64 = held.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let least = minutes * 60;
    assert!((least..least + least / 4).contains(&seconds), "{seconds}");
    assert_eq!(held.json()["reasons"][0]["rule"], "R87");
}

/// R87, on a node that judges one photo at a time and lets sixteen more wait.
async fn sc_36_a_machine_over_its_limit_holds_photo_changes_back_and_first_applications_last(
    app: App,
) {
    let judge = judge_of_turns(1);
    let app = app
        .with_judge(judge.clone(), AutomaticIssue::Demonstration)
        .await;
    let one = applicant(&app, BEIJING, Some(&sitter(0))).await;
    one.issued(&app, BEIJING).await;
    let change = one.begin("photo-change", "camera").await;
    one.read_rules(&change).await;
    let other = applicant(&app, BEIJING_OTHER, None).await;
    let photo = sitter(0).studio().photo(0).unwrap();

    // A quarter of the room is taken: changes wait, also with a photo, which is not judged.
    let load = Load::on(&judge, 4).await;
    held_by_the_machine(&one.try_photo(&change, &photo).await, 30);
    assert_eq!(one.seen(&change).await["stage"], "draft");
    one.withdraw(&change).await.done();
    let held = one.try_begin("photo-change", "camera").await;
    held_by_the_machine(&held, 30);
    let reason = &held.json()["reasons"][0];
    assert!(
        reason["zh"].as_str().unwrap().contains("避开业务高峰"),
        "{reason}"
    );
    assert_eq!(
        verified(&app, &one.driver).await["status"]["value"],
        "valid"
    );
    let first = other.begin("first", "camera").await;
    other.withdraw(&first).await.done();
    load.off().await;

    // All of it is: first applications too, for a minute, and no photo is taken in to be judged.
    let load = Load::on(&judge, 16).await;
    held_by_the_machine(&other.try_begin("first", "camera").await, 1);
    let body = json!({"photo": data_url(&photo)});
    let full = other.driver.post("/holder/photo-assessments", &body).await;
    full.problem(429, "too-many-requests");
    assert_eq!(full.headers["retry-after"], "5");
    assert_eq!(
        verified(&app, &one.driver).await["status"]["value"],
        "valid"
    );
    load.off().await;
    strangers_leave_room(&judge).await;
    app.clock.advance(SignedDuration::from_mins(1));
    other.begin("first", "camera").await;
    one.begin("photo-change", "camera").await;

    let metrics = app.client().get("/metrics").await.text();
    for line in [
        "jiazhao_held_back_total{kind=\"photo-change\"} 2",
        "jiazhao_held_back_total{kind=\"first\"} 1",
        "jiazhao_held_back_causes_total{cause=\"machine-busy\"} 3",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}");
    }
}

/// Whoever is not signed in holds a quarter of the places at most, here four.
async fn strangers_leave_room(judge: &Arc<Judge>) {
    let load = Load::on(judge, 0).await;
    let strangers: Vec<_> = (0..6)
        .map(|_| {
            let judge = Arc::clone(judge);
            tokio::spawn(async move {
                let _stranger = judge.stranger()?;
                judge.run_for(Kind::PhotoChange, |_faces| ()).await
            })
        })
        .collect();
    let refused = || strangers.iter().filter(|it| it.is_finished()).count();
    while refused() < 2 || judge.waiting().0 < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!((refused(), judge.waiting().0), (2, 4));
    load.off().await;
    let mut refused = 0;
    for stranger in strangers {
        refused += usize::from(stranger.await.unwrap().is_err());
    }
    assert_eq!(refused, 2);
}
