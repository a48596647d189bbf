//! How far an applicant is, and what comes next.

use jiff::Timestamp;
use licence::{
    Channel,
    application::{MOST_REJECTIONS, PhotoOrigin, Stage},
    person_check::Outcome,
};
use portrait::challenge::CheckReason;
use serde::Deserialize;
use storage::{ApplicationId, ApplicationRow, PersonCheckRow};

use super::{findings::Findings, texts::RULES_VERSION};
use crate::{
    Act, Authority, Because, Error,
    apply::rejections,
    reasons::is_of_a_reviewer,
    refusal,
    render::application_view,
    review::appeal_until,
    views::{ApplicationView, PersonCheckView, ProgressView, ReasonView},
};

/// What decides what an applicant may do next.
struct Situation<'a> {
    row: &'a ApplicationRow,
    rules_read: bool,
    consented: bool,
    checks_left: u64,
    rejections: usize,
    /// Whether photos are judged here.
    judged: bool,
    /// The appeal, while there is one.
    appeal: Option<&'static str>,
}

impl Authority {
    /// An application as its applicant sees it.
    pub(crate) async fn own_view(
        &self,
        act: &Act,
        id: &ApplicationId,
    ) -> Result<ApplicationView, Error> {
        let row = self.store().application(id).await?;
        let row = row
            .filter(|row| act.holder().is_ok_and(|holder| row.holder == *holder))
            .ok_or(refusal::NOT_FOUND)?;
        let all = self.store().applications_of(&row.holder).await?;
        let newest = all.first().is_some_and(|newest| newest.id == row.id);
        let issued = self.store().newest_e_licence(&row.holder).await?;
        let rejections = rejections(&all, issued.map(|e_licence| e_licence.generated_at));
        self.with_progress(act, &row, (rejections, newest)).await
    }

    /// The same where it is known how many were rejected, and whether it is the newest.
    pub(crate) async fn with_progress(
        &self,
        act: &Act,
        row: &ApplicationRow,
        (rejections, newest): (usize, bool),
    ) -> Result<ApplicationView, Error> {
        let found = match &row.photo {
            Some(photo) => self.store().photo_findings(photo).await?,
            None => None,
        };
        let found = found.as_ref().map(Findings::read).transpose()?;
        let checks = self.store().person_checks_of_application(&row.id).await?;
        let situation = Situation {
            row,
            rules_read: row
                .rules_read
                .as_ref()
                .is_some_and(|(version, _)| version == RULES_VERSION),
            consented: self.standing_consent(act).await?.is_some(),
            checks_left: self.checks_left(act).await?,
            rejections,
            judged: self.inner.settings.judge.is_some(),
            appeal: (newest && is_appealable(row, act.now)).then_some("appeal"),
        };
        let progress = ProgressView {
            next: next(&situation).into_iter().map(str::to_owned).collect(),
            created_at: row.created_at,
            photo: row.photo.as_ref().map(ToString::to_string),
            rules_read: situation.rules_read,
            confirmed: row.confirmed_at.is_some(),
            declared: found.as_ref().is_some_and(|it| it.declaration.is_some()),
            findings: found.map(|it| it.by_rule).unwrap_or_default(),
            person_check: checks.first().map(|check| check_view(check, act)),
            person_checks_left: situation.checks_left,
            rejections,
        };
        Ok(ApplicationView {
            progress: Some(progress),
            ..application_view(row)
        })
    }
}

/// What may be done next, what leads on first.
fn next(situation: &Situation<'_>) -> Vec<&'static str> {
    let row = situation.row;
    if row.channel != Channel::App.as_str() {
        return match row.stage {
            Stage::Issued => vec!["open-licence"],
            Stage::Rejected => with_appeal(situation, "go-to-counter"),
            Stage::Withdrawn => vec!["go-to-counter"],
            Stage::Draft
            | Stage::PhotoSubmitted
            | Stage::PersonVerified
            | Stage::UnderReview
            | Stage::Approved => vec!["wait", "withdraw"],
        };
    }
    match row.stage {
        Stage::Draft | Stage::PhotoSubmitted => before_the_check(situation),
        Stage::PersonVerified => vec!["submit", "withdraw"],
        Stage::UnderReview | Stage::Approved => vec!["wait", "withdraw"],
        Stage::Issued => vec!["open-licence"],
        Stage::Rejected | Stage::Withdrawn if situation.rejections >= MOST_REJECTIONS => {
            with_appeal(situation, "go-to-counter")
        }
        Stage::Rejected if row.reasons.as_deref().is_some_and(is_of_a_reviewer) => {
            with_appeal(situation, "take-again")
        }
        Stage::Rejected | Stage::Withdrawn => vec!["apply-again"],
    }
}

/// What leads on, and the appeal beside it while there is one.
fn with_appeal(situation: &Situation<'_>, first: &'static str) -> Vec<&'static str> {
    std::iter::once(first).chain(situation.appeal).collect()
}

fn is_appealable(row: &ApplicationRow, now: Timestamp) -> bool {
    appeal_until(row).is_some_and(|until| now <= until)
}

fn before_the_check(situation: &Situation<'_>) -> Vec<&'static str> {
    let row = situation.row;
    let own = row.photo_source != PhotoOrigin::OnFile;
    let mut next = Vec::new();
    if !situation.judged || situation.checks_left == 0 {
        next.push("go-to-counter");
    } else if row.stage == Stage::Draft && own {
        next.push(if situation.rules_read {
            "submit-photo"
        } else {
            "read-rules"
        });
    } else {
        next.push(match (row.confirmed_at, situation.consented) {
            (None, _) => "confirm",
            (Some(_), false) => "give-consent",
            (Some(_), true) => "person-check",
        });
        if own {
            next.push("submit-photo");
        }
    }
    next.push("withdraw");
    next
}

/// A person check as its person sees it: codes and words, nothing measured.
pub(crate) fn check_view(check: &PersonCheckRow, act: &Act) -> PersonCheckView {
    let closed = check.closed.as_ref();
    // One that nobody answered is over when its time is.
    let lapsed = check.expires_at < act.now;
    let outcome = closed
        .map(|closed| closed.outcome)
        .or_else(|| lapsed.then_some(Outcome::Expired));
    PersonCheckView {
        outcome: outcome.map(|outcome| outcome.as_str().to_owned()),
        reasons: closed
            .map(|closed| reasons(&closed.reasons))
            .unwrap_or_default(),
        opened_at: check.opened_at,
        closed_at: closed.map(|closed| closed.at),
    }
}

#[derive(Deserialize)]
struct Stored {
    codes: Vec<String>,
}

fn reasons(json: &str) -> Vec<ReasonView> {
    let stored = serde_json::from_str::<Stored>(json);
    let codes = stored.map(|stored| stored.codes).unwrap_or_default();
    codes
        .iter()
        .filter_map(|code| because_of_check(code))
        .map(|because| ReasonView {
            rule: Some("R39".to_owned()),
            ..ReasonView::from(&because)
        })
        .collect()
}

/// Why a person check is no match, by its code; none for a code that is not told.
pub(crate) fn because_of_check(code: &str) -> Option<Because> {
    let (zh, en) = match CheckReason::parse(code) {
        Some(reason) => (reason.zh(), reason.en()),
        None => words(code)?,
    };
    Some(Because {
        code: code.to_owned(),
        rule: None,
        field: None,
        zh: zh.to_owned(),
        en: en.to_owned(),
        clears_zh: None,
        clears_en: None,
    })
}

/// The words of what is no matter of the pictures.
fn words(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "too-late" => ("未在规定时间内完成", "It was not answered in time"),
        "time-mismatch" => (
            "画面时间与系统时间不符",
            "The frames' times do not fit the system's",
        ),
        "left" => (
            "已重新开始，或照片已更换",
            "Another was begun, or the photo was changed",
        ),
        "set-back" => ("系统已恢复到较早状态", "The system was set back"),
        "service-rejects" => (
            "身份认证服务未能确认为本人",
            "The identity service did not confirm the person",
        ),
        "service-undecided" => (
            "身份认证服务无法判定，由民警核查",
            "The identity service could not say: an officer looks",
        ),
        _ => return None,
    })
}
