use std::collections::BTreeSet;

use licence::application::{
    Application, Event, PhotoOrigin, RejectionReason, RejectionReasons, Stage,
};
use licence::binding::{self, Assurance, Binding};
use licence::e_licence::{self, ELicence, SanctionId, SupersessionCause};
use licence::machine::{Edge, Machine, OfficerId, transitions};
use licence::{Due, StatusValue, diagrams};

use crate::sample::noon;

/// Every transition; whatever is not here is refused.
const APPLICATION: &[Edge] = &[
    ("draft", "submit-photo", "photo-submitted"),
    ("photo-submitted", "submit-photo", "photo-submitted"),
    ("draft", "verify-person", "person-verified"),
    ("draft", "submit-at-counter", "under-review"),
    ("draft", "withdraw", "withdrawn"),
    ("draft", "sanction", "rejected"),
    ("photo-submitted", "verify-person", "person-verified"),
    ("photo-submitted", "withdraw", "withdrawn"),
    ("photo-submitted", "sanction", "rejected"),
    ("person-verified", "issue", "issued"),
    ("person-verified", "refuse-issue", "rejected"),
    ("person-verified", "request-review", "under-review"),
    ("person-verified", "withdraw", "withdrawn"),
    ("person-verified", "sanction", "rejected"),
    ("under-review", "set-due", "under-review"),
    ("under-review", "approve", "approved"),
    ("under-review", "reject", "rejected"),
    ("under-review", "withdraw", "withdrawn"),
    ("under-review", "sanction", "rejected"),
    ("approved", "issue", "issued"),
    ("approved", "refuse-issue", "rejected"),
    ("approved", "withdraw", "withdrawn"),
    ("rejected", "appeal", "under-review"),
    ("approved", "sanction", "rejected"),
];

const E_LICENCE: &[Edge] = &[
    ("active", "supersede", "superseded"),
    ("active", "stop", "stopped"),
    ("active", "revoke", "revoked"),
    ("stopped", "lift", "active"),
    ("stopped", "supersede", "superseded"),
    ("stopped", "revoke", "revoked"),
];

const BINDING: &[Edge] = &[
    ("pending", "confirm", "active"),
    ("pending", "replace", "replaced"),
    ("pending", "revoke", "revoked"),
    ("pending", "lapse", "lapsed"),
    ("active", "renew", "active"),
    ("active", "replace", "replaced"),
    ("active", "revoke", "revoked"),
    ("active", "lapse", "lapsed"),
];

/// Tries every event in every state: exactly the table's transitions are made, and every stage
/// and every event is among the samples.
pub(crate) fn assert_table<M: Machine>(table: &[Edge], stages: &[&str], events: usize) {
    assert_eq!(
        transitions::<M>(),
        table.iter().copied().collect::<BTreeSet<_>>()
    );
    let sampled: BTreeSet<_> = M::sample_states().iter().map(M::stage_name).collect();
    assert_eq!(sampled, stages.iter().copied().collect::<BTreeSet<_>>());
    let sampled: BTreeSet<_> = M::sample_events().iter().map(M::event_name).collect();
    assert_eq!(sampled.len(), events);
    for state in M::sample_states() {
        for event in M::sample_events() {
            if let Err(refusal) = state.clone().apply(event) {
                assert!(!refusal.code.is_empty() && !refusal.text.zh.is_empty());
            }
        }
    }
}

#[test]
fn every_state_and_event_of_an_application() {
    let stages: Vec<_> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
    assert_table::<Application>(APPLICATION, &stages, 12);
}

#[test]
fn every_state_and_event_of_an_e_licence() {
    let stages: Vec<_> = e_licence::Stage::ALL
        .iter()
        .map(|stage| stage.as_str())
        .collect();
    assert_table::<ELicence>(E_LICENCE, &stages, 4);
}

#[test]
fn every_state_and_event_of_a_binding() {
    let stages: Vec<_> = binding::Stage::ALL
        .iter()
        .map(|stage| stage.as_str())
        .collect();
    assert_table::<Binding>(BINDING, &stages, 5);
}

#[test]
fn the_diagrams_in_the_documents_are_those_of_the_code() {
    let committed = include_str!("../../../../docs/state-machines.md");
    assert_eq!(committed, diagrams(), "run `cargo xtask generate`");
}

#[test]
fn stages_are_read_back_from_their_text() {
    for stage in Stage::ALL {
        assert_eq!(Stage::parse(stage.as_str()), Some(*stage));
    }
    assert_eq!(Stage::parse("Draft"), None);
    let open: Vec<_> = Stage::ALL.iter().filter(|stage| stage.is_open()).collect();
    assert_eq!(open.len(), 5);
}

pub(crate) fn officer(id: &str) -> OfficerId {
    OfficerId(id.to_owned())
}

fn at_counter() -> Application {
    let due = Due::At(noon("2024-09-14"));
    Application::Draft {
        origin: PhotoOrigin::Counter,
    }
    .apply(Event::SubmitAtCounter {
        officer: officer("one"),
        due,
    })
    .unwrap()
}

pub(crate) fn reasons() -> RejectionReasons {
    let reason = RejectionReason {
        rule: "R25".to_owned(),
        code: "withheld".to_owned(),
    };
    RejectionReasons::new(vec![reason]).unwrap()
}

#[test]
fn sc_30_the_counter_path_ends_in_an_issued_licence() {
    let issued = at_counter()
        .apply(Event::Approve {
            reviewer: officer("two"),
        })
        .and_then(|approved| approved.apply(Event::Issue))
        .unwrap();
    let expected = Application::Issued {
        origin: PhotoOrigin::Counter,
        reviewer: Some(officer("two")),
    };
    assert_eq!(issued, expected);
}

#[test]
fn sc_31_whoever_submits_does_not_decide() {
    let approve = Event::Approve {
        reviewer: officer("one"),
    };
    assert_eq!(
        at_counter().apply(approve).unwrap_err().code,
        "same-officer"
    );
    let reject = Event::Reject {
        reviewer: officer("one"),
        reasons: reasons(),
    };
    assert_eq!(at_counter().apply(reject).unwrap_err().code, "same-officer");
}

#[test]
fn sc_34_an_approved_application_can_still_be_refused_at_issue() {
    let rejected = at_counter()
        .apply(Event::Approve {
            reviewer: officer("two"),
        })
        .and_then(|approved| approved.apply(Event::RefuseIssue { reasons: reasons() }))
        .unwrap();
    let expected = Application::Rejected {
        reasons: reasons(),
        reviewer: Some(officer("two")),
        appealable: None,
    };
    assert_eq!(rejected, expected);
    let due = Due::At(noon("2024-09-14"));
    let appealed = rejected.apply(Event::Appeal { due });
    assert_eq!(appealed.unwrap_err().code, "not-appealable");
}

/// An appeal brings everything back but the officer who rejected, and comes once.
#[test]
fn sc_08_an_appeal_is_another_officers_and_comes_once() {
    let due = Due::At(noon("2024-09-20"));
    let appeal = || Event::Appeal { due };
    let reject = |who: &str| Event::Reject {
        reviewer: officer(who),
        reasons: reasons(),
    };
    assert_eq!(
        at_counter().apply(appeal()).unwrap_err().code,
        "not-in-this-state"
    );
    let appealed = at_counter()
        .apply(reject("two"))
        .and_then(|rejected| rejected.apply(appeal()))
        .unwrap();
    let expected = Application::UnderReview {
        origin: PhotoOrigin::Counter,
        due,
        submitted_by: Some(officer("one")),
        rejected_by: Some(officer("two")),
    };
    assert_eq!(appealed, expected);
    for (who, code) in [("one", "same-officer"), ("two", "same-reviewer")] {
        let refused = appealed.clone().apply(reject(who)).unwrap_err();
        assert_eq!(refused.code, code);
        let approve = Event::Approve {
            reviewer: officer(who),
        };
        assert_eq!(appealed.clone().apply(approve).unwrap_err().code, code);
    }
    let approve = Event::Approve {
        reviewer: officer("three"),
    };
    assert!(appealed.clone().apply(approve).is_ok());
    let for_good = appealed.apply(reject("three")).unwrap();
    let again = for_good.apply(appeal()).unwrap_err();
    assert_eq!(again.code, "not-appealable");
}

#[test]
fn r34_a_submitted_photo_is_never_issued_unreviewed() {
    for origin in [PhotoOrigin::Camera, PhotoOrigin::Album] {
        let verified = Application::Draft { origin }
            .apply(Event::SubmitPhoto)
            .and_then(|submitted| submitted.apply(Event::VerifyPerson))
            .unwrap();
        assert_eq!(
            verified.clone().apply(Event::Issue).unwrap_err().code,
            "review-required"
        );
        let review = verified
            .apply(Event::RequestReview {
                due: Due::PendingCalendar,
            })
            .unwrap();
        assert_eq!(review.stage(), Stage::UnderReview);
        assert_eq!(
            review.apply(Event::Issue).unwrap_err().code,
            "not-in-this-state"
        );
    }
}

#[test]
fn r36_the_photo_on_file_needs_a_verified_person_and_no_review() {
    let draft = Application::Draft {
        origin: PhotoOrigin::OnFile,
    };
    assert!(draft.clone().apply(Event::Issue).is_err());
    assert_eq!(
        draft.clone().apply(Event::SubmitPhoto).unwrap_err().code,
        "photo-on-file"
    );
    let issued = draft
        .apply(Event::VerifyPerson)
        .and_then(|verified| verified.apply(Event::Issue))
        .unwrap();
    assert_eq!(
        issued,
        Application::Issued {
            origin: PhotoOrigin::OnFile,
            reviewer: None
        }
    );
}

#[test]
fn a_person_is_not_verified_before_the_own_photo_is_there() {
    let draft = Application::Draft {
        origin: PhotoOrigin::Camera,
    };
    assert_eq!(
        draft.apply(Event::VerifyPerson).unwrap_err().code,
        "photo-required"
    );
    let draft = Application::Draft {
        origin: PhotoOrigin::Counter,
    };
    assert_eq!(
        draft.apply(Event::VerifyPerson).unwrap_err().code,
        "at-counter"
    );
}

#[test]
fn only_a_pending_due_time_is_set_later() {
    let set = Event::SetDue {
        at: noon("2027-01-04"),
    };
    assert!(at_counter().apply(set.clone()).is_err());
    let pending = Application::PersonVerified {
        origin: PhotoOrigin::Album,
    }
    .apply(Event::RequestReview {
        due: Due::PendingCalendar,
    })
    .and_then(|review| review.apply(set))
    .unwrap();
    assert!(matches!(
        pending,
        Application::UnderReview {
            due: Due::At(_),
            ..
        }
    ));
}

#[test]
fn a_rejection_without_a_reason_cannot_be_made() {
    assert_eq!(
        RejectionReasons::new(Vec::new()).unwrap_err().code,
        "reasons-required"
    );
    assert!(serde_json::from_str::<RejectionReasons>("[]").is_err());
}

#[test]
fn states_are_stored_and_read_back() {
    for state in Application::sample_states() {
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json["stage"], state.stage_name());
        assert_eq!(serde_json::from_value::<Application>(json).unwrap(), state);
    }
    for state in ELicence::sample_states() {
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json["stage"], state.stage_name());
        assert_eq!(serde_json::from_value::<ELicence>(json).unwrap(), state);
    }
    for state in Binding::sample_states() {
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json["stage"], state.stage_name());
        assert_eq!(serde_json::from_value::<Binding>(json).unwrap(), state);
    }
}

#[test]
fn sc_35_a_sanction_stops_and_its_lifting_restores() {
    let sanction = |id: &str| SanctionId(id.to_owned());
    let stopped = ELicence::Active
        .apply(e_licence::Event::Stop {
            sanction: sanction("a"),
        })
        .unwrap();
    assert_eq!(stopped.status_value(), StatusValue::Suspended);
    let other = e_licence::Event::Lift {
        sanction: sanction("b"),
    };
    assert_eq!(
        stopped.clone().apply(other).unwrap_err().code,
        "other-sanction"
    );
    let lifted = stopped.apply(e_licence::Event::Lift {
        sanction: sanction("a"),
    });
    assert_eq!(lifted, Ok(ELicence::Active));
}

#[test]
fn a_superseded_licence_never_comes_back() {
    let superseded = ELicence::Superseded {
        cause: SupersessionCause::NewEdition,
    };
    assert_eq!(superseded.status_value(), StatusValue::Invalid);
    for event in ELicence::sample_events() {
        assert!(superseded.clone().apply(event).is_err());
    }
}

#[test]
fn a_binding_is_confirmed_in_time_or_not_at_all() {
    let pending = Binding::Pending {
        expires: noon("2024-06-01"),
    };
    let confirm = |at| binding::Event::Confirm {
        assurance: Assurance::Passkey,
        at,
    };
    let late = pending.clone().apply(confirm(noon("2024-06-02")));
    assert_eq!(late.unwrap_err().code, "expired");
    let active = pending.apply(confirm(noon("2024-06-01"))).unwrap();
    let renewed = active
        .apply(binding::Event::Renew {
            at: noon("2024-05-01"),
        })
        .unwrap();
    let expected = Binding::Active {
        assurance: Assurance::Passkey,
        renewed: noon("2024-06-01"),
    };
    assert_eq!(renewed, expected);
}
