//! SC-67: somebody who has only what the demonstration printed sees a licence issued and verified.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use super::{
    crash::{Http, application},
    *,
};

/// A password of the newcomer's own.
const PASSWORD: &str = "a password of twelve and more";

/// A demonstration that is killed when it is dropped, with the lines that it printed.
struct Demo {
    child: Child,
    lines: Vec<String>,
}

impl Demo {
    fn start(folder: &Folder) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jiazhao"))
            .args(["--data", &folder.path("data"), "demo", "--no-web"])
            .args(["--drivers", "200", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        let ready = told.lines().any(|line| line.unwrap().starts_with("ready"));
        assert!(ready, "the demonstration is never ready");
        let mut lines = Vec::new();
        // The accounts come last, and of them this one.
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().unwrap().starts_with("driver-to-activate") {
                break;
            }
        }
        Self { child, lines }
    }

    /// Address, login and secret of the first line of a role.
    fn line(&self, role: &str) -> [&str; 3] {
        let lines = self.lines.iter().map(|line| line.split_whitespace());
        let mut found = lines.filter_map(|mut line| {
            (line.next() == Some(role)).then(|| [(); 3].map(|()| line.next().unwrap()))
        });
        found.next().unwrap()
    }

    fn base(&self) -> &str {
        self.line("service")[0].trim_end_matches('/')
    }

    async fn staff(&self, role: &str) -> Http {
        let [_, login, password] = self.line(role);
        let mut http = Http::new(self.base());
        let sign_in = json!({"kind": "staff", "login": login, "password": password});
        let (status, answer) = http.post("/sessions", &sign_in).await.unwrap();
        assert_eq!(status, 201, "{answer}");
        http
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn sc_67_what_the_demo_prints_is_enough_to_issue_and_verify_a_licence() {
    let folder = Folder::new();
    let demo = Demo::start(&folder);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(issue_and_verify(&demo));
}

async fn issue_and_verify(demo: &Demo) {
    let [_, number, code] = demo.line("driver-without");
    let mut counter = demo.staff("counter").await;
    let (status, applied) = counter
        .post("/counter/applications", &application(number))
        .await
        .unwrap();
    assert_eq!(status, 201, "{applied}");
    let path = format!("/review/applications/{}", applied["id"].as_str().unwrap());
    let mut reviewer = demo.staff("reviewer").await;
    let claim = format!("{path}/claim");
    assert_eq!(reviewer.post(&claim, &json!({})).await.unwrap().0, 200);
    let approve = json!({"decision": "approve"});
    let decision = format!("{path}/decision");
    let (status, issued) = reviewer.post(&decision, &approve).await.unwrap();
    assert_eq!((status, &issued["stage"]), (200, &json!("issued")));

    let mut driver = Http::new(demo.base());
    let activate = json!({"licence_number": number, "code": code, "password": PASSWORD});
    assert_eq!(driver.post("/activations", &activate).await.unwrap().0, 201);
    let make = json!({"kind": "numeric"});
    let (status, shown) = driver.post("/holder/e-licence/codes", &make).await.unwrap();
    assert_eq!(status, 201);

    let mut police = demo.staff("police").await;
    let look = json!({"code": shown["code"], "purpose": "enforcement", "class": "C1"});
    let (status, answer) = police.post("/verifications", &look).await.unwrap();
    assert_eq!(status, 200);
    let facts = [
        &answer["authentic"]["outcome"],
        &answer["fresh"]["outcome"],
        &answer["status"]["value"],
        &answer["entitled"]["outcome"],
    ];
    assert_eq!(facts, ["yes", "yes", "valid", "yes"]);
}
