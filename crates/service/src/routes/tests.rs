use serde_json::Value;

use super::*;

fn written() -> Value {
    serde_json::from_str(&openapi().to_json().unwrap()).unwrap()
}

/// Everything that is served, pages apart.
const PATHS: &[(&str, &str)] = &[
    ("POST", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/current"),
    ("POST", "/api/v1/activations"),
    ("POST", "/api/v1/activations/phone-codes"),
    ("GET", "/api/v1/activations/person-checks"),
    ("POST", "/api/v1/activations/person-checks"),
    ("POST", "/api/v1/account-freezes"),
    ("POST", "/api/v1/holder/account-freeze"),
    ("GET", "/api/v1/holder/devices"),
    ("DELETE", "/api/v1/holder/devices/{id}"),
    ("POST", "/api/v1/holder/password"),
    ("POST", "/api/v1/counter/account-freezes"),
    ("POST", "/api/v1/counter/account-unfreezes"),
    ("GET", "/api/v1/holder/licence"),
    ("GET", "/api/v1/holder/eligibility"),
    ("GET", "/api/v1/holder/applications"),
    ("GET", "/api/v1/holder/applications/{id}"),
    ("GET", "/api/v1/holder/photo-rules"),
    ("GET", "/api/v1/holder/photo-on-file"),
    ("POST", "/api/v1/holder/photo-assessments"),
    ("POST", "/api/v1/holder/applications"),
    ("DELETE", "/api/v1/holder/applications/{id}"),
    ("PUT", "/api/v1/holder/applications/{id}/photo-rules"),
    ("PUT", "/api/v1/holder/applications/{id}/photo"),
    ("GET", "/api/v1/holder/applications/{id}/photo"),
    ("PUT", "/api/v1/holder/applications/{id}/confirmation"),
    ("GET", "/api/v1/holder/face-consent"),
    ("DELETE", "/api/v1/holder/face-consent"),
    ("PUT", "/api/v1/holder/applications/{id}/face-consent"),
    ("POST", "/api/v1/holder/applications/{id}/person-check"),
    ("PUT", "/api/v1/holder/applications/{id}/person-check"),
    ("POST", "/api/v1/holder/applications/{id}/submission"),
    ("GET", "/api/v1/holder/e-licence"),
    ("GET", "/api/v1/holder/e-licence/portrait"),
    ("GET", "/api/v1/holder/e-licence/credential"),
    ("POST", "/api/v1/holder/e-licence/codes"),
    ("GET", "/api/v1/holder/look-ups"),
    ("GET", "/api/v1/holder/notifications"),
    ("GET", "/api/v1/holder/events"),
    ("POST", "/api/v1/counter/applications"),
    ("POST", "/api/v1/counter/activation-codes"),
    ("GET", "/api/v1/admin/calendar"),
    ("PUT", "/api/v1/admin/calendar"),
    ("POST", "/api/v1/admin/review-loans"),
    ("GET", "/api/v1/admin/review-loans"),
    ("DELETE", "/api/v1/admin/review-loans/{id}"),
    ("POST", "/api/v1/holder/applications/{id}/appeal"),
    ("GET", "/api/v1/holder/applications/{id}/appeal"),
    ("GET", "/api/v1/holder/push-subscriptions"),
    ("PUT", "/api/v1/holder/push-subscriptions"),
    ("DELETE", "/api/v1/holder/push-subscriptions"),
    ("DELETE", "/api/v1/review/applications/{id}/claim"),
    ("POST", "/api/v1/review/applications/{id}/duplicate-search"),
    ("POST", "/api/v1/review/applications/{id}/sample-decision"),
    ("POST", "/api/v1/review/claims"),
    ("GET", "/api/v1/review/forecast"),
    ("GET", "/api/v1/review/summary"),
    ("GET", "/api/v1/review/queue"),
    ("POST", "/api/v1/review/applications/{id}/claim"),
    ("POST", "/api/v1/review/applications/{id}/decision"),
    ("GET", "/api/v1/review/applications/{id}/photo"),
    ("GET", "/api/v1/review/applications/{id}/photo-on-file"),
    ("POST", "/api/v1/review/applications/{id}/sanction"),
    ("POST", "/api/v1/admin/sanctions"),
    ("GET", "/api/v1/admin/sanctions"),
    ("GET", "/api/v1/admin/sanctions/{id}"),
    ("GET", "/api/v1/admin/sanctions/{id}/photos/{photo}"),
    ("POST", "/api/v1/admin/sanctions/{id}/decision"),
    ("POST", "/api/v1/admin/sanctions/{id}/lift"),
    ("POST", "/api/v1/admin/sanctions/{id}/lift/decision"),
    ("POST", "/api/v1/admin/sanctions/{id}/case-files"),
    ("GET", "/api/v1/holder/sanctions"),
    ("POST", "/api/v1/holder/sanctions/{id}/appeal"),
    ("POST", "/api/v1/verifications"),
    ("GET", "/api/v1/verifications/{id}"),
    ("GET", "/api/v1/verifications/{id}/portrait"),
    ("POST", "/api/v1/registry/changes"),
    ("GET", "/api/v1/trust-list"),
    ("GET", "/api/v1/status-lists"),
    ("GET", "/api/v1/status-lists/{id}"),
    ("GET", "/api/v1/verifier/status-lists/{id}"),
    ("POST", "/api/v1/admin/offices"),
    ("GET", "/api/v1/admin/offices"),
    ("POST", "/api/v1/admin/staff"),
    ("GET", "/api/v1/admin/staff"),
    ("PUT", "/api/v1/admin/staff/{id}"),
    ("DELETE", "/api/v1/admin/staff/{id}/sessions"),
    ("POST", "/api/v1/admin/staff/{id}/factor-reset"),
    ("POST", "/api/v1/admin/staff/{id}/factor-reset/approval"),
    ("POST", "/api/v1/staff/factor"),
    ("POST", "/api/v1/staff/factor/confirmation"),
    ("POST", "/api/v1/staff/recovery-codes"),
    ("POST", "/api/v1/staff/password"),
    ("POST", "/api/v1/admin/registry-sources"),
    ("PUT", "/api/v1/admin/rollout"),
    ("GET", "/api/v1/admin/rollout"),
    ("GET", "/api/v1/admin/texts/summary"),
    ("GET", "/api/v1/admin/keys"),
    ("POST", "/api/v1/admin/keys/{key_id}/revocation"),
    ("POST", "/api/v1/admin/keys/{key_id}/restoration"),
    ("GET", "/api/v1/admin/trust-proposals"),
    ("POST", "/api/v1/admin/trust-proposals"),
    ("POST", "/api/v1/admin/trust-proposals/{id}/activation"),
    ("POST", "/api/v1/admin/trust-proposals/{id}/rejection"),
    ("POST", "/api/v1/notifier/reports"),
    ("POST", "/api/v1/holder/bindings"),
    ("PUT", "/api/v1/holder/bindings/{id}/proof"),
    ("GET", "/api/v1/holder/bindings/current"),
    ("DELETE", "/api/v1/holder/bindings/current"),
    ("POST", "/api/v1/counter/binding-revocations"),
    ("GET", "/api/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
];

#[test]
fn the_document_lists_the_paths_of_the_contract() {
    let document = openapi();
    let served = patterns(&document);
    for (method, path) in PATHS {
        let route = ((*method).to_owned(), (*path).to_owned());
        assert!(served.contains(&route), "{method} {path}");
    }
    let pages = page::PATTERNS.len() + assets::PATTERNS.len();
    assert_eq!(served.len(), PATHS.len() + pages);
}

#[test]
fn every_operation_says_how_it_may_fail() {
    let document = written();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            let name = format!("{method} {path}");
            if !["/healthz", "/metrics", "/api/openapi.json"].contains(&path.as_str()) {
                assert!(answers.contains_key("500"), "{name}");
            }
            if method == "post" {
                for status in ["400", "413", "415"] {
                    assert!(answers.contains_key(status), "{name} {status}");
                }
            }
            let failures = answers
                .iter()
                .filter(|(status, _)| status.as_str() >= "400");
            for (status, answer) in failures {
                let problem = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(
                    problem, "#/components/schemas/ProblemView",
                    "{name} {status}"
                );
            }
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = written();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            for member in members.values() {
                collect(member, references);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect(element, references);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let document = written();
    let mut names: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}
