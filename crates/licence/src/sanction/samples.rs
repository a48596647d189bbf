//! Every state and event of a sanction, for its diagram and its table test.

use super::{
    Appeal, Confirmed, Event, Evidence, EvidenceItem, Ground, Grounds, Proposal, Sanction,
};
use crate::machine::{Machine, OfficerId, Refusal};
use crate::message::Text;

impl Machine for Sanction {
    type Event = Event;
    const NAME: Text = Text {
        zh: "停止申领使用",
        en: "Sanction",
    };

    fn apply(self, event: Event) -> Result<Self, Refusal> {
        Self::apply(self, event)
    }

    fn stage_name(&self) -> &'static str {
        self.stage().as_str()
    }

    fn event_name(event: &Event) -> &'static str {
        match event {
            Event::Confirm { .. } => "confirm",
            Event::Decline { .. } => "decline",
            Event::ProposeLift { .. } => "propose-lift",
            Event::ConfirmLift { .. } => "confirm-lift",
            Event::DeclineLift { .. } => "decline-lift",
            Event::Appeal => "appeal",
        }
    }

    fn sample_states() -> Vec<Self> {
        let officer = |name: &str| OfficerId(name.to_owned());
        let proposal = Proposal {
            by: officer("proposer"),
            grounds: Grounds(vec![Ground::CompositePhoto]),
            evidence: Evidence(vec![EvidenceItem::Photo("photo".to_owned())]),
        };
        let confirmed = Confirmed {
            proposal: proposal.clone(),
            by: officer("confirmer"),
        };
        let in_force = Appeal::ALL.iter().map(|appeal| Self::InForce {
            confirmed: confirmed.clone(),
            appeal: *appeal,
        });
        let lifting = Appeal::ALL.iter().map(|appeal| Self::LiftProposed {
            confirmed: confirmed.clone(),
            by: officer("lifter"),
            appeal: *appeal,
        });
        let others = [
            Self::Proposed {
                proposal: proposal.clone(),
            },
            Self::Declined {
                proposal,
                by: officer("confirmer"),
            },
            Self::Lifted {
                confirmed: confirmed.clone(),
                proposed_by: officer("lifter"),
                by: officer("proposer"),
                appeal: Appeal::None,
            },
        ];
        others.into_iter().chain(in_force).chain(lifting).collect()
    }

    fn sample_events() -> Vec<Event> {
        let officer = || OfficerId("another".to_owned());
        vec![
            Event::Confirm { officer: officer() },
            Event::Decline { officer: officer() },
            Event::ProposeLift { officer: officer() },
            Event::ConfirmLift { officer: officer() },
            Event::DeclineLift { officer: officer() },
            Event::Appeal,
        ]
    }

    fn initial_stages() -> &'static [&'static str] {
        &["proposed"]
    }
}
