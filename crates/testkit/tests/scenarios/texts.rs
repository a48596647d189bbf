//! Texts to phones: from the act to the carrier, and what everybody sees of it.

use authority::{
    HolderId, Outgoing,
    notify::{NotSent, Sent, TextKind},
};
use jiff::SignedDuration;
use licence::LicenceNumber;
use serde_json::{Value, json};
use storage::{AliasKind, Notification, NotificationId, Tx, audit::Entry};
use testkit::{app::App, client::Client, people::BEIJING, texts::Carried};
use zeroize::Zeroizing;

use crate::{
    on_both_engines,
    steps::{activate, deliver},
};

on_both_engines!(
    a_text_leaves_once_its_act_has_committed,
    r77_a_holder_sees_how_a_message_was_delivered,
    two_nodes_do_not_send_a_text_twice,
    a_text_is_tried_again_at_growing_intervals_and_given_up,
    a_code_that_expired_is_not_sent,
    a_carrier_that_refuses_is_not_asked_again,
    reports_need_the_gateways_token,
    an_administrator_sees_counts_and_no_phones,
    without_a_carrier_nothing_is_queued,
    audit_and_metrics_hold_neither_phone_nor_code,
);

const PHONE: &str = "13900000042";
const CODE: &str = "424242";

/// The holder with the sample number, who is registered but need not be active.
async fn holder(app: &App) -> HolderId {
    let store = app.authority.store();
    let number = LicenceNumber::parse(BEIJING).unwrap();
    let alias = store.alias(AliasKind::LicenceNumber, number.as_str());
    let found = store
        .holders_of(AliasKind::LicenceNumber, std::slice::from_ref(&alias))
        .await
        .unwrap();
    found.into_values().next().unwrap()
}

fn outgoing(app: &App, kind: TextKind, lasts: i64) -> Outgoing {
    Outgoing {
        kind,
        to: Zeroizing::new(PHONE.to_owned()),
        value: Some(Zeroizing::new(CODE.to_owned())),
        notification: None,
        expires_at: app.clock.now() + SignedDuration::from_secs(lasts),
    }
}

async fn commit(app: &App, tx: Tx) {
    let entry = Entry::new(app.clock.now(), "test.told", "system:test", "test");
    tx.commit(entry, Vec::new()).await.unwrap();
}

/// Queues a code that lasts so many seconds; answers the text's identifier.
async fn queue(app: &App, holder: &HolderId, lasts: i64) -> String {
    let mut tx = app
        .authority
        .store()
        .begin_in(holder.partition())
        .await
        .unwrap();
    let text = outgoing(app, TextKind::PhoneCode, lasts);
    let queued = app
        .authority
        .queue_text(&mut app.act(), &mut tx, holder, text)
        .await
        .unwrap();
    commit(app, tx).await;
    queued.unwrap().to_string()
}

/// A warning in the inbox and, where a carrier is there, by text; answers the text's identifier.
async fn warn(app: &App, holder: &HolderId) -> Option<String> {
    let mut act = app.act();
    let message = Notification {
        id: NotificationId::generate(holder.partition(), &mut act.rng),
        holder: holder.clone(),
        kind: "device-added".to_owned(),
        params: r#"{"v":1,"about":null}"#.to_owned(),
        created_at: app.clock.now(),
        read_at: None,
    };
    let store = app.authority.store();
    let mut tx = store.begin_in(holder.partition()).await.unwrap();
    tx.insert_notification(&message).await.unwrap();
    let text = Outgoing {
        notification: Some(message.id),
        ..outgoing(app, TextKind::DeviceAdded, 86_400)
    };
    let queued = app
        .authority
        .queue_text(&mut act, &mut tx, holder, text)
        .await
        .unwrap();
    commit(app, tx).await;
    queued.map(|id| id.to_string())
}

async fn state(app: &App, id: &str) -> (&'static str, u64, Option<String>) {
    let id = authority::TextId::parse(id).unwrap();
    let row = app.authority.store().text(&id).await.unwrap().unwrap();
    (row.state.as_str(), row.attempts, row.last_error)
}

fn advance(app: &App, seconds: i64) {
    app.clock.advance(SignedDuration::from_secs(seconds));
}

async fn registered(app: &App) -> HolderId {
    deliver(app, &[testkit::people::record(BEIJING)]).await;
    holder(app).await
}

async fn a_text_leaves_once_its_act_has_committed(app: App) {
    let holder = registered(&app).await;
    let store = app.authority.store();
    let mut tx = store.begin_in(holder.partition()).await.unwrap();
    let text = outgoing(&app, TextKind::PhoneCode, 300);
    let mut act = app.act();
    let queued = app.authority.queue_text(&mut act, &mut tx, &holder, text);
    assert!(queued.await.unwrap().is_some());
    drop(tx);
    assert_eq!(app.deliver_texts().await, 0);
    assert!(app.texts.carried().is_empty());

    let id = queue(&app, &holder, 300).await;
    assert_eq!(app.deliver_texts().await, 1);
    let carried = app.texts.carried();
    let [
        Carried {
            id: carried,
            kind,
            to,
            zh,
            en,
        },
    ] = carried.as_slice()
    else {
        panic!("one text was queued, and {} left", carried.len());
    };
    assert_eq!(
        (carried, kind.as_str(), to.as_str()),
        (&id, "phone-code", PHONE)
    );
    assert!(zh.contains(CODE) && en.contains(CODE));
    // Neither name nor number nor address goes with it.
    for personal in [BEIJING, "测试", "样例市"] {
        assert!(
            !zh.contains(personal) && !en.contains(personal),
            "{personal}"
        );
    }
    assert_eq!(state(&app, &id).await, ("sent", 1, None));
    assert_eq!(app.deliver_texts().await, 0);

    // What does not fit its words is a mistake of the caller's, and queues nothing.
    let mut tx = store.begin_in(holder.partition()).await.unwrap();
    let wrong = outgoing(&app, TextKind::AccountFrozen, 300);
    let refused = app.authority.queue_text(&mut act, &mut tx, &holder, wrong);
    assert!(refused.await.is_err());
}

async fn r77_a_holder_sees_how_a_message_was_delivered(app: App) {
    let holder = registered(&app).await;
    let driver = activate(&app, BEIJING).await;
    let id = warn(&app, &holder).await.unwrap();
    let deliveries = async |driver: &Client| {
        let inbox = driver.get("/holder/notifications").await.done();
        let inbox = inbox.as_array().unwrap().clone();
        let one = inbox.iter().find(|one| one["kind"] == "device-added");
        one.unwrap()["deliveries"].clone()
    };
    let seen = deliveries(&driver).await;
    assert_eq!(seen[0]["channel"], "inbox");
    assert_eq!(seen[0]["state"], "delivered");
    let of_text = |seen: &Value| {
        let one = &seen[1];
        assert_eq!(
            (&one["channel"], &one["to_ends"]),
            (&json!("text"), &json!("42"))
        );
        let state = one["state"].as_str().unwrap().to_owned();
        (state, one["attempts"].as_u64().unwrap())
    };
    assert_eq!(of_text(&seen), ("queued".to_owned(), 0));
    app.texts.answers(Err(NotSent::Later("unreachable")));
    app.deliver_texts().await;
    assert_eq!(
        of_text(&deliveries(&driver).await),
        ("queued".to_owned(), 1)
    );
    advance(&app, 5);
    app.deliver_texts().await;
    assert_eq!(of_text(&deliveries(&driver).await), ("sent".to_owned(), 2));
    let gateway = app.gateway();
    let report = json!({"reports": [{"id": id, "state": "delivered"}]});
    let answer = gateway.post("/notifier/reports", &report).await.done();
    assert_eq!(answer, json!({"recorded": 1, "ignored": 0}));
    let seen = deliveries(&driver).await;
    assert_eq!(of_text(&seen), ("delivered".to_owned(), 2));
    assert!(!seen.to_string().contains(PHONE));
}

async fn two_nodes_do_not_send_a_text_twice(app: App) {
    let holder = registered(&app).await;
    let (second, _) = app.second_node().await;
    for _ in 0..20 {
        queue(&app, &holder, 300).await;
    }
    let (one, two) = (app.act(), app.act());
    let (one, two) = tokio::join!(
        app.authority.deliver_texts(&one),
        second.deliver_texts(&two)
    );
    assert_eq!(one.unwrap() + two.unwrap(), 20);
    let mut ids: Vec<String> = app
        .texts
        .carried()
        .into_iter()
        .map(|text| text.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), app.texts.carried().len()), (20, 20));
}

async fn a_text_is_tried_again_at_growing_intervals_and_given_up(app: App) {
    let holder = registered(&app).await;
    let id = queue(&app, &holder, 86_400).await;
    let waits = [5, 30, 120, 600, 3_600];
    for (attempt, wait) in (1..).zip(waits) {
        app.texts.answers(Err(NotSent::Later("unreachable")));
        assert_eq!(app.deliver_texts().await, 0);
        let error = Some("unreachable".to_owned());
        assert_eq!(state(&app, &id).await, ("queued", attempt, error));
        advance(&app, wait - 1);
        app.deliver_texts().await;
        assert_eq!(app.texts.carried().len(), usize::try_from(attempt).unwrap());
        advance(&app, 1);
    }
    app.texts.answers(Err(NotSent::Later("gateway-error")));
    app.deliver_texts().await;
    let error = Some("gateway-error".to_owned());
    assert_eq!(state(&app, &id).await, ("given-up", 6, error));
    advance(&app, 3_600);
    app.deliver_texts().await;
    // Every time under the same identifier, by which the carrier knows a repetition.
    let carried = app.texts.carried();
    assert_eq!(carried.len(), 6);
    assert!(carried.iter().all(|text| text.id == id));
}

async fn a_code_that_expired_is_not_sent(app: App) {
    let holder = registered(&app).await;
    let late = queue(&app, &holder, 300).await;
    advance(&app, 300);
    assert_eq!(app.deliver_texts().await, 0);
    assert!(app.texts.carried().is_empty());
    let expired = || ("given-up", 1, Some("expired".to_owned()));
    assert_eq!(state(&app, &late).await, expired());
    // Nor is one tried again that will have expired by then.
    let short = queue(&app, &holder, 5).await;
    app.texts.answers(Err(NotSent::Later("timeout")));
    app.deliver_texts().await;
    assert_eq!(state(&app, &short).await, expired());
}

async fn a_carrier_that_refuses_is_not_asked_again(app: App) {
    let holder = registered(&app).await;
    let refused = queue(&app, &holder, 3_600).await;
    app.texts.answers(Err(NotSent::Never("refused")));
    assert_eq!(app.deliver_texts().await, 0);
    let error = Some("refused".to_owned());
    assert_eq!(state(&app, &refused).await, ("failed", 1, error));
    advance(&app, 3_000);
    app.deliver_texts().await;
    assert_eq!(app.texts.carried().len(), 1);
    let at_once = queue(&app, &holder, 300).await;
    app.texts.answers(Ok(Sent {
        reference: Some("gw-7".to_owned()),
        delivered: true,
    }));
    assert_eq!(app.deliver_texts().await, 1);
    assert_eq!(state(&app, &at_once).await, ("delivered", 1, None));
}

async fn reports_need_the_gateways_token(app: App) {
    let holder = registered(&app).await;
    let id = queue(&app, &holder, 300).await;
    app.deliver_texts().await;
    let report = json!({"reports": [{"id": id, "state": "failed"}]});
    let path = "/notifier/reports";
    let stranger = app.client().post(path, &report).await;
    stranger.problem(401, "unknown-gateway");
    let wrong = app.client().with_token("another token");
    wrong
        .post(path, &report)
        .await
        .problem(401, "unknown-gateway");
    let registry = app.registry(&["*"]).await;
    registry
        .post(path, &report)
        .await
        .problem(401, "unknown-gateway");
    assert_eq!(state(&app, &id).await.0, "sent");

    let gateway = app.gateway();
    gateway
        .get("/admin/texts/summary")
        .await
        .problem(401, "sign-in-required");
    let both = json!({"reports": [
        {"id": id, "state": "failed"},
        {"id": id, "state": "delivered"},
        {"id": format!("{}0", &id[..id.len() - 1]), "state": "delivered"},
        {"id": "anything", "state": "failed"},
    ]});
    let answer = gateway.post(path, &both).await.done();
    let recorded = answer["recorded"].as_u64().unwrap();
    assert_eq!(recorded + answer["ignored"].as_u64().unwrap(), 4);
    assert_eq!(recorded, 1);
    let many = vec![json!({"id": id, "state": "failed"}); 1001];
    let answer = gateway.post(path, &json!({"reports": many})).await;
    answer.problem(422, "invalid-request");
    let error = Some("undeliverable".to_owned());
    assert_eq!(state(&app, &id).await, ("failed", 1, error));
}

async fn an_administrator_sees_counts_and_no_phones(app: App) {
    let holder = registered(&app).await;
    queue(&app, &holder, 300).await;
    app.deliver_texts().await;
    queue(&app, &holder, 300).await;
    advance(&app, 7);
    let admin = app.staff("admin").await;
    let summary = admin.get("/admin/texts/summary").await.done();
    let figures = [
        "queued",
        "sent",
        "failed",
        "given_up",
        "oldest_queued_seconds",
    ];
    assert_eq!(
        figures.map(|name| summary[name].as_u64().unwrap()),
        [1, 1, 0, 0, 7]
    );
    assert_eq!(summary["channel"], true);
    assert!(!summary.to_string().contains(PHONE));
    let police = app.staff("police").await;
    let refused = police.get("/admin/texts/summary").await;
    refused.problem(403, "not-your-role");
}

async fn without_a_carrier_nothing_is_queued(app: App) {
    let holder = registered(&app).await;
    let driver = activate(&app, BEIJING).await;
    let app = app.without_texts().await;
    assert_eq!(warn(&app, &holder).await, None);
    assert_eq!(app.deliver_texts().await, 0);
    let texts = app.authority.store().texts_of(&holder, 10).await.unwrap();
    assert!(texts.is_empty());
    let inbox = driver.get("/holder/notifications").await.done();
    let states: Vec<_> = inbox[0]["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["channel"].as_str().unwrap(),
                one["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(states, [("inbox", "delivered"), ("text", "no-channel")]);
    let summary = app
        .staff("admin")
        .await
        .get("/admin/texts/summary")
        .await
        .done();
    assert_eq!(summary["channel"], false);
}

async fn audit_and_metrics_hold_neither_phone_nor_code(app: App) {
    let holder = registered(&app).await;
    let id = queue(&app, &holder, 300).await;
    app.texts.answers(Err(NotSent::Later("timeout")));
    app.deliver_texts().await;
    advance(&app, 5);
    app.deliver_texts().await;
    let rows = app
        .authority
        .store()
        .audit_after(holder.partition(), 0, 100)
        .await
        .unwrap();
    let acts: Vec<_> = rows.iter().map(|row| row.act.as_str()).collect();
    assert!(acts.ends_with(&["text.deferred", "text.sent"]), "{acts:?}");
    let audit = format!("{rows:?}");
    assert!(audit.contains(&id) && audit.contains("phone-code"));
    let metrics = app.client().get("/metrics").await.text();
    for line in [
        "jiazhao_texts_queued 0",
        "jiazhao_texts_total{outcome=\"deferred\"} 1",
        "jiazhao_texts_total{outcome=\"sent\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{metrics}");
    }
    for text in [audit, metrics] {
        assert!(!text.contains(PHONE) && !text.contains(CODE), "{text}");
    }
    let shown = outgoing(&app, TextKind::PhoneCode, 1);
    assert!(!format!("{shown:?}").contains(CODE));
}
