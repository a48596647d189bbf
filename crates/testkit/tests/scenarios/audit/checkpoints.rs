//! Checkpoints: forged, missing, of another history, and who makes them.

use authority::{AuditCheck, AuditFault};
use credential::{
    KeyState, NumericDate, SignedTrustList, SoftwareSigner, Suite, TrustList, TrustedKey,
    VerifiedTrustList, sign_trust_list,
};
use jiff::SignedDuration;
use testkit::{app::App, random::seeded};

use super::{checkpoint, execute, found, keep, restore, three_stretches, verify, whole};
use crate::on_both_engines;

on_both_engines!(
    sc_62_forged_and_missing_checkpoints_are_named,
    sc_62_checkpoints_are_checked_with_a_trust_list_kept_elsewhere,
    sc_62_a_checkpoint_of_another_history_is_named,
    sc_62_a_checkpoint_does_not_cover_up_a_cut,
    sc_32_one_node_makes_checkpoints,
);

async fn sc_62_forged_and_missing_checkpoints_are_named(app: App) {
    three_stretches(&app).await;
    checkpoint(&app).await;
    let lines = app.authority.checkpoints_after(0, 10).await.unwrap();
    keep(&app).await;
    let number = |n: usize| lines[n - 1].line.clone();
    let part = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let signature_of_1 = number(2).replace(
        &part(&number(2), "signature"),
        &part(&number(1), "signature"),
    );
    let other_all = number(2).replace(&part(&number(2), "all"), &part(&number(1), "all"));
    let other_seq = number(2).replacen("[256,", "[256,1", 1);
    for (at, document) in [
        (2, signature_of_1),
        (2, other_all),
        (2, other_seq),
        (2, number(1)),
        (2, "{}".to_owned()),
        (3, number(2)),
    ] {
        assert_ne!(document, number(at));
        set_document(&app, at, &document).await;
        expect_checkpoint(&app, AuditFault::CheckpointSignature, at).await;
    }
    execute(
        &app,
        "UPDATE audit_checkpoints SET at = at + 1 WHERE number = 2",
    )
    .await;
    expect_checkpoint(&app, AuditFault::CheckpointSignature, 2).await;
    for missing in [1, 2] {
        execute(
            &app,
            &format!("DELETE FROM audit_checkpoints WHERE number = {missing}"),
        )
        .await;
        expect_checkpoint(&app, AuditFault::CheckpointMissing, missing).await;
    }
}

async fn sc_62_checkpoints_are_checked_with_a_trust_list_kept_elsewhere(app: App) {
    three_stretches(&app).await;
    let own = app.authority.trust_list().unwrap();
    let own = SignedTrustList::from_json(own.as_bytes()).unwrap();
    let own = own.verify(None).unwrap();
    let keys = |change: fn(&mut TrustedKey)| {
        let mut keys = own.list().keys.clone();
        keys.iter_mut().for_each(change);
        keys
    };
    let ended: fn(&mut TrustedKey) = |key| key.not_after = key.not_before;
    let revoked: fn(&mut TrustedKey) = |key| key.state = KeyState::Revoked { at: key.not_before };
    let retired: fn(&mut TrustedKey) = |key| key.state = KeyState::Retired;
    let fault = AuditFault::CheckpointSignature;
    for (keys, expected) in [
        (keys(|_| {}), None),
        (keys(retired), None),
        (Vec::new(), Some((fault, Some(1)))),
        (keys(ended), Some((fault, Some(1)))),
        // Nothing that is still trusted follows the newest one.
        (keys(revoked), Some((fault, Some(2)))),
    ] {
        let check = AuditCheck {
            trust: Some(trust(&app, keys)),
            ..AuditCheck::default()
        };
        let first = verify(&app, &check).await.first;
        let place = first.map(|finding| (finding.what, finding.checkpoint));
        assert_eq!(place, expected);
    }
}

fn trust(app: &App, keys: Vec<TrustedKey>) -> VerifiedTrustList {
    let root = SoftwareSigner::generate(&Suite::Es256, &mut seeded(1_000)).unwrap();
    let list = TrustList {
        version: 1,
        issued_at: NumericDate::floor(app.clock.now()),
        next_update: NumericDate::floor(app.clock.now() + SignedDuration::from_secs(60)),
        keys,
    };
    let signed = sign_trust_list(&list, &[&root]).unwrap();
    signed.verify(None).unwrap()
}

async fn sc_62_a_checkpoint_of_another_history_is_named(app: App) {
    three_stretches(&app).await;
    checkpoint(&app).await;
    let third = app
        .authority
        .checkpoints_after(2, 1)
        .await
        .unwrap()
        .remove(0);
    keep(&app).await;
    // Another second one, signed by the platform itself, between the first and the third.
    execute(&app, "DELETE FROM audit_checkpoints WHERE number > 1").await;
    app.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(checkpoint(&app).await, 2);
    whole(&app).await;
    assert_eq!(checkpoint(&app).await, 3);
    execute(&app, "UPDATE audit_checkpoints SET at = (SELECT at FROM kept_audit_checkpoints k WHERE k.number = 3) WHERE number = 3").await;
    set_document(&app, 3, &third.line).await;
    expect_checkpoint(&app, AuditFault::CheckpointChain, 3).await;
}

/// What the next checkpoint starts from is no proof: where it was changed, every head is named.
async fn sc_62_a_checkpoint_does_not_cover_up_a_cut(app: App) {
    let (_, second, newest) = three_stretches(&app).await;
    keep(&app).await;
    execute(&app, "UPDATE audit_checkpointed SET seq = seq + 1000").await;
    assert_eq!(checkpoint(&app).await, 3);
    let report = whole(&app).await;
    assert_eq!((report.checkpoints, report.uncovered), (3, 0));
    restore(&app).await;

    let cut = second - 1;
    execute(
        &app,
        &format!("DELETE FROM audit WHERE partition = 256 AND seq > {cut}"),
    )
    .await;
    execute(&app, &format!(
        "UPDATE partition_heads SET audit_seq = {cut}, audit_hash = (SELECT hash FROM audit a WHERE a.partition = 256 AND a.seq = {cut}) WHERE partition = 256"
    )).await;
    let refused = app.authority.checkpoint(&app.act(), "node-a").await;
    assert_eq!(refused.unwrap_err().code(), "internal");
    // Not even where the memory of the newest checkpoint is cut with it.
    execute(
        &app,
        &format!("UPDATE audit_checkpointed SET seq = {cut} WHERE partition = 256"),
    )
    .await;
    assert_eq!(checkpoint(&app).await, 3);
    let finding = found(&app, &AuditCheck::default()).await;
    assert_eq!((finding.what, finding.seq), (AuditFault::Cut, Some(second)));
    assert_eq!(finding.checkpoint, Some(2));
    assert!(cut < newest);
}

async fn sc_32_one_node_makes_checkpoints(app: App) {
    let (other, _) = app.second_node().await;
    assert_eq!(
        app.authority
            .checkpoint(&app.act(), "node-a")
            .await
            .unwrap(),
        Some(1)
    );
    assert_eq!(other.checkpoint(&app.act(), "node-b").await.unwrap(), None);
    app.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(
        app.authority
            .checkpoint(&app.act(), "node-a")
            .await
            .unwrap(),
        Some(2)
    );
    assert_eq!(other.checkpoint(&app.act(), "node-b").await.unwrap(), None);
    // The first one died: its lease ends by itself.
    app.clock.advance(SignedDuration::from_secs(120));
    assert_eq!(
        other.checkpoint(&app.act(), "node-b").await.unwrap(),
        Some(3)
    );
    whole(&app).await;
}

async fn expect_checkpoint(app: &App, what: AuditFault, number: usize) {
    let finding = found(app, &AuditCheck::default()).await;
    let number = u64::try_from(number).ok();
    assert_eq!(
        (finding.what, finding.checkpoint),
        (what, number),
        "{finding}"
    );
    restore(app).await;
    whole(app).await;
}

async fn set_document(app: &App, number: usize, document: &str) {
    let text =
        format!("UPDATE audit_checkpoints SET document = '{document}' WHERE number = {number}");
    assert_eq!(execute(app, &text).await, 1);
}
