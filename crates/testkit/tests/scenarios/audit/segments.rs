//! Rows that were moved to the object store.

use authority::{AuditCheck, AuditFault};
use jiff::SignedDuration;
use std::{fs, path::PathBuf};
use testkit::app::App;

use super::{
    SYSTEM, act, all_rows, checkpoint, execute, found, keep, restore, three_stretches, whole,
};
use crate::on_both_engines;

on_both_engines!(
    sc_62_closed_segments_verify,
    sc_62_what_is_broken_is_not_archived,
    sc_62_a_damaged_segment_is_named,
    sc_62_a_changed_list_of_segments_is_named,
);

async fn sc_62_closed_segments_verify(app: App) {
    // More than one segment's worth in one partition.
    many_rows(&app, 1_100).await;
    crate::steps::issue(&app, testkit::people::BEIJING).await;
    let before = app.clock.now() + SignedDuration::from_secs(1);
    assert_eq!(archive(&app, before).await, 0, "nothing is covered yet");
    checkpoint(&app).await;
    assert_eq!(
        archive(&app, app.clock.now()).await,
        0,
        "nothing is old enough"
    );
    let rows = all_rows(&app).await;
    act(&app).await;
    let later = all_rows(&app).await - rows;
    app.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(archive(&app, before).await, rows);
    let report = whole(&app).await;
    assert_eq!(report.archived, rows);
    assert!(report.rows > rows + later, "archiving is an act of its own");
    let left = app
        .authority
        .store()
        .audit_after(SYSTEM, 0, 1_000)
        .await
        .unwrap();
    assert!(left.len() < 20, "{}", left.len());
    assert!(left.iter().any(|row| row.act == "audit.archived"));
    // It goes on: what was written since is closed in its turn.
    checkpoint(&app).await;
    let now = app.clock.now() + SignedDuration::from_secs(1);
    assert_eq!(archive(&app, now).await, report.rows - rows);
    checkpoint(&app).await;
    let again = whole(&app).await;
    assert_eq!((again.archived, again.uncovered), (report.rows, 0));
    // Only the system closes segments.
    let mut act = app.act();
    act.actor = authority::Actor::Anonymous;
    let refused = app.authority.archive_audit(&act, "node-a", now).await;
    assert_eq!(refused.unwrap_err().code(), "not-your-role");
}

async fn sc_62_what_is_broken_is_not_archived(app: App) {
    three_stretches(&app).await;
    checkpoint(&app).await;
    keep(&app).await;
    let broken = "UPDATE audit SET act = 'x' WHERE partition = 256 AND seq = 2";
    assert_eq!(execute(&app, broken).await, 1);
    let now = app.clock.now() + SignedDuration::from_secs(1);
    let refused = app.authority.archive_audit(&app.act(), "node-a", now).await;
    assert_eq!(refused.unwrap_err().code(), "audit-broken");
    expect_row(&app, AuditFault::Changed, 2).await;
    assert_eq!(whole(&app).await.archived, 0);
}

async fn sc_62_a_damaged_segment_is_named(app: App) {
    let (newest, object) = archived(&app).await;
    let text = fs::read_to_string(&object).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let altered = lines[2].replacen("\"request\":\"", "\"request\":\"x", 1);
    let mut changed = lines.clone();
    changed[2] = &altered;
    let mut removed = lines.clone();
    removed.remove(3);
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    for (copy, what, seq) in [
        (joined(&changed), AuditFault::Changed, 3),
        (joined(&removed), AuditFault::Removed, 4),
        (joined(&swapped), AuditFault::Reordered, 4),
        (joined(&lines[..5]), AuditFault::Changed, 6),
        (String::new(), AuditFault::Changed, 1),
        (text.replacen('{', "[", 1), AuditFault::Changed, 1),
        (format!("{text}{}\n", lines[0]), AuditFault::Segment, newest),
        (format!("{text}\n"), AuditFault::Segment, newest),
    ] {
        fs::write(&object, copy).unwrap();
        expect_row(&app, what, seq).await;
    }
    fs::remove_file(&object).unwrap();
    expect_row(&app, AuditFault::Removed, 1).await;
    fs::write(&object, &text).unwrap();
    whole(&app).await;
}

async fn sc_62_a_changed_list_of_segments_is_named(app: App) {
    let (newest, _) = archived(&app).await;
    let set = |what| format!("UPDATE audit_segments SET {what} WHERE partition = 256");
    let gone = "DELETE FROM audit_segments WHERE partition = 256".to_owned();
    let put_back =
        "INSERT INTO audit SELECT 256, 3, at, act, actor, subject, request, detail, hash \
                    FROM audit WHERE partition = 256"
            .to_owned();
    for (change, what, seq) in [
        (gone, AuditFault::Removed, 1),
        (set("object = '../secret'"), AuditFault::Removed, 1),
        (set("from_seq = 2"), AuditFault::Removed, 1),
        (set("previous_hash = last_hash"), AuditFault::Segment, 1),
        (
            set("last_hash = previous_hash"),
            AuditFault::Segment,
            newest,
        ),
        (set("size = size + 1"), AuditFault::Segment, newest),
        (put_back, AuditFault::Added, 3),
    ] {
        assert_eq!(execute(&app, &change).await, 1, "{change}");
        expect_row(&app, what, seq).await;
        whole(&app).await;
    }
}

/// All rows of the system's partition in one segment: the newest of them, and where it lies.
async fn archived(app: &App) -> (u64, PathBuf) {
    let (_, _, newest) = three_stretches(app).await;
    checkpoint(app).await;
    let now = app.clock.now() + SignedDuration::from_secs(1);
    assert!(archive(app, now).await >= newest);
    whole(app).await;
    keep(app).await;
    let object = format!("objects/audit/100/{:012}-{newest:012}.ndjson", 1);
    (newest, app.folder().join(object))
}

async fn many_rows(app: &App, count: u32) {
    let entry = |n: u32| app.act().entry("test.done").with("n", n);
    let trail = storage::audit::Trail::of((0..count).map(entry).collect()).unwrap();
    let tx = app.authority.store().begin_in(SYSTEM).await.unwrap();
    tx.commit(trail, Vec::new()).await.unwrap();
}

async fn archive(app: &App, before: jiff::Timestamp) -> u64 {
    app.authority
        .archive_audit(&app.act(), "node-a", before)
        .await
        .unwrap()
}

async fn expect_row(app: &App, what: AuditFault, seq: u64) {
    let finding = found(app, &AuditCheck::default()).await;
    assert_eq!((finding.what, finding.seq), (what, Some(seq)), "{finding}");
    assert_eq!(finding.partition, Some(256));
    restore(app).await;
}
