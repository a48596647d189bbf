//! One partition, row by row: closed segments first, then the table.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use storage::{AuditSegment, Partition, SegmentRows, Store, StoreError, audit::AuditRow};

use super::{
    checkpoint::Head,
    report::{AuditFault, AuditFinding},
};
use crate::Error;

/// Rows of one partition that are read at once. All partitions are walked side by side, so that
/// 257 times as many, or as many as lie in a segment, are held at most, however long the audit is.
const READ_AHEAD: u32 = 200;
/// How far a row that is missing in its place is looked for behind it.
const SEARCH: u32 = 1_000;

/// Why a walk ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The first place that is not as it was written.
    Found(Box<AuditFinding>),
    /// It could not be checked.
    Failed(Error),
}

impl From<AuditFinding> for Stop {
    fn from(finding: AuditFinding) -> Self {
        Self::Found(Box::new(finding))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// How far the rows of a partition have been found to follow each other.
#[derive(Debug)]
pub(super) struct Walker {
    partition: Partition,
    /// The newest row that was checked, and its hash.
    seq: u64,
    hash: Vec<u8>,
    /// The newest row that a checkpoint vouches for.
    agreed: u64,
    ahead: VecDeque<AuditRow>,
    /// The segment that is being read.
    open: Option<Open>,
    in_table: bool,
    archived: u64,
    /// What the rows checked say of signatures, by key.
    signed: BTreeMap<String, Signed>,
}

/// Signatures of a key that rows tell of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signed {
    /// Made.
    pub(super) made: u64,
    /// Of these, in what is no stored form of a credential (any more).
    pub(super) replaced: u64,
}

#[derive(Debug)]
struct Open {
    segment: AuditSegment,
    damaged: bool,
}

impl Walker {
    pub(super) fn new(partition: Partition) -> Self {
        Self {
            partition,
            seq: 0,
            hash: vec![0; 32],
            agreed: 0,
            ahead: VecDeque::new(),
            open: None,
            in_table: false,
            archived: 0,
            signed: BTreeMap::new(),
        }
    }

    /// What the rows checked so far say of signatures.
    pub(super) fn signed(&self) -> &BTreeMap<String, Signed> {
        &self.signed
    }

    pub(super) fn partition(&self) -> Partition {
        self.partition
    }

    /// Rows checked; of them in segments; of them after what a checkpoint vouches for.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let uncovered = self.seq.saturating_sub(self.agreed);
        (self.seq, self.archived, uncovered)
    }

    /// Walks to the row that checkpoint `number` names and compares.
    pub(super) async fn confirm(
        &mut self,
        store: &Store,
        claim: &Head,
        number: u64,
    ) -> Result<(), Stop> {
        let shown = |stop| match stop {
            Stop::Found(mut finding) => {
                finding.checkpoint = Some(number);
                Stop::Found(finding)
            }
            Stop::Failed(error) => Stop::Failed(error),
        };
        if claim.seq < self.seq {
            // The checkpoint before named more rows than there were when this one was made.
            let finding = self.finding(AuditFault::Cut, claim.seq.saturating_add(1));
            return Err(shown(finding.into()));
        }
        self.advance(store, claim.seq).await.map_err(shown)?;
        if self.hash != claim.hash {
            return Err(shown(self.finding(AuditFault::Changed, claim.seq).into()));
        }
        self.agreed = claim.seq;
        Ok(())
    }

    /// Walks to the partition's head and sees that nothing else is there. Answers the number of a
    /// row beyond it, which is a newer one or none that was written.
    pub(super) async fn finish(&mut self, store: &Store, head: &Head) -> Result<Option<u64>, Stop> {
        if head.seq < self.seq {
            return Err(self.finding(AuditFault::Head, self.seq).into());
        }
        self.advance(store, head.seq).await?;
        if self.hash != head.hash {
            return Err(self.finding(AuditFault::Head, head.seq).into());
        }
        // The segments first: what is archived meanwhile is then only later in the table.
        let segment = store.newest_audit_segment(self.partition).await?;
        let first = segment.map_or(1, |segment| segment.to.saturating_add(1));
        let found = store.first_audit_seq(self.partition).await?;
        if let Some(found) = found.and_then(|seq| u64::try_from(seq.max(0)).ok())
            && found < first
        {
            return Err(self.finding(AuditFault::Added, found).into());
        }
        self.fill(store).await?;
        Ok(self.ahead.front().map(|row| row.seq))
    }

    /// Walks to the newest row of a later instant.
    pub(super) async fn go_on(
        &mut self,
        store: &Store,
        (seq, hash): (u64, &[u8]),
    ) -> Result<(), Stop> {
        self.advance(store, seq).await?;
        if self.seq == seq && self.hash != hash {
            return Err(self.finding(AuditFault::Head, seq).into());
        }
        Ok(())
    }

    pub(super) fn beyond(&self, seq: u64) -> Stop {
        self.finding(AuditFault::Head, seq).into()
    }

    async fn advance(&mut self, store: &Store, to: u64) -> Result<(), Stop> {
        while self.seq < to {
            self.fill(store).await?;
            let Some(row) = self.ahead.pop_front() else {
                return Err(self.finding(AuditFault::Cut, self.next()).into());
            };
            if row.seq != self.next() || row.hash != row.chained(&self.hash) {
                return Err(self.diagnose(store, row).await);
            }
            self.seq = row.seq;
            self.tell_signatures(&row.detail);
            self.hash = row.hash;
            self.leave_segment()?;
        }
        Ok(())
    }

    /// In the holders' partitions `keys` are those that signed forms, once for each form,
    /// `replaced-keys` those whose forms were replaced, and `code-keys` those that signed what codes
    /// carry: it goes with its credential, and only its count is compared.
    fn tell_signatures(&mut self, detail: &str) {
        if self.partition == Partition::SYSTEM || !detail.contains("keys\"") {
            return;
        }
        // What is no JSON broke the chain already, or was written so.
        let Ok(detail) = serde_json::from_str::<Value>(detail) else {
            return;
        };
        let named = |name: &str| {
            let keys = detail.get(name).and_then(Value::as_array).cloned();
            let keys = keys.unwrap_or_default().into_iter();
            keys.filter_map(|key| key.as_str().map(str::to_owned))
        };
        for key in named("keys") {
            let signed = self.signed.entry(key).or_default();
            signed.made = signed.made.saturating_add(1);
        }
        for key in named("code-keys") {
            let signed = self.signed.entry(key).or_default();
            signed.made = signed.made.saturating_add(1);
            signed.replaced = signed.replaced.saturating_add(1);
        }
        for key in named("replaced-keys") {
            let signed = self.signed.entry(key).or_default();
            signed.replaced = signed.replaced.saturating_add(1);
        }
    }

    fn next(&self) -> u64 {
        self.seq.saturating_add(1)
    }

    fn finding(&self, what: AuditFault, seq: u64) -> AuditFinding {
        AuditFinding {
            partition: Some(self.partition.number()),
            seq: Some(seq),
            since: Some(self.agreed),
            ..AuditFinding::new(what)
        }
    }

    /// What is wrong with `row`, which stands where the next row should.
    async fn diagnose(&self, store: &Store, row: AuditRow) -> Stop {
        let expected = self.next();
        let belongs = |other: &AuditRow| {
            let hash = AuditRow {
                seq: expected,
                ..other.clone()
            }
            .chained(&self.hash);
            hash == other.hash || hash == row.hash
        };
        // A row that cannot be read further on changes nothing about this place.
        let later = store.audit_after(self.partition, expected, SEARCH).await;
        let elsewhere = self.ahead.iter().chain(later.iter().flatten()).any(belongs)
            || (row.seq != expected && belongs(&row));
        let what = if elsewhere {
            AuditFault::Reordered
        } else if row.seq > expected {
            AuditFault::Removed
        } else {
            AuditFault::Changed
        };
        self.finding(what, expected).into()
    }

    /// Reads ahead where nothing is read ahead.
    async fn fill(&mut self, store: &Store) -> Result<(), Stop> {
        if !self.ahead.is_empty() {
            return Ok(());
        }
        if !self.in_table {
            if self.open_segment(store).await? {
                return Ok(());
            }
            self.in_table = true;
        }
        let rows = self.page(store).await?;
        let follows = rows.first().is_some_and(|row| row.seq == self.next());
        // Rows that are gone from the table may just have been archived.
        if follows || !self.open_segment(store).await? {
            self.ahead = rows.into();
        }
        Ok(())
    }

    async fn page(&self, store: &Store) -> Result<Vec<AuditRow>, Stop> {
        let broken = |error: &StoreError| matches!(error, StoreError::Inconsistent { .. });
        match store
            .audit_after(self.partition, self.seq, READ_AHEAD)
            .await
        {
            Err(error) if broken(&error) => {}
            outcome => return Ok(outcome?),
        }
        // One of them breaks the rules of its columns: one at a time, until it is the next.
        match store.audit_after(self.partition, self.seq, 1).await {
            Err(error) if broken(&error) => {
                Err(self.finding(AuditFault::Changed, self.next()).into())
            }
            outcome => Ok(outcome?),
        }
    }

    /// Reads the segment that holds the next row; answers whether there is one.
    async fn open_segment(&mut self, store: &Store) -> Result<bool, Stop> {
        let next = self.next();
        let Some(segment) = store.audit_segment(self.partition, next).await? else {
            return Ok(false);
        };
        if segment.from > next {
            return Err(self.finding(AuditFault::Removed, next).into());
        }
        if segment.from < next {
            // It was read already and held fewer rows than it should.
            return Err(self.finding(AuditFault::Changed, next).into());
        }
        if segment.previous_hash != self.hash {
            return Err(self.finding(AuditFault::Segment, next).into());
        }
        let SegmentRows::Found { mut rows, damaged } = store.segment_rows(&segment).await? else {
            return Err(self.finding(AuditFault::Removed, next).into());
        };
        if rows.is_empty() {
            return Err(self.finding(AuditFault::Changed, next).into());
        }
        let length = segment.to.saturating_sub(segment.from).saturating_add(1);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let damaged = damaged || rows.len() > length;
        rows.truncate(length);
        self.ahead = rows.into();
        self.open = Some(Open { segment, damaged });
        Ok(true)
    }

    /// After a row of a segment: whether it was the last, and the segment what it should be.
    fn leave_segment(&mut self) -> Result<(), Stop> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        self.archived = self.archived.saturating_add(1);
        if self.seq < open.segment.to {
            return Ok(());
        }
        if open.damaged || open.segment.last_hash != self.hash {
            return Err(self.finding(AuditFault::Segment, self.seq).into());
        }
        self.open = None;
        Ok(())
    }
}
