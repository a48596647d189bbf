//! The case file (R76): who takes it, what is in it, and that others can check it.

use std::process::Command;

use authority::{CaseFileFault, read_case_file};
use credential::{SignedTrustList, VerifiedTrustList};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2_of::sha256_hex;
use testkit::{app::App, people::BEIJING};

use super::{decided, lift_decided, sanctioned};
use crate::{
    on_both_engines,
    steps::{driver_with_licence, issue},
};

on_both_engines!(
    sc_35_the_case_file_holds_the_case_and_can_be_checked,
    r76_only_those_who_took_part_take_the_case_file,
    r76_an_altered_case_file_does_not_hold,
);

/// SHA-256 as the manifest writes it, by another implementation than the platform's.
mod sha2_of {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    pub(super) fn sha256_hex(bytes: &[u8]) -> String {
        let mut child = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let out = child.wait_with_output().unwrap();
        String::from_utf8(out.stdout).unwrap()[..64].to_owned()
    }
}

async fn trust(app: &App) -> VerifiedTrustList {
    let list = app.client().get("/trust-list").await;
    let signed = SignedTrustList::from_json(&list.body).unwrap();
    signed.verify(None).unwrap()
}

async fn exported(app: &App, id: &str, login: &str) -> Vec<u8> {
    let officer = app.staff(login).await;
    let path = format!("/admin/sanctions/{id}/case-files");
    let answer = officer.post(&path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "application/x-tar");
    let name = format!("attachment; filename=\"case-{id}.tar\"");
    assert_eq!(answer.headers["content-disposition"], name);
    answer.body
}

/// The files of the archive, as the system's own tar unpacks them.
fn unpacked(app: &App, archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let folder = app.folder().join("unpacked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("case.tar"), archive).unwrap();
    let done = Command::new("tar")
        .args(["-xf", "case.tar"])
        .current_dir(&folder)
        .status();
    assert!(done.unwrap().success());
    std::fs::remove_file(folder.join("case.tar")).unwrap();
    let mut files = Vec::new();
    for place in ["", "photos"] {
        for entry in std::fs::read_dir(folder.join(place)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                let path = if place.is_empty() {
                    name
                } else {
                    format!("{place}/{name}")
                };
                files.push((path, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    files
}

async fn sc_35_the_case_file_holds_the_case_and_can_be_checked(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let id = sanctioned(&app, BEIJING).await;
    let appeal = json!({"statement": "请复核照片"});
    driver
        .post(&format!("/holder/sanctions/{id}/appeal"), &appeal)
        .await
        .done();
    app.clock.advance(SignedDuration::from_mins(1));
    app.authority.checkpoint(&app.act(), "test").await.unwrap();
    let archive = exported(&app, &id, "both-1101").await;
    let report = read_case_file(&archive, &trust(&app).await).unwrap();
    assert_eq!(report.manifest.sub, id);
    assert_eq!(report.keys.len(), 2, "one of each suite");
    assert_eq!(report.made_at(), app.clock.now());

    let files = unpacked(&app, &archive);
    for listed in &report.manifest.files {
        let (_, bytes) = files.iter().find(|(path, _)| *path == listed.path).unwrap();
        assert_eq!(sha256_hex(bytes), listed.sha256, "{}", listed.path);
    }
    assert_eq!(files.len(), report.manifest.files.len() + report.keys.len());
    let (_, case) = files.iter().find(|(path, _)| path == "case.json").unwrap();
    let case: Value = serde_json::from_slice(case).unwrap();
    assert_eq!(case["format"], "jiazhao-case/1");
    assert_eq!(case["sanction"]["record"]["licence_number"], BEIJING);
    assert_eq!(case["applications"][0]["stage"], "issued");
    assert_eq!(
        case["applications"][0]["identity"]["method"],
        "id-card-reader"
    );
    let path = case["photos"][0]["path"].as_str().unwrap();
    let (_, photo) = files.iter().find(|(found, _)| found == path).unwrap();
    assert_eq!(*photo, testkit::people::photo(40));
    let steps: Vec<_> = case["sanction"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["step"])
        .collect();
    assert_eq!(steps, ["proposed", "confirmed", "appealed", "exported"]);
    assert!(case["checkpoint"]["signature"].is_string());
    audit_rows_add_up(&case);

    // It can be taken again after the sanction is over.
    lift_decided(&app, BEIJING, &id, "confirm").await;
    exported(&app, &id, "reviewer-1101").await;
}

/// Each audit row's hash follows from the row before and from what stands in the file.
fn audit_rows_add_up(case: &Value) {
    let rows = case["audit"].as_array().unwrap();
    let acts: Vec<_> = rows
        .iter()
        .map(|row| row["act"].as_str().unwrap())
        .collect();
    assert_eq!(
        acts,
        [
            "sanction.proposed",
            "sanction.confirmed",
            "sanction.appealed",
            "sanction.exported"
        ]
    );
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let audit = storage::audit::AuditRow {
            partition: storage::Partition::from_number(row["partition"].as_i64().unwrap()).unwrap(),
            seq: row["seq"].as_u64().unwrap(),
            at: text("at").parse().unwrap(),
            act: text("act"),
            actor: text("actor"),
            subject: text("subject"),
            request: text("request"),
            detail: text("detail"),
            hash: Vec::new(),
        };
        let previous = hex::decode(text("previous")).unwrap();
        assert_eq!(hex::encode(audit.chained(&previous)), text("hash"));
    }
}

async fn r76_only_those_who_took_part_take_the_case_file(app: App) {
    issue(&app, BEIJING).await;
    let officer = app.staff("counter-1101").await;
    let made = officer
        .post("/admin/sanctions", &super::proposal(BEIJING))
        .await
        .expect(201);
    let id = made["sanction"]["id"].as_str().unwrap();
    let path = format!("/admin/sanctions/{id}/case-files");
    let reviewer = app.staff("reviewer-1101").await;
    reviewer
        .post(&path, &json!({}))
        .await
        .problem(409, "not-in-this-state");
    decided(
        &reviewer,
        &format!("/admin/sanctions/{id}/decision"),
        "confirm",
    )
    .await
    .done();
    for (login, status, code) in [
        ("both-1101", 403, "case-file-restricted"),
        ("counter-1101", 403, "not-your-role"),
        ("reviewer-5101", 403, "office-out-of-scope"),
        ("police", 403, "not-your-role"),
    ] {
        let other = app.staff(login).await;
        other.post(&path, &json!({})).await.problem(status, code);
    }
    exported(&app, id, "reviewer-1101").await;
    let store = app.authority.store();
    let san = storage::SanctionId::parse(id).unwrap();
    let rows = store.audit_after(san.partition(), 0, 1000).await.unwrap();
    let exports: Vec<_> = rows
        .iter()
        .filter(|row| row.act == "sanction.exported")
        .collect();
    let refused = exports
        .iter()
        .filter(|row| row.detail.contains("refused"))
        .count();
    assert_eq!(
        (exports.len(), refused),
        (4, 3),
        "two that could not be, one without the right, one done"
    );
}

async fn r76_an_altered_case_file_does_not_hold(app: App) {
    issue(&app, BEIJING).await;
    let id = sanctioned(&app, BEIJING).await;
    let archive = exported(&app, &id, "both-1101").await;
    let trust = trust(&app).await;
    read_case_file(&archive, &trust).unwrap();

    let find = |needle: &[u8]| {
        let at = archive
            .windows(needle.len())
            .position(|window| window == needle);
        at.unwrap()
    };
    let mut changed = archive.clone();
    let at = find("合成".as_bytes());
    changed[at] ^= 1;
    let fault = read_case_file(&changed, &trust).unwrap_err();
    assert_eq!(
        (fault.code(), fault.path()),
        ("file-changed", Some("case.json"))
    );

    let mut forged = archive.clone();
    let at = find(b"manifest.ES256.jws") + 512 + 200;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    let fault = read_case_file(&forged, &trust).unwrap_err();
    assert!(matches!(fault, CaseFileFault::Manifest(_)), "{fault:?}");

    let cut = &archive[..archive.len() - 1024];
    assert_eq!(
        read_case_file(cut, &trust),
        Err(CaseFileFault::NotAnArchive)
    );
    // Another name for a file: the header's own sum tells it.
    let mut blocks = archive.chunks(512);
    let at = 512
        * blocks
            .position(|block| block.starts_with(b"photos/"))
            .unwrap();
    let mut renamed = archive.clone();
    renamed[at + 7] = b'x';
    assert_eq!(
        read_case_file(&renamed, &trust),
        Err(CaseFileFault::NotAnArchive)
    );
}
