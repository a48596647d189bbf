use licence::Sanction;
use licence::application::{self, Application, OwnPhoto, PhotoOrigin};
use licence::machine::{Edge, Machine};
use licence::sanction::{Appeal, Event, Evidence, EvidenceItem, Ground, Grounds, Proposal, Stage};

use crate::machines::{assert_table, officer, reasons};

/// Every transition; whatever is not here is refused.
const SANCTION: &[Edge] = &[
    ("proposed", "confirm", "in-force"),
    ("proposed", "decline", "declined"),
    ("in-force", "propose-lift", "lift-proposed"),
    ("in-force", "appeal", "in-force"),
    ("lift-proposed", "confirm-lift", "lifted"),
    ("lift-proposed", "decline-lift", "in-force"),
    ("lift-proposed", "appeal", "lift-proposed"),
];

#[test]
fn every_state_and_event_of_a_sanction() {
    let stages: Vec<_> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
    assert_table::<Sanction>(SANCTION, &stages, 6);
}

#[test]
fn states_of_a_sanction_are_stored_and_read_back() {
    for state in Sanction::sample_states() {
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json["stage"], state.stage_name());
        assert_eq!(serde_json::from_value::<Sanction>(json).unwrap(), state);
    }
}

#[test]
fn r75_a_sanction_counts_from_its_confirmation_to_its_lifting() {
    let in_force: Vec<_> = Stage::ALL.iter().filter(|it| it.in_force()).collect();
    assert_eq!(in_force, [&Stage::InForce, &Stage::LiftProposed]);
    let open: Vec<_> = Stage::ALL.iter().filter(|it| it.is_open()).collect();
    let expected = [&Stage::Proposed, &Stage::InForce, &Stage::LiftProposed];
    assert_eq!(open, expected);
}

fn proposed(by: &str) -> Sanction {
    let grounds = Grounds::new(vec![Ground::CompositePhoto]).unwrap();
    let item = EvidenceItem::Photo("pho_1".to_owned());
    let evidence = Evidence::new(vec![item]).unwrap();
    let by = officer(by);
    Sanction::Proposed {
        proposal: Proposal {
            by,
            grounds,
            evidence,
        },
    }
}

fn confirm(by: &str) -> Event {
    let officer = officer(by);
    Event::Confirm { officer }
}

fn in_force() -> Sanction {
    proposed("one").apply(confirm("two")).unwrap()
}

fn lift_proposed(by: &str) -> Sanction {
    let officer = officer(by);
    in_force().apply(Event::ProposeLift { officer }).unwrap()
}

fn appeal_of(sanction: &Sanction) -> Appeal {
    match sanction {
        Sanction::InForce { appeal, .. }
        | Sanction::LiftProposed { appeal, .. }
        | Sanction::Lifted { appeal, .. } => *appeal,
        Sanction::Proposed { .. } | Sanction::Declined { .. } => Appeal::None,
    }
}

#[test]
fn sc_35_one_officer_alone_sanctions_nobody() {
    let officer = officer("one");
    for event in [confirm("one"), Event::Decline { officer }] {
        let refused = proposed("one").apply(event).unwrap_err();
        assert_eq!(refused.code, "same-officer");
    }
    assert_eq!(in_force().stage(), Stage::InForce);
}

#[test]
fn sc_35_a_lift_takes_two_and_nobody_judges_their_own_decision() {
    let decide = |sanction: Sanction, by: &str| {
        let officer = officer(by);
        let (lift, stay) = (sanction.clone(), sanction);
        (
            lift.apply(Event::ConfirmLift {
                officer: officer.clone(),
            }),
            stay.apply(Event::DeclineLift { officer }),
        )
    };
    for (proposed_by, decided_by, code) in [
        ("one", "one", "same-officer"),
        ("two", "two", "same-officer"),
        ("one", "two", "own-decision"),
        ("three", "two", "own-decision"),
    ] {
        let (lift, stay) = decide(lift_proposed(proposed_by), decided_by);
        assert_eq!(lift.unwrap_err().code, code, "{proposed_by} {decided_by}");
        assert_eq!(stay.unwrap_err().code, code, "{proposed_by} {decided_by}");
    }
    // An office of two officers can lift what it decided: each takes the other part.
    for (proposed_by, decided_by) in [("two", "one"), ("one", "three"), ("three", "four")] {
        let (lift, stay) = decide(lift_proposed(proposed_by), decided_by);
        assert_eq!(lift.unwrap().stage(), Stage::Lifted);
        assert_eq!(stay.unwrap(), in_force());
    }
}

#[test]
fn sc_35_an_appeal_is_open_until_two_officers_have_answered_it() {
    let lift = || Event::ProposeLift {
        officer: officer("three"),
    };
    let appealed = in_force().apply(Event::Appeal).unwrap();
    assert_eq!(appeal_of(&appealed), Appeal::Open);
    let again = appealed.clone().apply(Event::Appeal).unwrap_err();
    assert_eq!(again.code, "appeal-open");
    let before = appealed.apply(lift()).unwrap();
    // It may come while a lift is being decided as well.
    let during = lift_proposed("three").apply(Event::Appeal).unwrap();
    assert_eq!(before, during);

    let granted = before.clone().apply(Event::ConfirmLift {
        officer: officer("four"),
    });
    assert_eq!(appeal_of(&granted.unwrap()), Appeal::Granted);
    let dismissed = before.apply(Event::DeclineLift {
        officer: officer("four"),
    });
    let dismissed = dismissed.unwrap();
    assert_eq!(appeal_of(&dismissed), Appeal::Dismissed);
    let anew = dismissed.apply(Event::Appeal).unwrap();
    assert_eq!(appeal_of(&anew), Appeal::Open);

    let declined = proposed("one").apply(Event::Decline {
        officer: officer("two"),
    });
    for nothing_to_appeal in [proposed("one"), declined.unwrap()] {
        let refused = nothing_to_appeal.apply(Event::Appeal).unwrap_err();
        assert_eq!(refused.code, "not-in-this-state");
    }
}

#[test]
fn r76_a_sanction_without_grounds_or_evidence_cannot_be_made() {
    assert_eq!(
        Grounds::new(Vec::new()).unwrap_err().code,
        "grounds-required"
    );
    assert_eq!(
        Evidence::new(Vec::new()).unwrap_err().code,
        "evidence-required"
    );
    let photos = |most: usize| {
        let photos = (0..most).map(|n| EvidenceItem::Photo(n.to_string()));
        Evidence::new(photos.collect())
    };
    assert_eq!(photos(16).unwrap().as_slice().len(), 16);
    assert_eq!(photos(17).unwrap_err().code, "too-much-evidence");
    let twice = vec![Ground::CompositePhoto, Ground::CompositePhoto];
    assert_eq!(
        Grounds::new(twice).unwrap().as_slice(),
        [Ground::CompositePhoto]
    );
    assert!(serde_json::from_str::<Grounds>("[]").is_err());
    assert!(serde_json::from_str::<Evidence>("[]").is_err());
}

#[test]
fn every_ground_names_a_rule_and_both_languages() {
    for ground in Ground::ALL {
        assert!(ground.rule().starts_with('R'), "{ground}");
        let text = ground.text();
        assert!(!text.zh.is_empty() && !text.en.is_empty(), "{ground}");
        assert_eq!(Ground::parse(ground.as_str()), Some(*ground));
    }
}

#[test]
fn sc_35_a_sanction_ends_what_was_begun_in_the_app_and_not_at_the_counter() {
    let end = || application::Event::Sanction { reasons: reasons() };
    let rejected = Application::Rejected {
        reasons: reasons(),
        reviewer: None,
        appealable: None,
    };
    for origin in PhotoOrigin::ALL {
        let ended = Application::Draft { origin: *origin }.apply(end());
        if *origin == PhotoOrigin::Counter {
            assert_eq!(ended.unwrap_err().code, "at-counter");
        } else {
            assert_eq!(ended.as_ref(), Ok(&rejected), "{origin}");
        }
    }
    let submitted = Application::PhotoSubmitted {
        origin: OwnPhoto::Album,
    };
    assert_eq!(submitted.apply(end()).unwrap(), rejected);
    for over in [Application::Withdrawn, rejected] {
        assert_eq!(over.apply(end()).unwrap_err().code, "not-in-this-state");
    }
}
