use std::collections::BTreeSet;

use authority::{Because, CATALOGUE};
use axum::body::to_bytes;

use super::*;

async fn view(problem: Problem) -> (StatusCode, axum::http::HeaderMap, ProblemView) {
    let (parts, body) = problem.into_response().into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    (
        parts.status,
        parts.headers,
        serde_json::from_slice(&bytes).unwrap(),
    )
}

#[tokio::test]
async fn every_refusal_of_the_catalogue_is_a_problem_of_its_kind() {
    for refusal in CATALOGUE {
        let (status, headers, view) = view(Error::from(*refusal).into()).await;
        let expected = match refusal.kind {
            Kind::Invalid => 422,
            Kind::Unauthenticated => 401,
            Kind::Forbidden => 403,
            Kind::NotFound => 404,
            Kind::Conflict => 409,
            Kind::Gone => 410,
            Kind::TooMany => 429,
            Kind::Unavailable if refusal.code == "internal" => 500,
            Kind::Unavailable => 503,
            Kind::Full => 507,
        };
        assert_eq!(status.as_u16(), expected, "{}", refusal.code);
        assert_eq!(view.status, expected);
        assert_eq!(view.kind, format!("urn:jiazhao:problem:{}", refusal.code));
        assert_eq!(view.title, refusal.text.zh);
        assert_eq!(view.title_en, refusal.text.en);
        assert_eq!(view.detail, refusal.clears.zh);
        assert_eq!(view.detail_en, refusal.clears.en);
        assert_eq!(headers[header::CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(headers.contains_key(header::RETRY_AFTER), expected == 503);
    }
}

#[test]
fn every_kind_has_a_status_of_its_own() {
    let kinds: BTreeSet<_> = CATALOGUE
        .iter()
        .map(|refusal| format!("{:?}", refusal.kind))
        .collect();
    let statuses: BTreeSet<_> = CATALOGUE
        .iter()
        .map(|refusal| status_of(refusal.kind))
        .collect();
    assert_eq!(kinds.len(), 9);
    assert_eq!(statuses.len(), 9);
}

#[test]
fn a_code_means_one_thing_at_each_status() {
    let mut seen = BTreeSet::new();
    for fault in FAULTS {
        assert!(
            seen.insert((fault.status, fault.code)),
            "{} twice",
            fault.code
        );
        let same = CATALOGUE.iter().find(|refusal| refusal.code == fault.code);
        // A body that cannot be read and a field that does not fit are told apart by the status.
        if let Some(refusal) = same {
            assert_eq!(fault.code, "invalid-request");
            assert_eq!((fault.zh, fault.en), (refusal.text.zh, refusal.text.en));
        }
        for text in [fault.zh, fault.en, fault.clears_zh, fault.clears_en] {
            assert!(!text.is_empty(), "{}", fault.code);
        }
    }
}

#[tokio::test]
async fn reasons_are_all_carried() {
    let because = Because {
        code: "withheld".to_owned(),
        rule: Some("R25".to_owned()),
        field: None,
        zh: "驾驶证被扣留".to_owned(),
        en: "The licence is withheld".to_owned(),
        clears_zh: None,
        clears_en: None,
    };
    let refusal = CATALOGUE
        .iter()
        .find(|refusal| refusal.code == "not-eligible")
        .unwrap();
    let two = vec![because.clone(), because];
    let (status, _, view) = view(Error::Refused(*refusal, two).into()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(view.reasons.len(), 2);
    assert_eq!(view.reasons[0].rule.as_deref(), Some("R25"));
}

#[tokio::test]
async fn an_internal_cause_is_not_shown() {
    let (status, _, view) = view(Error::Internal("the key store contradicts itself").into()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let text = serde_json::to_string(&view).unwrap();
    assert!(!text.contains("contradicts"));
}

#[test]
fn causes_are_one_line() {
    assert_eq!(causes(&Error::Internal("a reason")), "internal: a reason");
}

#[tokio::test]
async fn a_bare_status_becomes_a_problem() {
    for (status, code) in [
        (400, "invalid-request"),
        (404, "unknown-path"),
        (405, "method-not-allowed"),
        (413, "body-too-large"),
        (415, "wrong-content-type"),
        (503, "timed-out"),
        (500, "internal"),
    ] {
        let problem = Problem::of_status(StatusCode::from_u16(status).unwrap());
        assert_eq!(problem.status().as_u16(), status);
        assert_eq!(problem.code(), code);
    }
}

#[tokio::test]
async fn an_unknown_source_is_told_the_scheme() {
    let refusal = CATALOGUE
        .iter()
        .find(|refusal| refusal.code == "unknown-source")
        .unwrap();
    let (_, headers, _) = view(Error::from(*refusal).into()).await;
    assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
}
