//! The copy of the checkpoints outside the database.

use authority::{AuditCheck, AuditFault, LostRows};
use jiff::SignedDuration;
use std::fs;
use std::path::PathBuf;
use storage::Partition;
use testkit::app::App;

use super::{act, checkpoint, execute, found, keep, restore, three_stretches, verify, whole};
use crate::on_both_engines;

on_both_engines!(
    sc_62_a_database_that_was_set_back_is_found_by_its_witness,
    sc_62_a_damaged_witness_is_named,
    sc_62_a_witness_is_continued_where_it_ends,
    sc_62_a_witness_tells_which_rows_an_earlier_state_lacks,
);

async fn sc_62_a_database_that_was_set_back_is_found_by_its_witness(app: App) {
    let (_, second, _) = three_stretches(&app).await;
    let (witness, check) = witness(&app);
    assert_eq!(app.authority.push_checkpoints(&witness).await.unwrap(), 2);
    assert_eq!(verify(&app, &check).await.witnessed, 2);
    // Back to a copy that was made before the second checkpoint, all tables alike.
    let later = [
        format!("DELETE FROM audit WHERE partition = 256 AND seq >= {second}"),
        format!(
            "UPDATE partition_heads SET audit_seq = {0}, audit_hash = (SELECT hash FROM audit a WHERE a.partition = 256 AND a.seq = {0}) WHERE partition = 256",
            second - 1
        ),
        "DELETE FROM audit_checkpoints WHERE number = 2".to_owned(),
        "DELETE FROM audit_checkpointed".to_owned(),
    ];
    keep(&app).await;
    // Only the checkpoint is gone; every row that it names is there.
    execute(&app, &later[2]).await;
    whole(&app).await;
    let finding = found(&app, &check).await;
    assert_eq!(
        (finding.what, finding.checkpoint),
        (AuditFault::CheckpointMissing, Some(2))
    );
    restore(&app).await;

    for change in &later {
        execute(&app, change).await;
    }
    // Nothing inside tells.
    whole(&app).await;
    let finding = found(&app, &check).await;
    assert_eq!((finding.what, finding.seq), (AuditFault::Cut, Some(second)));
    assert_eq!(
        (finding.partition, finding.checkpoint),
        (Some(256), Some(2))
    );
    let refused = app.authority.push_checkpoints(&witness).await;
    assert_eq!(refused.unwrap_err().code(), "witness-ahead");
    // And it went on from there as if nothing had been.
    act(&app).await;
    act(&app).await;
    assert_eq!(checkpoint(&app).await, 2);
    whole(&app).await;
    let finding = found(&app, &check).await;
    assert_eq!(
        (finding.what, finding.checkpoint),
        (AuditFault::WitnessDiffers, Some(2))
    );
    assert_eq!((finding.partition, finding.seq), (Some(256), Some(second)));
    let refused = app.authority.push_checkpoints(&witness).await;
    assert_eq!(refused.unwrap_err().code(), "witness-ahead");
}

async fn sc_62_a_witness_tells_which_rows_an_earlier_state_lacks(app: App) {
    act(&app).await;
    checkpoint(&app).await;
    act(&app).await;
    let heads = heads(&app).await;
    let (_, newest, _) = *heads.last().unwrap();
    act(&app).await;
    checkpoint(&app).await;
    let (witness, _) = witness(&app);
    app.authority.push_checkpoints(&witness).await.unwrap();
    let lost = LostRows::since(&heads, &witness).await.unwrap();
    let now = self::heads(&app).await;
    let (_, end, _) = *now.last().unwrap();
    assert!(end > newest);
    assert_eq!((lost.count(), lost.newest), (end - newest, 2));
    assert_eq!(lost.rows[&Partition::SYSTEM], (newest + 1, end));
    // As things are, nothing is lost.
    assert_eq!(LostRows::since(&now, &witness).await.unwrap().count(), 0);
    // A state with another row where the witness has one is no earlier state of this.
    let mut other = now;
    other.last_mut().unwrap().2 = "00".repeat(32);
    let refused = LostRows::since(&other, &witness).await.unwrap_err();
    assert_eq!(refused.code(), "witness-ahead");
}

/// The heads as a backup names them.
async fn heads(app: &App) -> Vec<(u16, u64, String)> {
    let heads = app.authority.store().audit_heads().await.unwrap();
    heads
        .into_iter()
        .filter(|head| head.seq > 0)
        .map(|head| (head.partition.number(), head.seq, hex::encode(head.hash)))
        .collect()
}

async fn sc_62_a_damaged_witness_is_named(app: App) {
    three_stretches(&app).await;
    checkpoint(&app).await;
    let (witness, check) = witness(&app);
    assert_eq!(app.authority.push_checkpoints(&witness).await.unwrap(), 3);
    let text = fs::read_to_string(&witness).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let signature = lines[1].rsplit('"').nth(1).unwrap();
    let forged = lines[1].replace(signature, lines[0].rsplit('"').nth(1).unwrap());
    let too_long = "x".repeat(100_000);
    for (copy, what, place) in [
        (
            [lines[0], forged.as_str(), lines[2]],
            AuditFault::WitnessDiffers,
            (Some(2), None),
        ),
        (
            [lines[0], "{}", lines[2]],
            AuditFault::WitnessDamaged,
            (None, Some(2)),
        ),
        (
            [lines[1], lines[0], lines[2]],
            AuditFault::WitnessDamaged,
            (None, Some(2)),
        ),
        (
            [lines[0], lines[1], too_long.as_str()],
            AuditFault::WitnessDamaged,
            (None, Some(3)),
        ),
    ] {
        fs::write(&witness, copy.join("\n") + "\n").unwrap();
        let finding = found(&app, &check).await;
        assert_eq!(finding.what, what, "{finding}");
        assert_eq!((finding.checkpoint, finding.line), place, "{finding}");
    }
    // One that nobody signed, for a checkpoint that the database does not have.
    let invented = lines[2].replace("\"number\":3", "\"number\":4");
    fs::write(&witness, format!("{}\n{invented}\n", lines[2])).unwrap();
    let finding = found(&app, &check).await;
    assert_eq!(
        (finding.what, finding.line),
        (AuditFault::WitnessDamaged, Some(2))
    );
    // Gaps are no damage.
    fs::write(&witness, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    let report = verify(&app, &check).await;
    assert_eq!((report.first, report.witnessed), (None, 2));
    fs::remove_file(&witness).unwrap();
    let missing = app.authority.verify_audit(&check).await;
    assert_eq!(missing.unwrap_err().code(), "witness-failed");
}

async fn sc_62_a_witness_is_continued_where_it_ends(app: App) {
    let (witness, check) = witness(&app);
    assert_eq!(app.authority.push_checkpoints(&witness).await.unwrap(), 0);
    for _ in 0..60 {
        checkpoint(&app).await;
        app.clock.advance(SignedDuration::from_secs(60));
    }
    assert_eq!(app.authority.push_checkpoints(&witness).await.unwrap(), 60);
    assert_eq!(app.authority.push_checkpoints(&witness).await.unwrap(), 0);
    checkpoint(&app).await;
    let text = fs::read_to_string(&witness).unwrap();
    // A crash or a full disk left the beginning of a line.
    for (kept, pushed) in [(text.len() - 10, 2), (text.len(), 1), (20, 61)] {
        fs::write(&witness, &text[..kept]).unwrap();
        assert_eq!(
            app.authority.push_checkpoints(&witness).await.unwrap(),
            pushed
        );
        let report = verify(&app, &check).await;
        assert_eq!((report.first, report.witnessed), (None, 61));
    }
    // Another file is not written over.
    fs::write(&witness, "notes\nof somebody\n").unwrap();
    let refused = app.authority.push_checkpoints(&witness).await;
    assert_eq!(refused.unwrap_err().code(), "witness-ahead");
    assert_eq!(
        fs::read_to_string(&witness).unwrap(),
        "notes\nof somebody\n"
    );
    let nowhere = app.folder().join("nowhere/witness");
    let refused = app.authority.push_checkpoints(&nowhere).await;
    assert_eq!(refused.unwrap_err().code(), "witness-failed");
}

fn witness(app: &App) -> (PathBuf, AuditCheck) {
    let path = app.folder().join("witness.ndjson");
    let check = AuditCheck {
        witness: Some(path.clone()),
        ..AuditCheck::default()
    };
    (path, check)
}
