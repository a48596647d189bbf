//! Every state and event of an application, for its diagram and its table test.

use jiff::Timestamp;

use super::{
    Appealable, Application, Event, OwnPhoto, PhotoOrigin, RejectionReason, RejectionReasons,
};
use crate::calendar::Due;
use crate::machine::{Machine, OfficerId, Refusal};
use crate::message::Text;

impl Machine for Application {
    type Event = Event;
    const NAME: Text = Text {
        zh: "申领",
        en: "Application",
    };

    fn apply(self, event: Event) -> Result<Self, Refusal> {
        Self::apply(self, event)
    }

    fn stage_name(&self) -> &'static str {
        self.stage().as_str()
    }

    fn event_name(event: &Event) -> &'static str {
        match event {
            Event::SubmitPhoto => "submit-photo",
            Event::VerifyPerson => "verify-person",
            Event::RequestReview { .. } => "request-review",
            Event::SubmitAtCounter { .. } => "submit-at-counter",
            Event::SetDue { .. } => "set-due",
            Event::Approve { .. } => "approve",
            Event::Reject { .. } => "reject",
            Event::Appeal { .. } => "appeal",
            Event::Issue => "issue",
            Event::RefuseIssue { .. } => "refuse-issue",
            Event::Withdraw => "withdraw",
            Event::Sanction { .. } => "sanction",
        }
    }

    fn sample_states() -> Vec<Self> {
        let reviewer = OfficerId("reviewer".to_owned());
        let drafts = PhotoOrigin::ALL
            .iter()
            .map(|origin| Self::Draft { origin: *origin });
        let photos = OwnPhoto::ALL
            .iter()
            .map(|origin| Self::PhotoSubmitted { origin: *origin });
        let verified = [PhotoOrigin::OnFile, PhotoOrigin::Camera, PhotoOrigin::Album]
            .map(|origin| Self::PersonVerified { origin });
        let reviews =
            [Due::PendingCalendar, Due::At(Timestamp::UNIX_EPOCH)].map(|due| Self::UnderReview {
                origin: PhotoOrigin::Counter,
                due,
                submitted_by: Some(OfficerId("submitter".to_owned())),
                rejected_by: None,
            });
        let in_the_app = [
            Self::UnderReview {
                origin: PhotoOrigin::Camera,
                due: Due::At(Timestamp::UNIX_EPOCH),
                submitted_by: None,
                rejected_by: None,
            },
            Self::Approved {
                origin: PhotoOrigin::Album,
                reviewer: reviewer.clone(),
            },
        ];
        let later = [
            Self::Approved {
                origin: PhotoOrigin::Counter,
                reviewer: reviewer.clone(),
            },
            Self::Issued {
                origin: PhotoOrigin::Counter,
                reviewer: Some(reviewer.clone()),
            },
            Self::Rejected {
                reasons: sample_reasons(),
                reviewer: Some(reviewer.clone()),
                appealable: Some(Appealable {
                    origin: PhotoOrigin::Counter,
                    submitted_by: Some(OfficerId("submitter".to_owned())),
                }),
            },
            Self::Rejected {
                reasons: sample_reasons(),
                reviewer: Some(reviewer),
                appealable: None,
            },
            Self::Withdrawn,
        ];
        drafts
            .chain(photos)
            .chain(verified)
            .chain(reviews)
            .chain(in_the_app)
            .chain(later)
            .collect()
    }

    fn sample_events() -> Vec<Event> {
        let due = Due::At(Timestamp::UNIX_EPOCH);
        let reviewer = OfficerId("reviewer".to_owned());
        vec![
            Event::SubmitPhoto,
            Event::VerifyPerson,
            Event::RequestReview { due },
            Event::SubmitAtCounter {
                officer: OfficerId("submitter".to_owned()),
                due,
            },
            Event::SetDue {
                at: Timestamp::UNIX_EPOCH,
            },
            Event::Approve {
                reviewer: reviewer.clone(),
            },
            Event::Reject {
                reviewer,
                reasons: sample_reasons(),
            },
            Event::Appeal { due },
            Event::Issue,
            Event::RefuseIssue {
                reasons: sample_reasons(),
            },
            Event::Withdraw,
            Event::Sanction {
                reasons: sample_reasons(),
            },
        ]
    }

    fn initial_stages() -> &'static [&'static str] {
        &["draft"]
    }
}

fn sample_reasons() -> RejectionReasons {
    RejectionReasons(vec![RejectionReason {
        rule: "R56".to_owned(),
        code: "background".to_owned(),
    }])
}
