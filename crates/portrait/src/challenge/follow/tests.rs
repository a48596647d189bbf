use Step::{Blink, TurnLeft, TurnRight};

use super::*;

/// Yaw and opening of the eyes, at a step.
type Shown = (usize, f32, f32);

fn movements(shown: &[Shown]) -> Vec<Movement> {
    let numbered = shown.iter().enumerate();
    numbered
        .map(|(number, (step, yaw, opening))| {
            let mut bits = [0; 32];
            // Eight bits of its own for each frame.
            bits[number] = 0xff;
            Movement {
                step: *step,
                yaw: *yaw,
                opening: *opening,
                fingerprint: Fingerprint::from_bytes(bits),
            }
        })
        .collect()
}

fn judged(steps: &[Step], shown: &[Shown]) -> Result<(), CheckReason> {
    let challenge = Challenge::new(steps.to_vec()).unwrap();
    followed(&movements(shown), &challenge)
}

const ASKED: [Step; 3] = [TurnLeft, Blink, TurnRight];
const GOOD: [Shown; 7] = [
    (0, 1.0, 0.3),
    (1, 25.0, 0.3),
    (1, 9.0, 0.3),
    (2, -2.0, 0.05),
    (2, 1.0, 0.28),
    (3, -12.0, 0.3),
    (3, -24.0, 0.3),
];

fn with(number: usize, shown: Shown) -> Vec<Shown> {
    let mut changed = GOOD.to_vec();
    changed[number] = shown;
    changed
}

#[test]
fn steps_that_are_seen_in_order_are_followed() {
    assert_eq!(judged(&ASKED, &GOOD), Ok(()));
}

#[test]
fn a_step_that_is_not_seen_is_not_followed() {
    let missed = Err(CheckReason::StepNotFollowed);
    for (number, shown, what) in [
        (1, (1, 17.0, 0.3), "a turn that is too small"),
        (1, (1, -25.0, 0.3), "a turn to the other side"),
        (1, (1, f32::NAN, 0.3), "no number"),
        (3, (2, -2.0, 0.2), "eyes half closed"),
        (
            3,
            (2, 14.0, 0.05),
            "a blink that nobody sees from the front",
        ),
        (4, (2, 1.0, 0.1), "eyes that stay closed"),
        (6, (3, -15.0, 0.3), "a turn that is too small at the end"),
    ] {
        assert_eq!(judged(&ASKED, &with(number, shown)), missed, "{what}");
    }
    // The same movements in another order.
    assert_eq!(judged(&[TurnRight, Blink, TurnLeft], &GOOD), missed);
    assert_eq!(judged(&[Blink, TurnLeft, Blink], &GOOD), missed);
}

#[test]
fn the_way_back_from_the_last_turn_is_no_movement_of_its_own() {
    assert_eq!(judged(&ASKED, &with(2, (1, 20.0, 0.3))), Ok(()));
    let back = [&GOOD[..3], &[(2, 19.0, 0.3)], &GOOD[3..]].concat();
    assert_eq!(judged(&ASKED, &back), Ok(()));
}

#[test]
fn somebody_who_does_everything_at_every_step_follows_none() {
    let missed = Err(CheckReason::StepNotFollowed);
    // The other turn at a turn, before and after; a turn at a blink, before and after.
    for (place, more) in [
        (1, (1, -22.0, 0.3)),
        (2, (1, -22.0, 0.3)),
        (3, (2, -22.0, 0.3)),
        (5, (2, 22.0, 0.3)),
    ] {
        let shown = [&GOOD[..place], &[more], &GOOD[place..]].concat();
        assert_eq!(judged(&ASKED, &shown), missed, "{more:?}");
    }
}

#[test]
fn the_beginning_looks_straight_with_open_eyes() {
    let not = Err(CheckReason::NotStraight);
    for first in [(0, 13.0, 0.3), (0, 1.0, 0.1), (0, 1.0, f32::NAN)] {
        assert_eq!(judged(&ASKED, &with(0, first)), not, "{first:?}");
    }
    let turned = [&[(0, 30.0, 0.3)], &GOOD[..]].concat();
    assert_eq!(judged(&ASKED, &turned), not);
}

#[test]
fn narrow_eyes_are_measured_by_themselves() {
    let narrow: Vec<Shown> = GOOD
        .iter()
        .map(|(step, yaw, it)| (*step, *yaw, it * 0.55))
        .collect();
    assert_eq!(judged(&ASKED, &narrow), Ok(()));
}

#[test]
fn one_picture_that_comes_again_and_again_is_no_movement() {
    let challenge = Challenge::new(ASKED.to_vec()).unwrap();
    let mut still = movements(&GOOD);
    for it in &mut still {
        it.fingerprint = Fingerprint::from_bytes([7; 32]);
    }
    assert_eq!(
        followed(&still, &challenge),
        Err(CheckReason::FramesRepeated)
    );
    // The turned picture of the first step once more at the third.
    let challenge = Challenge::new(vec![TurnLeft, Blink, TurnLeft]).unwrap();
    let mut again = movements(&with(6, (3, 25.0, 0.3)));
    assert_eq!(followed(&again, &challenge), Ok(()));
    again[6].fingerprint = again[1].fingerprint;
    assert_eq!(
        followed(&again, &challenge),
        Err(CheckReason::FramesRepeated)
    );
}
