//! Photos that are none, and photos that came before.

use authority::AutomaticIssue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, data_url},
};

use super::{applicant, sitter};
use crate::on_both_engines;

on_both_engines!(
    files_that_are_no_photos_are_refused_and_nothing_is_kept,
    r71_a_declaration_is_signed_for_this_photo_and_application,
);

async fn files_that_are_no_photos_are_refused_and_nothing_is_kept(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, None).await;
    let application = applicant.begin("first", "album").await;
    applicant.read_rules(&application).await;
    let data = |bytes: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let mut bomb =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0".to_vec();
    bomb.extend([0; 64]);
    let whole = sitter(0).studio().photo(0).unwrap();
    for photo in [
        String::new(),
        "data:image/png;base64,!!!!".to_owned(),
        "https://example.com/a.png".to_owned(),
        data(b"GIF89a........"),
        data(&bomb),
        data(&whole[..whole.len() / 2]),
        data(&vec![0; (2 << 20) + 1]),
    ] {
        let body = json!({"photo": photo});
        let refused = applicant.put(&application, "photo", &body).await;
        refused.problem(422, "invalid-photo");
        let path = "/holder/photo-assessments";
        let refused = applicant.driver.post(path, &body).await;
        refused.problem(422, "invalid-photo");
    }
    let large = json!({"photo": "x".repeat(5 << 20)});
    let refused = applicant.put(&application, "photo", &large).await;
    refused.problem(413, "body-too-large");
    assert_eq!(applicant.seen(&application).await["stage"], "draft");
    assert!(!app.folder().join("photos").exists());
}

/// R71.
async fn r71_a_declaration_is_signed_for_this_photo_and_application(app: App) {
    let app = app.with_faces(AutomaticIssue::Demonstration).await;
    let applicant = applicant(&app, BEIJING, None).await;
    let application = applicant.begin("first", "album").await;
    applicant.read_rules(&application).await;
    let photo = sitter(0).studio().photo(0).unwrap();
    let id = application["id"].as_str().unwrap();
    let other = format!("app_{}", "0".repeat(32));
    let device = &applicant.device;
    for (declaration, status, code) in [
        (
            device.declaration(&other, &photo, "2021-09"),
            403,
            "signature-refused",
        ),
        (
            device.declaration(id, b"another", "2021-09"),
            403,
            "signature-refused",
        ),
        (
            device.declaration(id, &photo, "1999-01"),
            409,
            "text-outdated",
        ),
    ] {
        let body = json!({"photo": data_url(&photo), "declaration": declaration});
        let refused = applicant.put(&application, "photo", &body).await;
        refused.problem(status, code);
    }
    let taken = applicant.try_photo(&application, &photo).await.done();
    let findings = taken["progress"]["findings"].as_array().unwrap();
    let dated = findings.iter().find(|it| it["rule"] == "R71").unwrap();
    assert_eq!(
        dated["verdict"], "officer",
        "an officer sees the declaration"
    );
}
