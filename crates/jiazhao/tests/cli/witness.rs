//! The witness of the audit over HTTP (SC-62): one that fails first, goes on where it was, and is
//! verified against.

use std::{path::Path, sync::Arc};

use authority::{AuditCheck, Error, PasswordCost, Witness as _, WitnessAt};
use jiazhao::{
    app::{Ambient, App, Options},
    config::{Config, Witness},
    http_witness::HttpWitness,
};

use crate::{
    Folder,
    peer::{Answer, Peer},
};

const TOKEN: &str = "a-token-of-the-witness";

fn witness(folder: &Folder, peer: &Peer) -> HttpWitness {
    let token = folder.write("token", TOKEN);
    let config = format!(
        "[audit]\nwitness = \"http://{}/jz\"\ntoken_file = \"{token}\"\ntimeout = 1\n",
        peer.address
    );
    let config = Config::parse(&config, None, Path::new("data")).unwrap();
    let Some(Witness::Http(peer)) = config.audit.witness else {
        unreachable!("an address is a service");
    };
    HttpWitness::new(&peer).unwrap()
}

/// The platform with signing keys.
async fn opened(folder: &Folder) -> App {
    let config = Config::parse("", None, Path::new(&folder.path("data"))).unwrap();
    let ambient = Ambient::system().unwrap();
    let options = Options {
        password_cost: PasswordCost::Test,
        durable_objects: false,
        ..Options::default()
    };
    let app = App::open(&config, &ambient, options.clone()).await.unwrap();
    let roots = folder.path("root.json");
    app.establish_keys(Path::new(&roots)).await.unwrap();
    app.close().await;
    App::open(&config, &ambient, options).await.unwrap()
}

fn lines(lines: &[String]) -> Answer {
    let mut body = lines.join("\n");
    body.push('\n');
    Answer::Status(200, body)
}

fn nothing() -> Answer {
    Answer::Status(204, String::new())
}

async fn checkpoints(app: &App, count: u64) -> Vec<String> {
    for _ in 0..count {
        let made = app.authority().checkpoint(&app.act("test"), "node-a").await;
        assert!(made.unwrap().is_some());
    }
    let all = app.authority().checkpoints_after(0, 100).await.unwrap();
    all.into_iter().map(|one| one.line).collect()
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("", |error| error.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sc_62_a_witness_that_failed_gets_what_it_lacks() {
    let (folder, peer) = (Folder::new(), Peer::start());
    let app = opened(&folder).await;
    let at = WitnessAt::Service(Arc::new(witness(&folder, &peer)));
    let push = async |node| {
        let act = app.act("test");
        app.authority().push_to_witness(&act, node, &at).await
    };
    let three = checkpoints(&app, 3).await;
    for answer in [
        Answer::Status(503, String::new()),
        Answer::Close,
        Answer::Hang,
    ] {
        peer.answers(answer);
        assert_eq!(code(push("node-a").await), "witness-failed");
    }
    peer.answers(nothing());
    peer.answers(Answer::Status(500, String::new()));
    assert_eq!(code(push("node-a").await), "witness-failed");
    // Nothing else waits for it, and another node keeps out.
    let four = checkpoints(&app, 1).await;
    assert_eq!(push("node-b").await.unwrap(), 0);

    peer.answers(lines(&three[..1]));
    peer.answers(nothing());
    assert_eq!(push("node-a").await.unwrap(), 3);
    let asked = peer.asked();
    let [.., newest, pushed] = asked.as_slice() else {
        unreachable!("two requests at least");
    };
    assert!(
        newest.head.starts_with("get /jz?newest http/1.1\r\n"),
        "{}",
        newest.head
    );
    for line in [
        "post /jz http/1.1".to_owned(),
        "jiazhao-after: 1".to_owned(),
        "content-type: application/x-ndjson".to_owned(),
        format!("authorization: bearer {TOKEN}"),
    ] {
        assert!(
            pushed.head.lines().any(|it| it == line),
            "{line}\n{}",
            pushed.head
        );
    }
    assert_eq!(pushed.body.lines().collect::<Vec<_>>(), four[1..]);
    peer.answers(lines(&four));
    assert_eq!(push("node-a").await.unwrap(), 0);

    let measures = app.authority().measures(app.act("test").now).await;
    for (name, value) in [
        ("jiazhao_witness_checkpoint", 4),
        ("jiazhao_witness_failures_total", 4),
    ] {
        let measure = measures.iter().find(|measure| measure.name == name);
        assert_eq!(measure.unwrap().samples, [(None, value)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sc_62_a_witness_that_knows_another_history_is_given_nothing() {
    let (folder, peer) = (Folder::new(), Peer::start());
    let app = opened(&folder).await;
    let service = witness(&folder, &peer);
    let own = checkpoints(&app, 1).await;
    let elsewhere = Folder::new();
    let other = opened(&elsewhere).await;
    let others = checkpoints(&other, 2).await;
    for answer in [
        lines(&others),
        lines(&["anything".to_owned()]),
        lines(&[own[0].replacen("\"number\":1", "\"number\":2", 1)]),
    ] {
        peer.answers(answer);
        let pushed = app.authority().push_to_service(&service).await;
        assert_eq!(code(pushed), "witness-ahead");
    }
    assert!(
        peer.asked()
            .iter()
            .all(|asked| asked.head.starts_with("get "))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sc_62_the_audit_is_verified_against_a_service() {
    let (folder, peer) = (Folder::new(), Peer::start());
    let app = opened(&folder).await;
    let service = witness(&folder, &peer);
    let three = checkpoints(&app, 3).await;
    peer.answers(lines(&three[..2]));
    peer.answers(lines(&three[2..]));
    peer.answers(nothing());
    let copy = service.copied().await.unwrap();
    let asked: Vec<String> = peer.asked().into_iter().map(|asked| asked.head).collect();
    for (head, after) in asked.iter().zip([0, 2, 3]) {
        assert!(
            head.starts_with(&format!("get /jz?after={after} ")),
            "{head}"
        );
    }
    let check = AuditCheck {
        witness: Some(copy.path().to_owned()),
        ..AuditCheck::default()
    };
    let report = app.authority().verify_audit(&check).await.unwrap();
    assert_eq!((report.first, report.witnessed), (None, 3));

    // One that goes in circles, or says anything, is no witness.
    peer.answers(lines(&three[..2]));
    peer.answers(lines(&three[..2]));
    assert!(service.copied().await.is_err());
    peer.answers(Answer::Status(200, "<html>".to_owned()));
    assert!(service.copied().await.is_err());
    peer.answers(Answer::Status(200, "x".repeat(1 << 20)));
    assert!(service.newest().await.is_err());
    assert!(!format!("{service:?}").contains(TOKEN));
}
