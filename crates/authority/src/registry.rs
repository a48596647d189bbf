//! Registry records: read, planned, and handed to the writer, the good ones of a delivery always.

use std::collections::{BTreeMap, HashMap, HashSet};

use licence::{FieldProblem, Note, Record, RegistryLine, civil_date, notes, record::PhotoSource};
use portrait::{Limits, Photo};
use storage::{AliasClaim, AliasKind, Blind, Conflict, Driver, HolderId, StoreError};

use crate::{
    Act, Actor, Authority, Because, Error, refusal,
    registry_write::Write,
    views::{DeliveryView, GapView, NoteCount, ReasonView, RejectView},
};

/// Largest photo file, in bytes.
pub const MAX_PHOTO_BYTES: usize = Limits::PHOTO.max_bytes;

/// How often a record is planned anew when its driver changes meanwhile.
const ATTEMPTS: u8 = 5;
/// Lines named with each oddity.
const LINES_NAMED: usize = 10;

/// One record of a delivery.
#[derive(Debug)]
pub struct Delivery {
    line: u64,
    record: Result<Record, Vec<FieldProblem>>,
    photo: PhotoInput,
}

#[derive(Debug)]
enum PhotoInput {
    None,
    Path(String),
    Bytes(Vec<u8>),
    Unreadable,
}

/// A record that follows its form.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) line: u64,
    pub(crate) record: Record,
    pub(crate) photo: Option<Photo>,
    pub(crate) subject: Blind,
    pub(crate) digest: Blind,
    attempts: u8,
}

/// The authorities whose drivers an actor may write.
pub(crate) enum Scope {
    All,
    Only(Vec<String>),
}

#[derive(Default)]
struct Report {
    view: DeliveryView,
    notes: BTreeMap<&'static str, NoteCount>,
}

impl Delivery {
    /// Reads one line (or array element) of a delivery; what is wrong with it stays inside.
    #[must_use]
    pub fn from_line(line: u64, bytes: &[u8]) -> Self {
        let (record, photo) = match RegistryLine::parse(bytes) {
            Err(problems) => (Err(problems), PhotoInput::None),
            Ok(parsed) => {
                let photo = match parsed.photo {
                    None => PhotoInput::None,
                    Some(PhotoSource::Path(path)) => PhotoInput::Path(path),
                    Some(PhotoSource::DataUrl { bytes, .. }) => PhotoInput::Bytes(bytes),
                };
                (Ok(parsed.record), photo)
            }
        };
        Self {
            line,
            record,
            photo,
        }
    }

    /// The path of its photo, where it names one.
    #[must_use]
    pub fn photo_path(&self) -> Option<&str> {
        match &self.photo {
            PhotoInput::Path(path) => Some(path),
            PhotoInput::None | PhotoInput::Bytes(_) | PhotoInput::Unreadable => None,
        }
    }

    /// Puts the bytes behind the path, or that they could not be read.
    pub fn set_photo(&mut self, bytes: Result<Vec<u8>, ()>) {
        self.photo = bytes.map_or(PhotoInput::Unreadable, PhotoInput::Bytes);
    }
}

impl Authority {
    /// Applies a delivery: the good records are in, each bad one is named with every reason.
    ///
    /// # Errors
    /// When the actor is no registry, or the store fails; records before the failure may be in, and
    /// delivering again changes nothing about them.
    pub async fn deliver(
        &self,
        act: &mut Act,
        deliveries: Vec<Delivery>,
    ) -> Result<DeliveryView, Error> {
        let scope = match &act.actor {
            Actor::Registry(source) if source.authorities.iter().any(|code| code == "*") => {
                Scope::All
            }
            Actor::Registry(source) => Scope::Only(source.authorities.clone()),
            Actor::System(_) => Scope::All,
            Actor::Anonymous => return Err(refusal::UNKNOWN_SOURCE.into()),
            Actor::Holder(_) | Actor::Staff(_) | Actor::Enrolling(_) | Actor::Gateway => {
                return Err(refusal::NOT_YOUR_ROLE.into());
            }
        };
        let mut report = Report::default();
        let mut pending = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match self.examine(delivery, &scope) {
                Ok(candidate) => pending.push(candidate),
                Err(reject) => report.view.rejects.push(reject),
            }
        }
        while !pending.is_empty() {
            let (round, rest) = one_of_each_subject(pending);
            pending = self.deliver_round(act, &scope, round, &mut report).await?;
            pending.extend(rest);
        }
        self.follow().await?;
        Ok(report.finish())
    }

    pub(crate) fn examine(
        &self,
        delivery: Delivery,
        scope: &Scope,
    ) -> Result<Candidate, RejectView> {
        let line = delivery.line;
        let reject = |reasons| RejectView { line, reasons };
        let record = delivery
            .record
            .map_err(|problems| reject(problems.iter().map(problem_view).collect()))?;
        let photo = match delivery.photo {
            PhotoInput::None => None,
            PhotoInput::Path(_) => return Err(reject(vec![PHOTO_PATH.view("photo")])),
            PhotoInput::Unreadable => return Err(reject(vec![PHOTO_UNREADABLE.view("photo")])),
            PhotoInput::Bytes(bytes) => Some(
                Photo::decode(&bytes, &Limits::PHOTO)
                    .map_err(|error| reject(vec![photo_view(error)]))?,
            ),
        };
        if !scope.covers(record.issuing_authority.code.as_str()) {
            return Err(reject(vec![OUT_OF_SCOPE.view("issuing_authority.code")]));
        }
        let text = serde_json::to_vec(&record).unwrap_or_default();
        Ok(Candidate {
            line,
            subject: self.store().alias(AliasKind::Subject, &record.subject),
            digest: self.store().blind("record", &text),
            record,
            photo,
            attempts: 0,
        })
    }

    /// Plans and writes one record of each subject; answers those to be planned anew.
    async fn deliver_round(
        &self,
        act: &mut Act,
        scope: &Scope,
        round: Vec<Candidate>,
        report: &mut Report,
    ) -> Result<Vec<Candidate>, Error> {
        let holders = self.identify(act, &round).await?;
        let mut existing = self.existing(holders.values()).await?;
        let mut writes = Vec::new();
        for candidate in round {
            let Some(holder) = holders.get(&candidate.subject) else {
                return Err(Error::Internal("a subject was not claimed"));
            };
            let driver = existing.remove(holder);
            match self.plan(candidate, holder.clone(), driver, scope).await? {
                Plan::Write(write) => writes.push(*write),
                Plan::Unchanged => {
                    report.view.unchanged = report.view.unchanged.saturating_add(1);
                }
                Plan::Reject(reject) => report.view.rejects.push(reject),
            }
        }
        let writes = self.claim_names(act, writes, report).await?;
        let mut again = Vec::new();
        for (partition, group) in by_partition(writes) {
            match self.write_group(act, partition, &group).await {
                Ok(()) => group
                    .iter()
                    .for_each(|write| report.imported(write, act.now)),
                Err(Error::Store(StoreError::Conflict(Conflict::Revision))) => {
                    again.extend(group.into_iter().map(Write::into_candidate));
                }
                Err(error) => return Err(error),
            }
        }
        for candidate in &mut again {
            candidate.attempts = candidate.attempts.saturating_add(1);
            if candidate.attempts >= ATTEMPTS {
                return Err(Conflict::Revision.into());
            }
        }
        Ok(again)
    }

    /// The holder of each subject; new subjects get one, and whoever claims first decides which.
    async fn identify(
        &self,
        act: &mut Act,
        round: &[Candidate],
    ) -> Result<HashMap<Blind, HolderId>, Error> {
        let subjects: Vec<Blind> = round.iter().map(|c| c.subject.clone()).collect();
        let mut holders = self
            .store()
            .holders_of(AliasKind::Subject, &subjects)
            .await?;
        let claims: Vec<AliasClaim> = subjects
            .into_iter()
            .filter(|subject| !holders.contains_key(subject))
            .map(|subject| AliasClaim {
                kind: AliasKind::Subject,
                blind: subject,
                holder: HolderId::random(&mut act.rng),
            })
            .collect();
        if !claims.is_empty() {
            let owned = self.store().claim_aliases(&claims, act.now).await?;
            holders.extend(
                owned
                    .into_iter()
                    .map(|((_, blind), holder)| (blind, holder)),
            );
        }
        Ok(holders)
    }

    async fn existing(
        &self,
        holders: impl Iterator<Item = &HolderId>,
    ) -> Result<HashMap<HolderId, Driver>, Error> {
        let mut groups: BTreeMap<_, Vec<HolderId>> = BTreeMap::new();
        for holder in holders {
            groups
                .entry(holder.partition())
                .or_default()
                .push(holder.clone());
        }
        let mut found = HashMap::new();
        for (partition, group) in groups {
            for driver in self.store().drivers(partition, &group).await? {
                found.insert(driver.id.clone(), driver);
            }
        }
        Ok(found)
    }

    /// What a record means for its driver: versions decide.
    async fn plan(
        &self,
        candidate: Candidate,
        holder: HolderId,
        driver: Option<Driver>,
        scope: &Scope,
    ) -> Result<Plan, Error> {
        let reject = |problem: &Problem, field: &str| {
            Plan::Reject(RejectView {
                line: candidate.line,
                reasons: vec![problem.view(field)],
            })
        };
        let Some(driver) = driver else {
            return Ok(Plan::Write(Box::new(Write::new(
                candidate, holder, None, None,
            ))));
        };
        if !scope.covers(driver.record.issuing_authority.code.as_str()) {
            return Ok(reject(&OUT_OF_SCOPE, "issuing_authority.code"));
        }
        let same_photo = self.same_photo(&candidate, &driver).await?;
        if candidate.record.version < driver.registry_version {
            return Ok(Plan::Unchanged);
        }
        if candidate.record.version == driver.registry_version {
            let same_record = candidate.digest.matches(&driver.digest);
            return Ok(if same_record && same_photo {
                Plan::Unchanged
            } else {
                reject(&OTHER_CONTENT, "version")
            });
        }
        let keep = driver.photo.clone().filter(|_| same_photo);
        let write = Write::new(candidate, holder, Some(driver), keep);
        Ok(Plan::Write(Box::new(write)))
    }

    /// Whether the photo of a record is the one on file; a record without one says nothing of it.
    async fn same_photo(&self, candidate: &Candidate, driver: &Driver) -> Result<bool, Error> {
        let Some(photo) = &candidate.photo else {
            return Ok(true);
        };
        let Some(on_file) = &driver.photo else {
            return Ok(false);
        };
        let row = self.store().photo(on_file).await?;
        Ok(row.is_some_and(|row| row.meta.sha256 == crate::registry_write::sha256(photo.bytes())))
    }

    /// Claims the numbers of the records to be written; a number that is another driver's is refused.
    async fn claim_names(
        &self,
        act: &Act,
        writes: Vec<Write>,
        report: &mut Report,
    ) -> Result<Vec<Write>, Error> {
        let mut claims = Vec::new();
        let mut numbers = HashSet::new();
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for write in writes {
            let wanted = self.names(&write);
            let twice = wanted.iter().any(|claim| {
                claim.kind == AliasKind::LicenceNumber && numbers.contains(&claim.blind)
            });
            numbers.extend(wanted.iter().map(|claim| claim.blind.clone()));
            if twice {
                rest.push(write);
            } else {
                claims.extend(wanted);
                first.push(write);
            }
        }
        let owned = self.store().claim_aliases(&claims, act.now).await?;
        let mut kept = Vec::new();
        for write in first {
            let is_mine = |claim: &AliasClaim| {
                claim.kind == AliasKind::FileNumber
                    || owned.get(&(claim.kind, claim.blind.clone())) == Some(&claim.holder)
            };
            if self.names(&write).iter().all(is_mine) {
                kept.push(write);
            } else {
                report.reject(write.line(), &NUMBER_TAKEN, "licence_number");
            }
        }
        for write in rest {
            report.reject(write.line(), &NUMBER_TAKEN, "licence_number");
        }
        Ok(kept)
    }

    /// The names under which a record is to be found, but those it is found under already.
    fn names(&self, write: &Write) -> Vec<AliasClaim> {
        let known = write.known();
        let record = write.record();
        let claim = |kind, name: &str| AliasClaim {
            kind,
            blind: self.store().alias(kind, name),
            holder: write.holder().clone(),
        };
        let mut claims: Vec<AliasClaim> = std::iter::once(&record.licence_number)
            .chain(&record.previous_licence_numbers)
            .filter(|number| known.is_none_or(|known| known.licence_number != **number))
            .map(|number| claim(AliasKind::LicenceNumber, number.as_str()))
            .collect();
        if let Some(file) = &record.file_number
            && known.is_none_or(|known| known.file_number.as_ref() != Some(file))
        {
            claims.push(claim(AliasKind::FileNumber, file.as_str()));
        }
        claims
    }
}

enum Plan {
    Write(Box<Write>),
    Unchanged,
    Reject(RejectView),
}

impl Scope {
    fn covers(&self, authority: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(codes) => codes.iter().any(|code| code == authority),
        }
    }
}

impl Report {
    fn reject(&mut self, line: u64, problem: &Problem, field: &str) {
        self.view.rejects.push(RejectView {
            line,
            reasons: vec![problem.view(field)],
        });
    }

    fn imported(&mut self, write: &Write, now: jiff::Timestamp) {
        self.view.imported = self.view.imported.saturating_add(1);
        if let Some((known, applied)) = write.gap() {
            self.view.gaps.push(GapView {
                line: write.line(),
                known,
                applied,
            });
        }
        for note in notes(write.record(), civil_date(now)) {
            self.note(write.line(), &note);
        }
    }

    fn note(&mut self, line: u64, note: &Note) {
        let entry = self.notes.entry(note.code).or_insert_with(|| NoteCount {
            code: note.code.to_owned(),
            zh: note.text.zh.to_string(),
            en: note.text.en.to_string(),
            count: 0,
            lines: Vec::new(),
        });
        entry.count = entry.count.saturating_add(1);
        if entry.lines.len() < LINES_NAMED {
            entry.lines.push(line);
        }
    }

    fn finish(mut self) -> DeliveryView {
        self.view.rejects.sort_by_key(|reject| reject.line);
        self.view.rejected = u64::try_from(self.view.rejects.len()).unwrap_or(u64::MAX);
        self.view.notes = self.notes.into_values().collect();
        self.view
    }
}

fn one_of_each_subject(pending: Vec<Candidate>) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut seen = HashSet::new();
    pending
        .into_iter()
        .partition(|candidate| seen.insert(candidate.subject.clone()))
}

fn by_partition(writes: Vec<Write>) -> BTreeMap<storage::Partition, Vec<Write>> {
    let mut groups: BTreeMap<_, Vec<Write>> = BTreeMap::new();
    for write in writes {
        groups
            .entry(write.holder().partition())
            .or_default()
            .push(write);
    }
    groups
}

/// A reason to refuse a record that follows its form.
pub(crate) struct Problem {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
}

impl Problem {
    pub(crate) fn view(&self, field: &str) -> ReasonView {
        ReasonView::from(&Because {
            code: self.code.to_owned(),
            rule: None,
            field: Some(field.to_owned()),
            zh: self.zh.to_owned(),
            en: self.en.to_owned(),
            clears_zh: None,
            clears_en: None,
        })
    }
}

const OUT_OF_SCOPE: Problem = Problem {
    code: "authority-out-of-scope",
    zh: "该数据来源无权写入此发证机关的驾驶人",
    en: "This source may not write drivers of this issuing authority",
};
pub(crate) const OTHER_CONTENT: Problem = Problem {
    code: "same-version-other-content",
    zh: "同一版本号的内容与已登记的不一致",
    en: "The same version came before with other content",
};
pub(crate) const NUMBER_TAKEN: Problem = Problem {
    code: "licence-number-taken",
    zh: "证号已属于另一登记主体",
    en: "The licence number belongs to another subject",
};
const PHOTO_PATH: Problem = Problem {
    code: "photo-path",
    zh: "照片路径仅可用于文件导入",
    en: "A path to a photo is possible only in a file import",
};
const PHOTO_UNREADABLE: Problem = Problem {
    code: "photo-unreadable",
    zh: "无法读取照片文件",
    en: "The photo file cannot be read",
};

fn problem_view(problem: &FieldProblem) -> ReasonView {
    ReasonView::from(&Because {
        code: problem.code.to_owned(),
        rule: None,
        field: Some(problem.field.clone()),
        zh: problem.text.zh.to_owned(),
        en: problem.text.en.to_owned(),
        clears_zh: None,
        clears_en: None,
    })
}

fn photo_view(error: portrait::PhotoError) -> ReasonView {
    Problem {
        code: error.code(),
        zh: error.zh(),
        en: error.en(),
    }
    .view("photo")
}
