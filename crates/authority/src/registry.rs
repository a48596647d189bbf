//! Registry records: read, planned, and handed to the writer, the good ones of a delivery always.

use std::collections::{BTreeMap, HashSet};

use licence::{FieldProblem, Note, Record, RegistryLine, civil_date, notes, record::PhotoSource};
use portrait::{Limits, Photo};
use storage::Blind;

use crate::{
    Act, Actor, Authority, Because, Error, refusal,
    registry_write::Write,
    views::{DeliveryView, GapView, NoteCount, ReasonView, RejectView},
};

/// Largest photo file, in bytes.
pub const MAX_PHOTO_BYTES: usize = Limits::PHOTO.max_bytes;

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
    pub(crate) record: Box<Record>,
    pub(crate) photo: Option<Photo>,
    pub(crate) digest: Blind,
    pub(crate) attempts: u8,
}

/// A delivery whose records were judged each by itself.
#[derive(Debug)]
pub struct Examined {
    scope: Scope,
    report: Report,
    pending: Vec<Candidate>,
}

/// A delivery of which it is settled what will be written, unless something changes meanwhile.
#[derive(Debug)]
pub struct Planned {
    scope: Scope,
    report: Report,
    writes: Vec<Write>,
    pending: Vec<Candidate>,
}

/// The authorities whose drivers an actor may write.
#[derive(Debug)]
pub(crate) enum Scope {
    All,
    Only(Vec<String>),
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) view: DeliveryView,
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
        let examined = self.examine_delivery(act, deliveries)?;
        let planned = self.plan_delivery(act, examined).await?;
        self.write_delivery(act, planned).await
    }

    /// Judges the records of a delivery each by itself, without asking the store.
    ///
    /// # Errors
    /// When the actor is no registry.
    pub fn examine_delivery(
        &self,
        act: &Act,
        deliveries: Vec<Delivery>,
    ) -> Result<Examined, Error> {
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
        Ok(Examined {
            scope,
            report,
            pending,
        })
    }

    /// Decides what is to be written on what is read now, claims the names and seals the records.
    /// While one delivery is written, the next can be planned: what the first changes meanwhile is
    /// noticed when the second is written, and planned anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_delivery(&self, act: &mut Act, examined: Examined) -> Result<Planned, Error> {
        let Examined {
            scope,
            mut report,
            pending,
        } = examined;
        let (round, rest) = one_of_each_subject(pending);
        let (writes, mut pending) = self.plan_round(act, &scope, round, &mut report).await?;
        pending.extend(rest);
        Ok(Planned {
            scope,
            report,
            writes,
            pending,
        })
    }

    /// Writes what was planned, and plans and writes anew what changed meanwhile.
    ///
    /// # Errors
    /// As [`Authority::deliver`].
    pub async fn write_delivery(
        &self,
        act: &mut Act,
        planned: Planned,
    ) -> Result<DeliveryView, Error> {
        let Planned {
            scope,
            mut report,
            mut writes,
            mut pending,
        } = planned;
        loop {
            let mut again = self.write_round(act, writes, &mut report).await?;
            again.extend(pending);
            if again.is_empty() {
                return Ok(report.finish());
            }
            let (round, rest) = one_of_each_subject(again);
            (writes, pending) = self.plan_round(act, &scope, round, &mut report).await?;
            pending.extend(rest);
        }
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
            digest: self.store().blind("record", &text),
            record: Box::new(record),
            photo,
            attempts: 0,
        })
    }
}

impl Scope {
    pub(crate) fn covers(&self, authority: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(codes) => codes.iter().any(|code| code == authority),
        }
    }
}

impl Report {
    pub(crate) fn reject(&mut self, line: u64, problem: &Problem, field: &str) {
        self.view.rejects.push(RejectView {
            line,
            reasons: vec![problem.view(field)],
        });
    }

    pub(crate) fn imported(&mut self, write: &Write, now: jiff::Timestamp) {
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
        self.view.gaps.sort_by_key(|gap| gap.line);
        self.view.rejected = u64::try_from(self.view.rejects.len()).unwrap_or(u64::MAX);
        self.view.notes = self.notes.into_values().collect();
        self.view
    }
}

fn one_of_each_subject(pending: Vec<Candidate>) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut seen = HashSet::new();
    pending
        .into_iter()
        .partition(|candidate| seen.insert(candidate.record.subject.clone()))
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

pub(crate) const OUT_OF_SCOPE: Problem = Problem {
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
