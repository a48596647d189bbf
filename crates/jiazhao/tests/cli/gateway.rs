//! The text gateway's client against services that behave well and badly.

use std::{fs, path::Path, process::Command, sync::Arc};

use authority::notify::{NotSent, Notifier as _, Sent, Text, TextKind};
use jiazhao::{config::Config, sms_gateway::SmsGateway};
use rand::{SeedableRng as _, rngs::StdRng};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value;
use storage::{Partition, TextId};
use zeroize::Zeroizing;

use crate::{
    Folder,
    peer::{Answer, Peer},
};

const TOKEN: &str = "a-token-of-the-gateway";

fn text() -> Text {
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    Text {
        id: TextId::generate(Partition::of_holders(7), &mut StdRng::seed_from_u64(1)),
        kind: TextKind::PhoneCode,
        to: plain("13900000042"),
        zh: plain("验证码 424242"),
        en: plain("Your code is 424242"),
    }
}

fn configured(folder: &Folder, url: &str, more: &str) -> SmsGateway {
    let token = folder.write("token", format!("{TOKEN}\n"));
    let config = format!("[texts]\ngateway_url = \"{url}\"\ntoken_file = \"{token}\"\n{more}");
    let config = Config::parse(&config, None, Path::new("data")).unwrap();
    SmsGateway::new(&config.texts.gateway.unwrap()).unwrap()
}

async fn told(answer: Answer) -> Result<Sent, NotSent> {
    let folder = Folder::new();
    let peer = Peer::start();
    let url = format!("http://{}/send", peer.address);
    peer.answers(answer);
    let gateway = configured(&folder, &url, "timeout = 1\n");
    gateway.send(&text()).await
}

fn sent(reference: Option<&str>, delivered: bool) -> Sent {
    Sent {
        reference: reference.map(str::to_owned),
        delivered,
    }
}

#[tokio::test]
async fn a_gateway_is_asked_as_documented() {
    let folder = Folder::new();
    let peer = Peer::start();
    let url = format!("http://{}/send", peer.address);
    let gateway = configured(&folder, &url, "");
    peer.answers(Answer::Status(
        202,
        r#"{"reference":"gw-7","delivered":true}"#.to_owned(),
    ));
    let text = text();
    assert_eq!(gateway.send(&text).await, Ok(sent(Some("gw-7"), true)));
    let asked = peer.asked();
    let head = &asked[0].head;
    for line in [
        "post /send http/1.1".to_owned(),
        format!("authorization: bearer {TOKEN}"),
        format!("idempotency-key: {}", text.id),
        "content-type: application/json".to_owned(),
    ] {
        assert!(head.lines().any(|it| it == line), "{line}\n{head}");
    }
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    let expected = serde_json::json!({
        "id": text.id.as_str(), "kind": "phone-code", "to": "13900000042",
        "text": "验证码 424242", "text_en": "Your code is 424242",
    });
    assert_eq!(body, expected);
    let debug = format!("{gateway:?} {text:?}");
    for secret in [TOKEN, "424242", "13900000042"] {
        assert!(!debug.contains(secret), "{debug}");
    }
}

#[tokio::test]
async fn what_a_gateway_answers_decides_whether_it_is_asked_again() {
    let status = |status| Answer::Status(status, String::new());
    for (code, expected) in [
        (200, Ok(sent(None, false))),
        (204, Ok(sent(None, false))),
        (400, Err(NotSent::Never("refused"))),
        (401, Err(NotSent::Never("refused"))),
        (408, Err(NotSent::Later("busy"))),
        (429, Err(NotSent::Later("busy"))),
        (500, Err(NotSent::Later("gateway-error"))),
        (503, Err(NotSent::Later("gateway-error"))),
    ] {
        assert_eq!(told(status(code)).await, expected, "{code}");
    }
    assert_eq!(told(Answer::Hang).await, Err(NotSent::Later("timeout")));
    assert_eq!(
        told(Answer::Close).await,
        Err(NotSent::Later("unreachable"))
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_takes_nothing_back() {
    let odd = |body: String| Answer::Status(200, body);
    for body in [
        "not json".to_owned(),
        "x".repeat(1 << 20),
        r#"{"reference":7}"#.to_owned(),
        format!(r#"{{"reference":"{}"}}"#, "x".repeat(65)),
        r#"{"reference":"two words"}"#.to_owned(),
    ] {
        let shown: String = body.chars().take(20).collect();
        assert_eq!(told(odd(body)).await, Ok(sent(None, false)), "{shown}");
    }
    let more = r#"{"reference":"a","delivered":false,"cost":3}"#.to_owned();
    assert_eq!(told(odd(more)).await, Ok(sent(Some("a"), false)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::start();
    let location = format!("location: http://{}/", elsewhere.address);
    let answer = Answer::With(307, location.leak());
    assert_eq!(told(answer).await, Err(NotSent::Later("redirected")));
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn nobody_listening_is_told_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let folder = Folder::new();
    let gateway = configured(&folder, &url, "");
    assert_eq!(
        gateway.send(&text()).await,
        Err(NotSent::Later("unreachable"))
    );
}

/// A service with a certificate of its own speaks TLS; only whoever names its root believes it.
#[tokio::test]
async fn a_certificate_is_believed_only_under_a_root_that_was_named() {
    let folder = Folder::new();
    let (key, certificate) = (folder.path("key.pem"), folder.path("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=gateway"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let address = tls_service(&key, &certificate);
    let url = format!("https://{address}/");
    let stranger = configured(&folder, &url, "");
    assert_eq!(
        stranger.send(&text()).await,
        Err(NotSent::Later("unreachable"))
    );
    let named = format!("ca_file = \"{certificate}\"\n");
    let known = configured(&folder, &url, &named);
    assert_eq!(known.send(&text()).await, Ok(sent(None, false)));
    // The same certificate for another name is another's.
    let other = url.replace("127.0.0.1", "localhost");
    let other = configured(&folder, &other, &named);
    assert_eq!(
        other.send(&text()).await,
        Err(NotSent::Later("unreachable"))
    );
}

fn tls_service(key: &str, certificate: &str) -> std::net::SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{BufRead as _, BufReader, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = BufReader::new(rustls::Stream::new(&mut session, &mut stream));
            let mut line = String::new();
            // A client that does not believe the certificate ends the handshake.
            while tls.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            tls.get_mut().write_all(answer).ok();
        }
    });
    address
}

#[test]
fn config_check_says_whether_texts_leave_and_which_token_is_none() {
    let folder = Folder::new();
    let run = folder.run(&["config", "check"]);
    assert!(run.out.contains("# no texts leave"), "{}", run.out);
    let token = folder.write("token", TOKEN);
    let text =
        format!("[texts]\ngateway_url = \"https://gateway.example/\"\ntoken_file = \"{token}\"\n");
    let file = folder.write("a.toml", text);
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 0, "{}", run.err);
    let line = format!(
        "texts.gateway_url = https://gateway.example/ (token_file {token}, ca_file -, timeout 10 s)"
    );
    assert!(run.out.contains(&line), "{}", run.out);
    assert!(!run.out.contains("# no texts leave") && !run.out.contains(TOKEN));
    fs::write(&token, "short").unwrap();
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("token-file") && !run.err.contains("short"),
        "{}",
        run.err
    );
}
