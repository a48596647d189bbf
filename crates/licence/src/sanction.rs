//! A sanction (停止电子驾驶证申领使用, R75) from its proposal to its end, by two officers each way.

mod samples;

use serde::{Deserialize, Serialize};

use crate::machine::{NOT_NOW, OfficerId, Refusal};
use crate::message::Text;
use crate::named::named;

named! {
    /// Why a person is sanctioned.
    pub enum Ground {
        /// 照片含有违背公序良俗的标志或文字 (R69)
        ImmoralContent = "immoral-content",
        /// 照片含有违反法律法规的内容 (R70)
        UnlawfulContent = "unlawful-content",
        /// 面部特征经过技术处理 (R72)
        ProcessedFace = "processed-face",
        /// 照片为合成 (R73)
        CompositePhoto = "composite-photo",
        /// 冒用他人身份或者由他人代为认证 (R36)
        Impersonation = "impersonation",
        /// 将电子驾驶证交由他人出示 (R77)
        ShownByAnother = "shown-by-another",
    }
}

impl Ground {
    /// The requirement that was broken.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::ImmoralContent => "R69",
            Self::UnlawfulContent => "R70",
            Self::ProcessedFace => "R72",
            Self::CompositePhoto => "R73",
            Self::Impersonation => "R36",
            Self::ShownByAnother => "R77",
        }
    }

    /// What people read.
    #[must_use]
    pub const fn text(self) -> Text {
        let (zh, en) = match self {
            Self::ImmoralContent => (
                "照片含有违背公序良俗的标志或文字",
                "The photo shows signs or text against public morals",
            ),
            Self::UnlawfulContent => (
                "照片含有违反法律法规的内容",
                "The photo shows content that breaks the law",
            ),
            Self::ProcessedFace => (
                "照片中的面部特征经过技术处理",
                "The facial features in the photo were processed",
            ),
            Self::CompositePhoto => ("照片为合成", "The photo is a composite"),
            Self::Impersonation => (
                "冒用他人身份，或由他人代为实人认证",
                "Another person's identity was used, or another person took the person check",
            ),
            Self::ShownByAnother => (
                "将电子驾驶证交由他人出示",
                "The e-licence was given to another person to show",
            ),
        };
        Text { zh, en }
    }
}

/// Grounds of a sanction: never none, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Ground>", into = "Vec<Ground>")]
pub struct Grounds(Vec<Ground>);

impl Grounds {
    /// Takes the grounds.
    ///
    /// # Errors
    /// If there are none: a sanction says why.
    pub fn new(mut grounds: Vec<Ground>) -> Result<Self, Refusal> {
        grounds.sort_unstable();
        grounds.dedup();
        if grounds.is_empty() {
            Err(NO_GROUNDS)
        } else {
            Ok(Self(grounds))
        }
    }

    /// The grounds, in the order of their rules.
    #[must_use]
    pub fn as_slice(&self) -> &[Ground] {
        &self.0
    }
}

/// What a sanction rests on, by stable id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case")]
pub enum EvidenceItem {
    /// 申领
    Application(String),
    /// 照片
    Photo(String),
    /// 实人认证
    PersonCheck(String),
    /// 核验
    Verification(String),
}

/// Evidence of a sanction: never none, each once, and no more than somebody reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<EvidenceItem>", into = "Vec<EvidenceItem>")]
pub struct Evidence(Vec<EvidenceItem>);

impl Evidence {
    /// Items of one sanction at most: its case file holds them all.
    pub const MOST: usize = 16;

    /// Takes the evidence.
    ///
    /// # Errors
    /// If there is none, or more than [`Evidence::MOST`].
    pub fn new(mut items: Vec<EvidenceItem>) -> Result<Self, Refusal> {
        items.sort_unstable();
        items.dedup();
        match items.len() {
            0 => Err(NO_EVIDENCE),
            1..=Self::MOST => Ok(Self(items)),
            _ => Err(TOO_MUCH_EVIDENCE),
        }
    }

    /// The items.
    #[must_use]
    pub fn as_slice(&self) -> &[EvidenceItem] {
        &self.0
    }
}

/// What an officer proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who.
    pub by: OfficerId,
    /// Why.
    pub grounds: Grounds,
    /// What it rests on.
    pub evidence: Evidence,
}

/// A proposal that another officer confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// What was proposed.
    pub proposal: Proposal,
    /// Who confirmed it.
    pub by: OfficerId,
}

named! {
    /// Where the driver's appeal (申诉) stands.
    pub enum Appeal {
        /// None was made.
        None = "none",
        /// Made, and not answered yet.
        Open = "open",
        /// Two officers looked at it, and the sanction stays.
        Dismissed = "dismissed",
        /// The sanction was lifted after it.
        Granted = "granted",
    }
}

/// A sanction in one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Sanction {
    /// One officer proposed it; nothing has happened to the driver.
    Proposed {
        /// What.
        proposal: Proposal,
    },
    /// Another officer did not confirm it: it never was.
    Declined {
        /// What.
        proposal: Proposal,
        /// Who declined.
        by: OfficerId,
    },
    /// It closes the app to the driver, and has stopped the e-licence.
    InForce {
        /// By whom.
        confirmed: Confirmed,
        /// Whether the driver appeals.
        appeal: Appeal,
    },
    /// An officer put its end to the decision of another; it is in force all the same.
    LiftProposed {
        /// By whom it came into force.
        confirmed: Confirmed,
        /// Who would have it lifted.
        by: OfficerId,
        /// Whether the driver appeals.
        appeal: Appeal,
    },
    /// It is over.
    Lifted {
        /// By whom it had come into force.
        confirmed: Confirmed,
        /// Who would have it lifted.
        proposed_by: OfficerId,
        /// Who lifted it.
        by: OfficerId,
        /// What became of an appeal.
        appeal: Appeal,
    },
}

/// What can happen to a sanction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another officer confirms the proposal.
    Confirm {
        /// Who.
        officer: OfficerId,
    },
    /// Another officer declines the proposal.
    Decline {
        /// Who.
        officer: OfficerId,
    },
    /// An officer would have it lifted.
    ProposeLift {
        /// Who.
        officer: OfficerId,
    },
    /// Another officer lifts it.
    ConfirmLift {
        /// Who.
        officer: OfficerId,
    },
    /// Another officer lets it stand.
    DeclineLift {
        /// Who.
        officer: OfficerId,
    },
    /// The driver appeals.
    Appeal,
}

impl Sanction {
    /// The state without what it carries.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Proposed { .. } => Stage::Proposed,
            Self::Declined { .. } => Stage::Declined,
            Self::InForce { .. } => Stage::InForce,
            Self::LiftProposed { .. } => Stage::LiftProposed,
            Self::Lifted { .. } => Stage::Lifted,
        }
    }

    /// The next state.
    ///
    /// # Errors
    /// A refusal that says why the event is not possible in this state.
    pub fn apply(self, event: Event) -> Result<Self, Refusal> {
        match event {
            Event::Confirm { officer } => {
                let (proposal, by) = self.decided_by(officer)?;
                let confirmed = Confirmed { proposal, by };
                Ok(Self::InForce {
                    confirmed,
                    appeal: Appeal::None,
                })
            }
            Event::Decline { officer } => {
                let (proposal, by) = self.decided_by(officer)?;
                Ok(Self::Declined { proposal, by })
            }
            Event::ProposeLift { officer } => self.propose_lift(officer),
            Event::ConfirmLift { officer } => self.lift(officer),
            Event::DeclineLift { officer } => self.let_stand(&officer),
            Event::Appeal => self.appeal(),
        }
    }

    /// Whoever proposes does not decide: one officer alone must not be able to close the app to
    /// anybody.
    fn decided_by(self, officer: OfficerId) -> Result<(Proposal, OfficerId), Refusal> {
        match self {
            Self::Proposed { proposal } if proposal.by == officer => Err(SAME_OFFICER),
            Self::Proposed { proposal } => Ok((proposal, officer)),
            Self::Declined { .. }
            | Self::InForce { .. }
            | Self::LiftProposed { .. }
            | Self::Lifted { .. } => Err(NOT_NOW),
        }
    }

    fn propose_lift(self, officer: OfficerId) -> Result<Self, Refusal> {
        match self {
            Self::InForce { confirmed, appeal } => Ok(Self::LiftProposed {
                confirmed,
                by: officer,
                appeal,
            }),
            Self::Proposed { .. }
            | Self::Declined { .. }
            | Self::LiftProposed { .. }
            | Self::Lifted { .. } => Err(NOT_NOW),
        }
    }

    fn lift(self, officer: OfficerId) -> Result<Self, Refusal> {
        let (confirmed, proposed_by, appeal) = self.lift_decided_by(&officer)?;
        Ok(Self::Lifted {
            confirmed,
            proposed_by,
            by: officer,
            appeal: match appeal {
                Appeal::Open => Appeal::Granted,
                Appeal::None | Appeal::Dismissed | Appeal::Granted => appeal,
            },
        })
    }

    fn let_stand(self, officer: &OfficerId) -> Result<Self, Refusal> {
        let (confirmed, _, appeal) = self.lift_decided_by(officer)?;
        Ok(Self::InForce {
            confirmed,
            appeal: match appeal {
                Appeal::Open => Appeal::Dismissed,
                Appeal::None | Appeal::Dismissed | Appeal::Granted => appeal,
            },
        })
    }

    /// Neither who would have it lifted decides that, nor who brought it into force: nobody judges
    /// their own decision.
    fn lift_decided_by(
        self,
        officer: &OfficerId,
    ) -> Result<(Confirmed, OfficerId, Appeal), Refusal> {
        match self {
            Self::LiftProposed { by, .. } if by == *officer => Err(SAME_OFFICER),
            Self::LiftProposed { confirmed, .. } if confirmed.by == *officer => Err(OWN_DECISION),
            Self::LiftProposed {
                confirmed,
                by,
                appeal,
            } => Ok((confirmed, by, appeal)),
            Self::Proposed { .. }
            | Self::Declined { .. }
            | Self::InForce { .. }
            | Self::Lifted { .. } => Err(NOT_NOW),
        }
    }

    /// One appeal at a time; another when it was answered.
    fn appeal(self) -> Result<Self, Refusal> {
        match self {
            Self::InForce {
                appeal: Appeal::Open,
                ..
            }
            | Self::LiftProposed {
                appeal: Appeal::Open,
                ..
            } => Err(APPEALED),
            Self::InForce { confirmed, .. } => Ok(Self::InForce {
                confirmed,
                appeal: Appeal::Open,
            }),
            Self::LiftProposed { confirmed, by, .. } => Ok(Self::LiftProposed {
                confirmed,
                by,
                appeal: Appeal::Open,
            }),
            Self::Proposed { .. } | Self::Declined { .. } | Self::Lifted { .. } => Err(NOT_NOW),
        }
    }
}

named! {
    /// The state of a sanction without what it carries.
    pub enum Stage {
        /// One officer proposed it.
        Proposed = "proposed",
        /// Another did not confirm it.
        Declined = "declined",
        /// In force.
        InForce = "in-force",
        /// In force, and an officer would have it lifted.
        LiftProposed = "lift-proposed",
        /// Over.
        Lifted = "lifted",
    }
}

impl Stage {
    /// Whether it closes the app to the driver.
    #[must_use]
    pub const fn in_force(self) -> bool {
        match self {
            Self::InForce | Self::LiftProposed => true,
            Self::Proposed | Self::Declined | Self::Lifted => false,
        }
    }

    /// Whether somebody may still decide about it: a driver has one such sanction at most.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Proposed | Self::InForce | Self::LiftProposed => true,
            Self::Declined | Self::Lifted => false,
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
    NO_GROUNDS = "grounds-required", "必须说明处置理由", "A sanction needs a ground";
    NO_EVIDENCE = "evidence-required", "必须附证据", "A sanction needs evidence";
    TOO_MUCH_EVIDENCE = "too-much-evidence", "证据项过多", "There are too many items of evidence";
    SAME_OFFICER = "same-officer", "提出人不得决定同一处置", "Whoever proposed it does not decide it";
    OWN_DECISION = "own-decision", "作出处置决定的人不得决定是否解除", "Whoever brought it into force does not decide whether it is lifted";
    APPEALED = "appeal-open", "申诉正在处理", "An appeal is being dealt with";
}

impl TryFrom<Vec<Ground>> for Grounds {
    type Error = Refusal;

    fn try_from(grounds: Vec<Ground>) -> Result<Self, Self::Error> {
        Self::new(grounds)
    }
}

impl From<Grounds> for Vec<Ground> {
    fn from(grounds: Grounds) -> Self {
        grounds.0
    }
}

impl TryFrom<Vec<EvidenceItem>> for Evidence {
    type Error = Refusal;

    fn try_from(items: Vec<EvidenceItem>) -> Result<Self, Self::Error> {
        Self::new(items)
    }
}

impl From<Evidence> for Vec<EvidenceItem> {
    fn from(evidence: Evidence) -> Self {
        evidence.0
    }
}
