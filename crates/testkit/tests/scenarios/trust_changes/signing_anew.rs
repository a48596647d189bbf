//! Credentials whose key departed are signed anew, and every signature is accounted for.

use super::*;
use authority::{AuditCheck, AuditFault, AuditFinding};
use storage::Partition;

use crate::{
    audit::execute,
    steps::{deliver, issue},
};
use testkit::people::record;

crate::on_both_engines!(
    a_job_signs_anew_what_a_departed_key_signed,
    a_credential_that_ends_soon_is_signed_anew_on_contact,
    signatures_are_counted_and_reconciled,
    signatures_of_what_a_bound_device_shows_are_reconciled_too,
);

async fn found(app: &App) -> Option<AuditFinding> {
    let report = app.authority.verify_audit(&AuditCheck::default()).await;
    report.unwrap().first
}

async fn whole(app: &App) -> u64 {
    let report = app
        .authority
        .verify_audit(&AuditCheck::default())
        .await
        .unwrap();
    assert_eq!(report.first, None);
    report.signatures
}

/// Forms by key, over all partitions.
async fn forms_of(app: &App, key: KeyId) -> u64 {
    let tallies = app.authority.store().signature_tallies().await.unwrap();
    let of = |forms: &std::collections::BTreeMap<String, u64>| {
        forms.get(&key.to_string()).copied().unwrap_or(0)
    };
    tallies.values().map(|tally| of(&tally.forms)).sum()
}

async fn run(app: &App, node: &str) -> u64 {
    let run = app.authority.sign_anew_departed(&mut app.act(), node).await;
    run.unwrap()
}

async fn a_job_signs_anew_what_a_departed_key_signed(app: App) {
    administrators(&app).await;
    for number in [BEIJING, CHENGDU] {
        issue(&app, number).await;
    }
    let old = signing_key(&app);
    assert_eq!(forms_of(&app, old).await, 2);
    app.clock.advance(SignedDuration::from_secs(60));
    changed(&app, &ROTATE).await;
    // During the overlap nothing is due.
    assert_eq!(run(&app, "node-a").await, 0);
    app.clock.advance(SignedDuration::from_secs(60));
    changed(&app, &TrustChange::Retire(old)).await;
    let mut done = run(&app, "node-a").await;
    assert_eq!(run(&app, "node-b").await, 0, "another node has the lease");
    for _ in 0..Partition::HOLDERS {
        done += run(&app, "node-a").await;
    }
    assert_eq!(done, 2);
    assert_eq!(forms_of(&app, old).await, 0);
    assert_eq!(forms_of(&app, signing_key(&app)).await, 2);
    // Two suites, and each credential twice.
    assert_eq!(whole(&app).await, 8);
    let driver = crate::steps::activate(&app, BEIJING).await;
    let facts = verified(&app, &driver).await;
    assert_eq!(facts["authentic"]["key_id"], signing_key(&app).to_string());
}

async fn a_credential_that_ends_soon_is_signed_anew_on_contact(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let first = file(&driver).await;
    let ends = |file: &[u8]| {
        let claims = credential::Unverified::parse(file)
            .unwrap()
            .dangerous_claims();
        claims.unwrap().expires_at.timestamp()
    };
    let again = async |days: i64| {
        app.clock.advance(SignedDuration::from_hours(24 * days));
        file(&signed_in_again(&driver).await).await
    };
    // The device is seen in between, so that it lives on.
    assert_eq!(ends(&again(80).await), ends(&first));
    assert_eq!(ends(&again(80).await), ends(&first));
    assert_eq!(ends(&again(80).await), ends(&first));
    assert_eq!(ends(&again(80).await), ends(&first));
    let renewed = again(16).await;
    assert_eq!(
        ends(&renewed),
        app.clock.now() + SignedDuration::from_hours(365 * 24)
    );
    assert_eq!(whole(&app).await, 4);
}

async fn signatures_are_counted_and_reconciled(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    deliver(&app, &[record(CHENGDU)]).await;
    assert_eq!(whole(&app).await, 2);
    let key = signing_key(&app).to_string();
    let named = |finding: Option<AuditFinding>, what| {
        let finding = finding.unwrap();
        assert_eq!(
            (finding.what, finding.key.as_deref()),
            (what, Some(key.as_str()))
        );
        assert!(finding.to_string().contains(&key), "{finding}");
    };
    // A count that was changed, and one that is gone.
    let counts = format!("signing_counts SET signatures = signatures + 1 WHERE key_id = '{key}'");
    assert_eq!(execute(&app, &format!("UPDATE {counts}")).await, 1);
    named(found(&app).await, AuditFault::SignatureCount);
    let back = counts.replace("+ 1", "- 1");
    execute(&app, &format!("UPDATE {back}")).await;
    whole(&app).await;
    // A form that was signed past the platform.
    let copy = format!(
        "INSERT INTO credential_forms (partition, credential_id, suite, key_id, form_sealed) \
         SELECT partition, credential_id, 'other', key_id, form_sealed FROM credential_forms WHERE key_id = '{key}'"
    );
    assert_eq!(execute(&app, &copy).await, 1);
    named(found(&app).await, AuditFault::SignedForms);
    execute(&app, "DELETE FROM credential_forms WHERE suite = 'other'").await;
    whole(&app).await;
    // The same with its count: then there is no audit row.
    execute(&app, &copy).await;
    execute(&app, &format!("UPDATE {counts}")).await;
    named(found(&app).await, AuditFault::SignatureCount);
    execute(&app, "DELETE FROM credential_forms WHERE suite = 'other'").await;
    execute(&app, &format!("UPDATE {back}")).await;
    // A form that is gone.
    let gone = format!("DELETE FROM credential_forms WHERE key_id = '{key}'");
    assert_eq!(execute(&app, &gone).await, 1);
    named(found(&app).await, AuditFault::SignedForms);
    drop(driver);
}

async fn signatures_of_what_a_bound_device_shows_are_reconciled_too(app: App) {
    administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let issued = whole(&app).await;
    crate::binding::bind(&driver, 1).await;
    let bound = whole(&app).await;
    // A credential of its own in both suites, and what codes carry.
    assert!(bound > issued + 2, "{bound}");
    // Revoked keys leave nothing behind that is not accounted for.
    let key = signing_key(&app);
    app.clock.advance(SignedDuration::from_secs(60));
    changed(&app, &ROTATE).await;
    brought(&app, &TrustChange::Revoke(key)).await;
    driver.get("/holder/e-licence").await.expect(200);
    crate::binding::material(&driver, "offline").await.done();
    assert!(whole(&app).await > bound);
    assert_eq!(forms_of(&app, key).await, 1, "of the credential that ended");
}
