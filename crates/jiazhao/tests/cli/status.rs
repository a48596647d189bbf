//! `jiazhao status fetch`: the folder of a verifier that stands alone (SC-13, SC-45), filled from the
//! platform as it serves, and from servers that answer what they should not.

use authority::TrustChange;
use credential::{SignedTrustList, UnverifiedStatusList, VerifiedStatusList, Width};
use jiff::SignedDuration;
use testkit::{
    app::App,
    people::{BEIJING, data_url, photo, record, with},
};

use super::{
    peer::{Answer, Peer},
    *,
};

const PERIOD: SignedDuration = SignedDuration::from_mins(10);
/// A key of this age signs lists.
const YOUNGEST: SignedDuration = SignedDuration::from_secs(30);

/// The platform with one e-licence and its first list, and where it serves.
async fn served() -> (App, String) {
    let app = App::sqlite().await;
    deliver(&app, &record(BEIJING)).await;
    let application = json!({
        "licence_number": BEIJING,
        "identity": {"method": "id-card-reader", "note": ""},
        "photo": data_url(&photo(40)),
    });
    let officer = app.staff("counter-1101").await;
    let made = officer.post("/counter/applications", &application).await;
    let case = format!(
        "/review/applications/{}",
        made.done()["id"].as_str().unwrap()
    );
    let reviewer = app.staff("reviewer-1101").await;
    for (step, body) in [
        ("claim", json!({})),
        ("decision", json!({"decision": "approve"})),
    ] {
        reviewer.post(&format!("{case}/{step}"), &body).await.done();
    }
    app.clock.advance(YOUNGEST);
    publish(&app).await;
    let base = format!("http://{}", app.listen().await);
    (app, base)
}

async fn deliver(app: &App, record: &Value) {
    let registry = app.registry(&["*"]).await;
    let answer = registry.post("/registry/changes", &json!([record])).await;
    assert_eq!(answer.done()["rejected"], 0);
}

async fn publish(app: &App) {
    let published = app.authority.publish_status_lists(&app.act(), "one").await;
    assert_eq!(published.unwrap(), 1);
}

/// The registry suspends the driver, and the next period comes.
async fn suspend(app: &App) {
    let changes = json!({"status": ["J"], "version": 2});
    deliver(app, &with(record(BEIJING), changes)).await;
    app.clock.advance(PERIOD);
    publish(app).await;
}

/// Renews the trust list.
async fn renew(app: &App) {
    let mut act = app.act();
    let renewed = app
        .authority
        .propose_trust(&mut act, &TrustChange::Renew)
        .await;
    let signed = app.roots.sign(&renewed.unwrap()).unwrap();
    app.authority
        .submit_trust(&mut act, &signed, None)
        .await
        .unwrap();
    let admin = app.staff("admin").await;
    let open = admin.get("/admin/trust-proposals").await.done();
    let id = open[0]["id"].as_str().unwrap();
    let path = format!("/admin/trust-proposals/{id}/activation");
    admin.post(&path, &json!({})).await.expect(200);
}

fn fetch(folder: &Folder, base: &str, more: &[&str]) -> Run {
    let into = folder.path("held");
    let fixed = ["status", "fetch", "--from", base, "--into", &into];
    folder.run(&[&fixed[..], more].concat())
}

fn tally(run: &Run) -> &str {
    run.last_line().split_once("status lists: ").unwrap().1
}

/// What lies in the folder, by name.
fn held(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder.path("held")) else {
        return Vec::new();
    };
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn names(folder: &Folder) -> Vec<String> {
    held(folder).into_iter().map(|(name, _)| name).collect()
}

/// The list of the folder, verified by its trust list.
fn held_list(folder: &Folder) -> VerifiedStatusList {
    let trust = fs::read(folder.path("held/trust.json")).unwrap();
    let trust = SignedTrustList::from_json(&trust).unwrap();
    let trust = trust.verify(None).unwrap();
    let list = fs::read(folder.path("held/0.cwt")).unwrap();
    UnverifiedStatusList::parse(&list)
        .unwrap()
        .verify(&trust)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_13_a_folder_is_filled_and_only_what_changed_is_fetched_again() {
    let (app, base) = served().await;
    let folder = Folder::new();
    let first = fetch(&folder, &base, &[]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(tally(&first), "1 fetched, 0 unchanged, 0 refused");
    assert!(first.out.starts_with("trust list version 1, "));
    assert_eq!(names(&folder), ["0.cwt", "tags.json", "trust.json"]);
    let before = held_list(&folder);
    let earlier = fs::read(folder.path("held/0.cwt")).unwrap();
    assert_eq!(before.width(), Width::Two);

    let second = fetch(&folder, &base, &[]);
    assert_eq!(second.code, 0, "{}", second.err);
    assert_eq!(tally(&second), "0 fetched, 1 unchanged, 0 refused");

    suspend(&app).await;
    renew(&app).await;
    let third = fetch(&folder, &format!("{base}/"), &[]);
    assert_eq!(third.code, 0, "{}", third.err);
    assert_eq!(tally(&third), "1 fetched, 0 unchanged, 0 refused");
    assert!(third.out.starts_with("trust list version 2, "));
    assert_eq!(names(&folder), ["0.cwt", "tags.json", "trust.json"]);
    assert!(held_list(&folder).issued_at() > before.issued_at());

    // A file that was spoiled, or put back, is not taken for what the server knows.
    for other in [&b"spoiled"[..], &earlier] {
        folder.write("held/0.cwt", other);
        let fourth = fetch(&folder, &base, &[]);
        assert_eq!(tally(&fourth), "1 fetched, 0 unchanged, 0 refused");
        assert!(held_list(&folder).issued_at() > before.issued_at());
    }
}

/// The police see red apart from other suspensions.
#[tokio::test(flavor = "multi_thread")]
async fn a_verifiers_session_fetches_the_lists_of_four_bits() {
    let (app, base) = served().await;
    let police = app.staff("police").await;
    let token = police.cookies()["jz_session"].clone();
    let folder = Folder::new();
    let session = folder.write_private("session", format!("{token}\n"));
    let run = fetch(&folder, &base, &["--session-file", &session]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(held_list(&folder).width(), Width::Four);
    assert!(!(run.err.contains(&token) || run.out.contains(&token)));

    let before = held(&folder);
    let wrong = folder.write_private("session", "0".repeat(64));
    let run = fetch(&folder, &base, &["--session-file", &wrong]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert_eq!(tally(&run), "0 fetched, 0 unchanged, 1 refused");
    assert!(run.err.contains("session-refused"), "{}", run.err);
    assert_eq!(held(&folder), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_45_other_roots_change_nothing() {
    let (app, base) = served().await;
    let folder = Folder::new();
    let list = app.client().get("/trust-list").await.body;
    let list = SignedTrustList::from_json(&list)
        .unwrap()
        .verify(None)
        .unwrap();
    let roots: Vec<String> = list.roots().iter().map(ToString::to_string).collect();
    let pins: Vec<&str> = roots.iter().flat_map(|root| ["--root", root]).collect();

    let one = fetch(&folder, &base, &pins[..2]);
    assert_eq!(one.code, 2, "{}", one.out);
    assert!(one.err.contains("trust-other-root"), "{}", one.err);
    assert_eq!(names(&folder), Vec::<String>::new());
    assert_eq!(fetch(&folder, &base, &pins).code, 0);

    // From now on these roots are believed, and no others.
    let before = held(&folder);
    let other = Folder::new();
    let made = other.run(&["keys", "generate", "--root-out", &other.path("root.json")]);
    assert_eq!(made.code, 0, "{}", made.err);
    let peer = Peer::start();
    peer.answers(Answer::Status(200, other.run(&["trust", "export"]).out));
    let run = fetch(&folder, &format!("http://{}", peer.address), &[]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("trust-other-root"), "{}", run.err);
    assert_eq!(held(&folder), before);
}

/// A server that answers so, in this order.
fn answering(answers: &[(u16, &str)]) -> String {
    let peer = Peer::start();
    for (status, body) in answers {
        peer.answers(Answer::Status(*status, (*body).to_owned()));
    }
    format!("http://{}", peer.address)
}

/// What is held, but for the names under which the server knows it.
fn files(held: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let lists = held.into_iter().filter(|(name, _)| name != "tags.json");
    lists.collect()
}

/// What a server or whoever stands before it may answer: an earlier edition of what it signed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_rolled_back_changes_nothing() {
    let (app, base) = served().await;
    let text = async |path: &str| {
        let answer = app.client().get(path).await;
        String::from_utf8(answer.body).unwrap()
    };
    let old_trust = text("/trust-list").await;
    let (overview, old_list) = (text("/status-lists").await, text("/status-lists/0").await);
    suspend(&app).await;
    renew(&app).await;
    let folder = Folder::new();
    assert_eq!(fetch(&folder, &base, &[]).code, 0);
    let (before, trust) = (held(&folder), text("/trust-list").await);

    for (answers, code, told) in [
        (
            &[(200, old_trust.as_str())][..],
            2,
            "trust-list-rolled-back",
        ),
        (&[(200, "{}")], 2, "trust"),
        (&[(304, "")], 2, "server-unreachable"),
        (&[(500, "")], 2, "server-answered-otherwise"),
        (&[(200, &trust), (200, "[]")], 2, "not-an-overview"),
        (
            &[(200, &trust), (200, &overview), (200, &old_list)],
            1,
            "status-list-rolled-back",
        ),
        (
            &[(200, &trust), (200, &overview), (200, "x")],
            1,
            "not-status-list",
        ),
        (
            &[
                (200, &trust),
                (200, r#"{"lists":[{"number":7}]}"#),
                (200, &old_list),
            ],
            1,
            "status-list-other-number",
        ),
        (
            &[
                (200, &trust),
                (200, r#"{"lists":[{"number":7}]}"#),
                (304, ""),
            ],
            1,
            "server-answered-otherwise",
        ),
    ] {
        let run = fetch(&folder, &answering(answers), &[]);
        assert_eq!(run.code, code, "{answers:?} {} {}", run.out, run.err);
        assert!(run.err.contains(told), "{told}: {}", run.err);
        assert_eq!(files(held(&folder)), files(before.clone()), "{told}");
    }
}

#[test]
fn what_is_no_address_of_a_server_is_refused() {
    let run = fetch(&Folder::new(), "http://licence.example", &[]);
    assert!(
        run.code == 2 && run.err.contains("not-an-address"),
        "{}",
        run.err
    );
}
