//! Registry records: idempotent by version, gaps reported, scopes kept.

use authority::{Actor, ChangedRecord, Delivery, Follows};
use serde_json::{Value, json};
use testkit::{
    app::App,
    people::{BEIJING, BEIJING_OTHER, CHENGDU, data_url, photo, record, with},
};

use crate::{
    on_both_engines,
    steps::{activate, codes, deliver, driver_with_licence, issue, try_deliver},
};

on_both_engines!(
    r88_a_dry_run_names_what_would_be_superseded,
    versions_decide_and_repeating_changes_nothing,
    a_source_writes_only_its_own_authorities,
    a_licence_number_belongs_to_one_subject,
    numbers_change_and_the_holder_stays,
    contradictions_and_unknown_letters_are_imported_and_block,
    a_record_without_a_photo_keeps_the_photo_on_file,
    malformed_records_are_named_and_the_good_are_in,
    concurrent_deliveries_of_one_driver_end_at_the_highest_version,
    an_issue_never_rests_on_a_record_that_changed,
);

async fn versions_decide_and_repeating_changes_nothing(app: App) {
    let first = record(BEIJING);
    assert_eq!(
        deliver(&app, std::slice::from_ref(&first)).await["imported"],
        1
    );
    assert_eq!(
        deliver(&app, std::slice::from_ref(&first)).await["unchanged"],
        1
    );
    // The same version with other content is refused.
    let other = with(first.clone(), json!({"points": 9}));
    let answer = try_deliver(&app, &[other]).await.done();
    assert_eq!(answer["rejected"], 1);
    assert_eq!(
        codes(&answer["rejects"][0]["reasons"]),
        ["same-version-other-content"]
    );
    // A gap is applied and reported.
    let gap = with(first.clone(), json!({"version": 4, "points": 6}));
    let answer = deliver(&app, &[gap]).await;
    assert_eq!(
        answer["gaps"],
        json!([{"line": 1, "known": 1, "applied": 4}])
    );
    // What comes late does nothing.
    let late = with(first, json!({"version": 2, "points": 0}));
    assert_eq!(deliver(&app, &[late]).await["unchanged"], 1);
    let driver = activate(&app, BEIJING).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["record"]["points"], 6);
    // Several versions in one delivery are applied in its order.
    let in_order = [
        with(record(CHENGDU), json!({"version": 1})),
        with(record(CHENGDU), json!({"version": 2, "points": 1})),
        with(record(CHENGDU), json!({"version": 3, "points": 2})),
    ];
    assert_eq!(deliver(&app, &in_order).await["imported"], 3);
}

async fn a_source_writes_only_its_own_authorities(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let chengdu = app.registry(&["5101"]).await;
    let path = "/registry/changes";
    let mixed = json!([record(CHENGDU), record(BEIJING_OTHER)]);
    let answer = chengdu.post(path, &mixed).await.done();
    assert_eq!(
        (&answer["imported"], &answer["rejected"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(answer["rejects"][0]["line"], 2);
    assert_eq!(
        codes(&answer["rejects"][0]["reasons"]),
        ["authority-out-of-scope"]
    );
    // Nor can it take another authority's driver over by naming its own authority.
    let stolen = with(
        record(BEIJING),
        json!({"version": 2, "issuing_authority": {"code": "5101", "name": "样例（演示）"}}),
    );
    let answer = chengdu.post(path, &json!([stolen])).await.done();
    assert_eq!(
        codes(&answer["rejects"][0]["reasons"]),
        ["authority-out-of-scope"]
    );
    // Nobody without a token, and no member of staff.
    let nobody = app.client().with_token("AAAA");
    nobody
        .post(path, &mixed)
        .await
        .problem(401, "unknown-source");
    app.staff("admin")
        .await
        .post(path, &mixed)
        .await
        .problem(401, "unknown-source");
}

async fn a_licence_number_belongs_to_one_subject(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let thief = with(record(BEIJING), json!({"subject": "another", "version": 7}));
    let answer = try_deliver(&app, &[thief]).await.done();
    assert_eq!(
        codes(&answer["rejects"][0]["reasons"]),
        ["licence-number-taken"]
    );
    // Two subjects with one number in one delivery: the first has it.
    let twice = [
        with(record(CHENGDU), json!({"subject": "one"})),
        with(record(CHENGDU), json!({"subject": "two"})),
    ];
    let answer = try_deliver(&app, &twice).await.done();
    assert_eq!(
        (&answer["imported"], &answer["rejected"]),
        (&json!(1), &json!(1))
    );
}

/// Licence numbers are aliases of a holder.
async fn numbers_change_and_the_holder_stays(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let renamed = with(
        record(BEIJING),
        json!({
            "licence_number": BEIJING_OTHER, "previous_licence_numbers": [BEIJING], "version": 2,
        }),
    );
    deliver(&app, &[renamed]).await;
    let pages = driver.get("/holder/e-licence").await.done();
    assert_eq!(pages["main_page"]["licence_number"], BEIJING_OTHER);
    for login in [BEIJING, BEIJING_OTHER] {
        let request = json!({"kind": "holder", "login": login, "password": testkit::app::PASSWORD});
        let again = driver.on_same_device();
        again.post("/sessions", &request).await.done();
    }
}

async fn contradictions_and_unknown_letters_are_imported_and_block(app: App) {
    let odd = with(
        record(BEIJING),
        json!({"birth_date": "1991-01-01", "sex": "female", "status": ["A", "Q"], "classes": ["C1", "X9"]}),
    );
    let answer = deliver(&app, &[odd]).await;
    assert_eq!(answer["imported"], 1);
    let mut notes: Vec<&str> = codes(&answer["notes"]);
    notes.sort_unstable();
    for code in ["birth-date-contradiction", "sex-contradiction"] {
        assert!(notes.contains(&code), "{notes:?}");
    }
    assert!(
        notes.iter().any(|code| code.contains("unknown")),
        "{notes:?}"
    );
    let driver = activate(&app, BEIJING).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["record"]["classes"], json!(["C1", "X9"]));
    assert_eq!(licence["status"]["shown"], "red");
    let eligibility = driver.get("/holder/eligibility").await.done();
    assert_eq!(eligibility["eligible"], false);
    assert!(codes(&eligibility["reasons"]).contains(&"contradiction"));
}

async fn a_record_without_a_photo_keeps_the_photo_on_file(app: App) {
    let with_photo = with(record(BEIJING), json!({"photo": data_url(&photo(90))}));
    deliver(&app, std::slice::from_ref(&with_photo)).await;
    assert_eq!(
        deliver(&app, std::slice::from_ref(&with_photo)).await["unchanged"],
        1
    );
    // The same version with another photo is other content.
    let swapped = with(with_photo, json!({"photo": data_url(&photo(91))}));
    let answer = try_deliver(&app, &[swapped]).await.done();
    assert_eq!(answer["rejected"], 1);
    deliver(
        &app,
        &[with(record(BEIJING), json!({"version": 2, "points": 4}))],
    )
    .await;
    let driver = activate(&app, BEIJING).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["has_photo_on_file"], true);
}

async fn malformed_records_are_named_and_the_good_are_in(app: App) {
    let registry = app.registry(&["*"]).await;
    let mut bad = record(CHENGDU);
    bad["licence_number"] = json!("510199199001019918");
    bad["valid_from"] = json!("2021-02-30");
    bad["version"] = json!(0);
    let bomb = with(
        record(BEIJING_OTHER),
        json!({"photo": "data:image/png;base64,AAAA"}),
    );
    let lines = [
        record(BEIJING).to_string(),
        "{not json".to_owned(),
        bad.to_string(),
        bomb.to_string(),
        with(record(BEIJING_OTHER), json!({"photo": "/etc/passwd"})).to_string(),
    ];
    let answer = registry
        .post_bytes(
            "/registry/changes",
            "application/x-ndjson",
            lines.join("\n"),
        )
        .await
        .done();
    assert_eq!(
        (&answer["imported"], &answer["rejected"]),
        (&json!(1), &json!(4))
    );
    let rejects = answer["rejects"].as_array().unwrap();
    let lines: Vec<&Value> = rejects.iter().map(|reject| &reject["line"]).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    // Every reason of the line, each with its field, and nothing of its content.
    let fields: Vec<&str> = rejects[1]["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["field"].as_str().unwrap())
        .collect();
    for field in ["licence_number", "valid_from", "version"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert!(!answer.to_string().contains("510199199001019918"));
    assert_eq!(codes(&rejects[3]["reasons"]), ["photo-path"]);
}

async fn concurrent_deliveries_of_one_driver_end_at_the_highest_version(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let registry = std::sync::Arc::new(app.registry(&["*"]).await);
    let deliveries: Vec<_> = (2..10)
        .map(|version| {
            let registry = registry.clone();
            let change = with(
                record(BEIJING),
                json!({"version": version, "points": version}),
            );
            tokio::spawn(async move {
                registry
                    .post("/registry/changes", &json!([change]))
                    .await
                    .done()
            })
        })
        .collect();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let driver = activate(&app, BEIJING).await;
    let licence = driver.get("/holder/licence").await.done();
    assert_eq!(licence["record"]["points"], 9);
}

/// A suspension against an approval, over and over: whoever comes first, no black licence is left
/// behind on a record that says red.
async fn an_issue_never_rests_on_a_record_that_changed(app: App) {
    let reviewer = std::sync::Arc::new(app.staff("reviewer-1101").await);
    let registry = std::sync::Arc::new(app.registry(&["*"]).await);
    for round in 0..4 {
        let number = [
            BEIJING,
            BEIJING_OTHER,
            "110199199001019955",
            "110199199001019971",
        ][round];
        deliver(&app, &[record(number)]).await;
        let application = crate::steps::apply(&app, number).await;
        let path = format!("/review/applications/{application}");
        reviewer
            .post(&format!("{path}/claim"), &json!({}))
            .await
            .done();
        let approval = {
            let (reviewer, path) = (reviewer.clone(), format!("{path}/decision"));
            tokio::spawn(async move {
                let approve = json!({"decision": "approve"});
                reviewer.post(&path, &approve).await.status
            })
        };
        let suspension = {
            let registry = registry.clone();
            let change = with(record(number), json!({"status": ["D"], "version": 2}));
            tokio::spawn(async move {
                registry
                    .post("/registry/changes", &json!([change]))
                    .await
                    .done()
            })
        };
        let status = approval.await.unwrap();
        suspension.await.unwrap();
        let driver = activate(&app, number).await;
        let pages = driver.get("/holder/e-licence").await;
        if status == 200 {
            assert_eq!(pages.done()["status"]["shown"], "red");
        } else {
            assert_eq!(status, 409);
            assert_eq!(pages.status, 404, "{}", pages.text());
        }
    }
}

async fn r88_a_dry_run_names_what_would_be_superseded(app: App) {
    issue(&app, BEIJING).await;
    let changed = with(
        record(BEIJING),
        json!({"version": 2, "document_edition": 2, "classes": ["B2"]}),
    );
    let delivery = || Delivery::from_line(7, changed.to_string().as_bytes());
    let before = app.authority.store().audit_heads().await.unwrap();
    let found = app.authority.compare(&app.act(), vec![delivery()]).await;
    let found = found.unwrap();
    assert_eq!((found.new, found.view.imported), (0, 1));
    let [
        ChangedRecord {
            line: 7,
            fields,
            follows,
        },
    ] = found.changed.as_slice()
    else {
        panic!("one record changes: {:?}", found.changed);
    };
    assert_eq!(*fields, ["classes", "document_edition"]);
    let [Follows::ELicenceSuperseded { reasons }] = follows.as_slice() else {
        panic!("the e-licence would be superseded: {follows:?}");
    };
    assert!(!reasons.is_empty());
    assert_eq!(app.authority.store().audit_heads().await.unwrap(), before);
    // Only the operator's command line may ask.
    let mut act = app.act();
    act.actor = Actor::Anonymous;
    let refused = app.authority.compare(&act, vec![delivery()]).await;
    assert_eq!(refused.unwrap_err().code(), "not-your-role");
}
