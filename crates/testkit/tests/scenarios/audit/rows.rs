//! Rows and heads that were changed past the platform.

use authority::{AuditCheck, AuditFault};
use jiff::SignedDuration;
use storage::audit::AuditRow;
use testkit::app::App;

use super::{
    SYSTEM, act, all_rows, checkpoint, execute, execute_with, found, keep, restore,
    three_stretches, whole,
};
use crate::on_both_engines;

on_both_engines!(
    sc_62_a_whole_audit_verifies,
    sc_62_the_first_damaged_row_is_named,
    sc_62_a_cut_tail_or_another_head_is_named,
    sc_62_a_chain_written_anew_is_found_by_its_checkpoint,
);

async fn sc_62_a_whole_audit_verifies(app: App) {
    let report = whole(&app).await;
    assert_eq!((report.checkpoints, report.newest_checkpoint_at), (0, None));
    assert_eq!(report.uncovered, report.rows);
    crate::steps::issue(&app, testkit::people::BEIJING).await;
    let rows = all_rows(&app).await;
    checkpoint(&app).await;
    let covered = whole(&app).await;
    assert_eq!((covered.rows, covered.uncovered), (rows, 0));
    app.clock.advance(SignedDuration::from_secs(60));
    act(&app).await;
    let added = all_rows(&app).await - rows;
    assert!(added > 0);
    assert_eq!(whole(&app).await.uncovered, added);
    checkpoint(&app).await;
    // A minute in which nothing happened has its checkpoint too.
    app.clock.advance(SignedDuration::from_secs(60));
    checkpoint(&app).await;
    let report = whole(&app).await;
    assert_eq!((report.rows, report.uncovered), (rows + added, 0));
    assert_eq!(report.checkpoints, 3);
    assert_eq!(report.newest_checkpoint_at, Some(app.clock.now()));
    let documents = app.authority.checkpoints_after(0, 10).await.unwrap();
    assert!(documents[2].line.contains(r#""heads":[]"#), "{documents:?}");
}

async fn sc_62_the_first_damaged_row_is_named(app: App) {
    let (_, _, newest) = three_stretches(&app).await;
    let other_hash = "hash = (SELECT hash FROM kept_audit k WHERE k.partition = 256 AND k.seq = 5)";
    let unreadable = format!("at = {}", i64::MAX);
    let swapped = vec![
        set("seq = 1000", 4),
        set("seq = 4", 5),
        set("seq = 5", 1000),
    ];
    let moved_up = vec![delete("= 4"), set("seq = 4", 5)];
    keep(&app).await;
    for (changes, what, seq) in [
        (vec![set("actor = 'stf_x'", 3)], AuditFault::Changed, 3),
        (vec![set("at = at + 1", 1)], AuditFault::Changed, 1),
        (vec![set(other_hash, 3)], AuditFault::Changed, 3),
        (vec![set(&unreadable, 3)], AuditFault::Changed, 3),
        (vec![delete("= 1")], AuditFault::Removed, 1),
        (vec![delete("= 4")], AuditFault::Removed, 4),
        (moved_up, AuditFault::Changed, 4),
        (swapped, AuditFault::Reordered, 4),
        (contents_swapped(4, 5), AuditFault::Reordered, 4),
    ] {
        expect(&app, &changes, (what, seq, Some(1))).await;
    }
    // After the newest checkpoint the chain tells it.
    let last = vec![set("act = ''", newest)];
    expect(&app, &last, (AuditFault::Changed, newest, None)).await;
    let added = vec![add(0)];
    expect(&app, &added, (AuditFault::Added, 0, None)).await;
}

async fn sc_62_a_cut_tail_or_another_head_is_named(app: App) {
    let (_, second, newest) = three_stretches(&app).await;
    keep(&app).await;
    for (changes, what, seq, checkpoint) in [
        (
            vec![delete(&format!("= {newest}"))],
            AuditFault::Cut,
            newest,
            None,
        ),
        (
            vec![delete(&format!(">= {second}")), head(second - 1)],
            AuditFault::Cut,
            second,
            Some(2),
        ),
        (vec![delete("> 0"), head(2)], AuditFault::Cut, 1, Some(1)),
        (vec![head(newest - 1)], AuditFault::Head, newest, None),
        (vec![head(2)], AuditFault::Head, second, None),
        (vec![add(newest + 1)], AuditFault::Head, newest + 1, None),
    ] {
        expect(&app, &changes, (what, seq, checkpoint)).await;
    }
}

/// Makes the changes in the system's partition, expects the finding there, and undoes them.
async fn expect(app: &App, changes: &[String], expected: (AuditFault, u64, Option<u64>)) {
    for change in changes {
        assert!(execute(app, change).await > 0, "{change}");
    }
    let finding = found(app, &AuditCheck::default()).await;
    let place = (finding.what, finding.seq, finding.checkpoint);
    let (what, seq, checkpoint) = expected;
    assert_eq!(place, (what, Some(seq), checkpoint), "{changes:?}");
    assert_eq!(finding.partition, Some(256), "{changes:?}");
    restore(app).await;
    whole(app).await;
}

fn set(what: &str, seq: u64) -> String {
    format!("UPDATE audit SET {what} WHERE partition = 256 AND seq = {seq}")
}

fn delete(which: &str) -> String {
    format!("DELETE FROM audit WHERE partition = 256 AND seq {which}")
}

/// Another row number 3, at `seq`.
fn add(seq: u64) -> String {
    format!(
        "INSERT INTO audit SELECT 256, {seq}, at, act, actor, subject, request, detail, hash \
         FROM kept_audit WHERE partition = 256 AND seq = 3"
    )
}

/// The head set to an earlier row, with that row's hash.
fn head(seq: u64) -> String {
    format!(
        "UPDATE partition_heads SET audit_seq = {seq}, audit_hash = (SELECT hash FROM kept_audit k \
         WHERE k.partition = 256 AND k.seq = {seq}) WHERE partition = 256"
    )
}

/// Two rows that keep their numbers and hashes and exchange all else.
fn contents_swapped(one: u64, other: u64) -> Vec<String> {
    let contents = |of, at| {
        let column = |name| {
            format!(
                "{name} = (SELECT {name} FROM kept_audit k WHERE k.partition = 256 AND k.seq = {of})"
            )
        };
        let columns = ["at", "act", "actor", "subject", "request", "detail"].map(column);
        set(&columns.join(", "), at)
    };
    vec![contents(one, other), contents(other, one)]
}

/// Rows whose hashes are all right again, head included: only what was signed tells.
async fn sc_62_a_chain_written_anew_is_found_by_its_checkpoint(app: App) {
    let (first, second, _) = three_stretches(&app).await;
    keep(&app).await;
    // In the second stretch: the first checkpoint still agrees.
    rewrite(&app, first + 1).await;
    let finding = found(&app, &AuditCheck::default()).await;
    assert_eq!(
        (finding.what, finding.seq),
        (AuditFault::Changed, Some(second))
    );
    assert_eq!((finding.since, finding.checkpoint), (Some(first), Some(2)));
    restore(&app).await;
    rewrite(&app, 3).await;
    let finding = found(&app, &AuditCheck::default()).await;
    assert_eq!(
        (finding.what, finding.seq),
        (AuditFault::Changed, Some(first))
    );
    assert_eq!((finding.since, finding.checkpoint), (Some(0), Some(1)));
    // After the newest checkpoint nothing but the chain vouches, and the report says how much that is.
    restore(&app).await;
    rewrite(&app, second + 1).await;
    assert!(whole(&app).await.uncovered > 0);
}

/// Changes row `from` of the system's partition and gives it and all that follow, and the head, the
/// hashes that fit.
async fn rewrite(app: &App, from: u64) {
    let rows = app
        .authority
        .store()
        .audit_after(SYSTEM, 0, 1_000)
        .await
        .unwrap();
    let mut previous = vec![0; 32];
    for mut row in rows {
        if row.seq == from {
            "stf_x".clone_into(&mut row.actor);
        }
        row.hash = row.chained(&previous);
        previous.clone_from(&row.hash);
        let AuditRow {
            seq, actor, hash, ..
        } = row;
        execute_with(app, &format!("UPDATE audit SET actor = '{actor}', hash = $1 WHERE partition = 256 AND seq = {seq}"), &hash).await;
    }
    execute_with(
        app,
        "UPDATE partition_heads SET audit_hash = $1 WHERE partition = 256",
        &previous,
    )
    .await;
}
