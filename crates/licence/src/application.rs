//! An application for an e-licence (申领), from draft to issue (R31-R54, R91, R92).

mod samples;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Due;
use crate::machine::{NOT_NOW, OfficerId, Refusal};
use crate::message::Text;
use crate::named::named;
use crate::reason::Reason;

named! {
    /// What an application is for.
    pub enum Kind {
        /// 首次申领
        First = "first",
        /// 更换照片 (R86)
        PhotoChange = "photo-change",
        /// 重新申领 (R88-R90)
        Reapplication = "reapplication",
    }
}

named! {
    /// Where the photo of an application comes from.
    pub enum PhotoOrigin {
        /// 使用已留存的照片 (flow A).
        OnFile = "on-file",
        /// 使用手机拍照的照片 (flow B).
        Camera = "camera",
        /// 使用相册的证件照片 (flow C).
        Album = "album",
        /// Taken by an officer at the counter.
        Counter = "counter",
    }
}

named! {
    /// A photo that the driver submits.
    pub enum OwnPhoto {
        /// 手机拍照
        Camera = "camera",
        /// 相册选择
        Album = "album",
    }
}

/// After so many rejections in review the app sends a person to the counter (R91).
pub const MOST_REJECTIONS: usize = 3;

/// An application in one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Application {
    /// Begun; nothing has been proved or submitted.
    Draft {
        /// The photo that the applicant chose to use.
        origin: PhotoOrigin,
    },
    /// The driver's photo is there, the person is not yet verified.
    PhotoSubmitted {
        /// How the driver made it.
        origin: OwnPhoto,
    },
    /// The applicant is the person of the record (实人认证).
    PersonVerified {
        /// The photo to be used.
        origin: PhotoOrigin,
    },
    /// Waiting for an officer.
    UnderReview {
        /// The photo to be used.
        origin: PhotoOrigin,
        /// By when the review is due (R42).
        due: Due,
        /// The officer who submitted it at the counter; never the one who decides.
        submitted_by: Option<OfficerId>,
    },
    /// An officer approved; the licence is not yet issued.
    Approved {
        /// The photo to be used.
        origin: PhotoOrigin,
        /// Who approved.
        reviewer: OfficerId,
    },
    /// The e-licence exists.
    Issued {
        /// The photo that was used.
        origin: PhotoOrigin,
        /// Who approved; nobody where the photo on file needed no review (R36).
        reviewer: Option<OfficerId>,
    },
    /// Refused by an officer, or by the registry at issue.
    Rejected {
        /// Why.
        reasons: RejectionReasons,
        /// Who rejected; nobody where a sanction ended it, or the registry blocked the issue of an
        /// unreviewed application.
        reviewer: Option<OfficerId>,
    },
    /// The applicant gave up.
    Withdrawn,
}

/// What can happen to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The driver hands in a photo from camera or album, or another in its place before it is used.
    SubmitPhoto,
    /// The person check passed.
    VerifyPerson,
    /// An officer must look at it.
    RequestReview {
        /// By when.
        due: Due,
    },
    /// At the counter an officer established identity and took the photo (R91).
    SubmitAtCounter {
        /// Who.
        officer: OfficerId,
        /// By when it is to be reviewed.
        due: Due,
    },
    /// The calendar that the due time waited for has arrived.
    SetDue {
        /// The instant.
        at: Timestamp,
    },
    /// An officer approves.
    Approve {
        /// Who.
        reviewer: OfficerId,
    },
    /// An officer rejects.
    Reject {
        /// Who.
        reviewer: OfficerId,
        /// Why.
        reasons: RejectionReasons,
    },
    /// The e-licence is made.
    Issue,
    /// The registry blocks at the moment of issue.
    RefuseIssue {
        /// Why.
        reasons: RejectionReasons,
    },
    /// The applicant gives up.
    Withdraw,
    /// A sanction (R75) closes the app.
    Sanction {
        /// Why.
        reasons: RejectionReasons,
    },
}

/// Why an application was rejected: by photo rule (`R56`) or by blocking reason (`R25`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectionReason {
    /// The requirement.
    pub rule: String,
    /// The stable code of the finding or reason.
    pub code: String,
}

/// Reasons of a rejection: never none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RejectionReason>", into = "Vec<RejectionReason>")]
pub struct RejectionReasons(Vec<RejectionReason>);

impl RejectionReasons {
    /// Takes the reasons.
    ///
    /// # Errors
    /// If there are none: a rejection says why.
    pub fn new(reasons: Vec<RejectionReason>) -> Result<Self, Refusal> {
        if reasons.is_empty() {
            Err(NO_REASONS)
        } else {
            Ok(Self(reasons))
        }
    }

    /// The reasons.
    #[must_use]
    pub fn as_slice(&self) -> &[RejectionReason] {
        &self.0
    }
}

impl Application {
    /// The state without what it carries.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Draft { .. } => Stage::Draft,
            Self::PhotoSubmitted { .. } => Stage::PhotoSubmitted,
            Self::PersonVerified { .. } => Stage::PersonVerified,
            Self::UnderReview { .. } => Stage::UnderReview,
            Self::Approved { .. } => Stage::Approved,
            Self::Issued { .. } => Stage::Issued,
            Self::Rejected { .. } => Stage::Rejected,
            Self::Withdrawn => Stage::Withdrawn,
        }
    }

    /// The next state.
    ///
    /// # Errors
    /// A refusal that says why the event is not possible in this state.
    pub fn apply(self, event: Event) -> Result<Self, Refusal> {
        match event {
            Event::SubmitPhoto => self.submit_photo(),
            Event::VerifyPerson => self.verify_person(),
            Event::RequestReview { due } => self.request_review(due),
            Event::SubmitAtCounter { officer, due } => self.submit_at_counter(officer, due),
            Event::SetDue { at } => self.set_due(at),
            Event::Approve { reviewer } => self.approve(reviewer),
            Event::Reject { reviewer, reasons } => self.reject(reviewer, reasons),
            Event::Issue => self.issue(),
            Event::RefuseIssue { reasons } => self.refuse_issue(reasons),
            Event::Withdraw => self.withdraw(),
            Event::Sanction { reasons } => self.sanction(reasons),
        }
    }

    fn submit_photo(self) -> Result<Self, Refusal> {
        let (_, origin) = self.origin_if(&[Stage::Draft, Stage::PhotoSubmitted])?;
        let origin = match origin {
            PhotoOrigin::Camera => OwnPhoto::Camera,
            PhotoOrigin::Album => OwnPhoto::Album,
            PhotoOrigin::OnFile => return Err(PHOTO_ON_FILE),
            PhotoOrigin::Counter => return Err(AT_COUNTER),
        };
        Ok(Self::PhotoSubmitted { origin })
    }

    fn verify_person(self) -> Result<Self, Refusal> {
        match self.origin_if(&[Stage::Draft, Stage::PhotoSubmitted])? {
            (Stage::Draft, PhotoOrigin::Camera | PhotoOrigin::Album) => Err(PHOTO_FIRST),
            (_, PhotoOrigin::Counter) => Err(AT_COUNTER),
            (_, origin) => Ok(Self::PersonVerified { origin }),
        }
    }

    fn request_review(self, due: Due) -> Result<Self, Refusal> {
        let (_, origin) = self.origin_if(&[Stage::PersonVerified])?;
        Ok(Self::UnderReview {
            origin,
            due,
            submitted_by: None,
        })
    }

    fn submit_at_counter(self, officer: OfficerId, due: Due) -> Result<Self, Refusal> {
        match self.origin_if(&[Stage::Draft])? {
            (_, PhotoOrigin::Counter) => Ok(Self::UnderReview {
                origin: PhotoOrigin::Counter,
                due,
                submitted_by: Some(officer),
            }),
            _ => Err(NOT_AT_COUNTER),
        }
    }

    fn set_due(self, at: Timestamp) -> Result<Self, Refusal> {
        let Self::UnderReview {
            origin,
            due: Due::PendingCalendar,
            submitted_by,
        } = self
        else {
            return Err(NOT_NOW);
        };
        Ok(Self::UnderReview {
            origin,
            due: Due::At(at),
            submitted_by,
        })
    }

    fn approve(self, reviewer: OfficerId) -> Result<Self, Refusal> {
        let origin = self.reviewable_by(&reviewer)?;
        Ok(Self::Approved { origin, reviewer })
    }

    fn reject(self, reviewer: OfficerId, reasons: RejectionReasons) -> Result<Self, Refusal> {
        self.reviewable_by(&reviewer)?;
        Ok(Self::Rejected {
            reasons,
            reviewer: Some(reviewer),
        })
    }

    fn issue(self) -> Result<Self, Refusal> {
        let (origin, reviewer) = self.issuable()?;
        Ok(Self::Issued { origin, reviewer })
    }

    fn refuse_issue(self, reasons: RejectionReasons) -> Result<Self, Refusal> {
        let (_, reviewer) = self.issuable()?;
        Ok(Self::Rejected { reasons, reviewer })
    }

    fn withdraw(self) -> Result<Self, Refusal> {
        match self.stage() {
            Stage::Draft
            | Stage::PhotoSubmitted
            | Stage::PersonVerified
            | Stage::UnderReview
            | Stage::Approved => Ok(Self::Withdrawn),
            Stage::Issued | Stage::Rejected | Stage::Withdrawn => Err(NOT_NOW),
        }
    }

    /// A sanction ends what was begun in the app; what an officer began at the counter goes on.
    fn sanction(self, reasons: RejectionReasons) -> Result<Self, Refusal> {
        let open = [
            Stage::Draft,
            Stage::PhotoSubmitted,
            Stage::PersonVerified,
            Stage::UnderReview,
            Stage::Approved,
        ];
        match self.origin_if(&open)? {
            (_, PhotoOrigin::Counter) => Err(AT_COUNTER),
            _ => Ok(Self::Rejected {
                reasons,
                reviewer: None,
            }),
        }
    }

    /// The stage and the photo's origin, if the stage is one of those wanted.
    fn origin_if(&self, wanted: &[Stage]) -> Result<(Stage, PhotoOrigin), Refusal> {
        let origin = match self {
            Self::Draft { origin }
            | Self::PersonVerified { origin }
            | Self::UnderReview { origin, .. }
            | Self::Approved { origin, .. }
            | Self::Issued { origin, .. } => *origin,
            Self::PhotoSubmitted { origin } => (*origin).into(),
            Self::Rejected { .. } | Self::Withdrawn => return Err(NOT_NOW),
        };
        let stage = self.stage();
        if wanted.contains(&stage) {
            Ok((stage, origin))
        } else {
            Err(NOT_NOW)
        }
    }

    /// Whoever submits does not decide: one officer alone must not be able to make a licence.
    fn reviewable_by(&self, reviewer: &OfficerId) -> Result<PhotoOrigin, Refusal> {
        match self {
            Self::UnderReview { submitted_by, .. } if submitted_by.as_ref() == Some(reviewer) => {
                Err(SAME_OFFICER)
            }
            Self::UnderReview { origin, .. } => Ok(*origin),
            Self::Draft { .. }
            | Self::PhotoSubmitted { .. }
            | Self::PersonVerified { .. }
            | Self::Approved { .. }
            | Self::Issued { .. }
            | Self::Rejected { .. }
            | Self::Withdrawn => Err(NOT_NOW),
        }
    }

    /// A submitted photo is used only after review (R34); one on file needs none (R36).
    fn issuable(self) -> Result<(PhotoOrigin, Option<OfficerId>), Refusal> {
        match self {
            Self::Approved { origin, reviewer } => Ok((origin, Some(reviewer))),
            Self::PersonVerified {
                origin: PhotoOrigin::OnFile,
            } => Ok((PhotoOrigin::OnFile, None)),
            Self::PersonVerified { .. } => Err(REVIEW_FIRST),
            Self::Draft { .. }
            | Self::PhotoSubmitted { .. }
            | Self::UnderReview { .. }
            | Self::Issued { .. }
            | Self::Rejected { .. }
            | Self::Withdrawn => Err(NOT_NOW),
        }
    }
}

named! {
    /// The state of an application without what it carries.
    pub enum Stage {
        /// Begun.
        Draft = "draft",
        /// The driver's photo is there.
        PhotoSubmitted = "photo-submitted",
        /// The person is verified.
        PersonVerified = "person-verified",
        /// Waiting for an officer.
        UnderReview = "under-review",
        /// Approved.
        Approved = "approved",
        /// The e-licence exists.
        Issued = "issued",
        /// Refused.
        Rejected = "rejected",
        /// Given up.
        Withdrawn = "withdrawn",
    }
}

impl Stage {
    /// Whether the application is still open: a driver has one open application at most.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Draft
            | Self::PhotoSubmitted
            | Self::PersonVerified
            | Self::UnderReview
            | Self::Approved => true,
            Self::Issued | Self::Rejected | Self::Withdrawn => false,
        }
    }
}

macro_rules! refusals {
    ($($name:ident = $code:literal, $zh:literal, $en:literal;)+) => {
        $(const $name: Refusal = Refusal {
            code: $code,
            text: Text { zh: $zh, en: $en },
        };)+
    };
}

refusals! {
    NO_REASONS = "reasons-required", "必须说明理由", "A rejection needs a reason";
    SAME_OFFICER = "same-officer", "提交人不得审核同一申请", "Whoever submitted an application does not review it";
    REVIEW_FIRST = "review-required", "提交的照片须先经审核", "A submitted photo must be reviewed first";
    PHOTO_FIRST = "photo-required", "须先提交照片", "A photo must be submitted first";
    PHOTO_ON_FILE = "photo-on-file", "本申请使用已留存的照片", "This application uses the photo on file";
    AT_COUNTER = "at-counter", "本申请由窗口办理", "This application is made at the counter";
    NOT_AT_COUNTER = "not-at-counter", "本申请不由窗口办理", "This application is not made at the counter";
}

impl From<OwnPhoto> for PhotoOrigin {
    fn from(photo: OwnPhoto) -> Self {
        match photo {
            OwnPhoto::Camera => Self::Camera,
            OwnPhoto::Album => Self::Album,
        }
    }
}

impl From<&Reason> for RejectionReason {
    fn from(reason: &Reason) -> Self {
        Self {
            rule: reason.rule.to_owned(),
            code: reason.code.to_owned(),
        }
    }
}

impl TryFrom<Vec<RejectionReason>> for RejectionReasons {
    type Error = Refusal;

    fn try_from(reasons: Vec<RejectionReason>) -> Result<Self, Self::Error> {
        Self::new(reasons)
    }
}

impl From<RejectionReasons> for Vec<RejectionReason> {
    fn from(reasons: RejectionReasons) -> Self {
        reasons.0
    }
}
