//! Whether the steps that were asked for are to be seen, in their order.

use crate::challenge::{Challenge, CheckReason, Step};
use crate::fingerprint::Fingerprint;

/// What of a frame speaks of movement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Movement {
    pub(super) step: usize,
    /// Degrees; positive towards the right of the picture, which is the person's left.
    pub(super) yaw: f32,
    /// Of the eye that is wider open, over its width.
    pub(super) opening: f32,
    pub(super) fingerprint: Fingerprint,
}

/// A head that looks straight is turned by no more, in degrees.
const STRAIGHT: f32 = 12.0;
/// A turned one by no less. The mesh is off by some three degrees.
const TURNED: f32 = 18.0;
/// Eyes that are open at the beginning; those of the photo rules (R68) are asked for 0.2.
const LEAST_OPEN: f32 = 0.14;
/// Closed: this share of how they are open at the beginning, since eyes differ.
const CLOSED: f32 = 0.6;
/// Open again.
const REOPENED: f32 = 0.75;
/// Bits of 256 by which two pictures of a person who moves differ at the least. The same picture
/// stored anew differs in fewer.
const MOVED: u32 = 4;

impl Movement {
    pub(super) fn is_straight(&self) -> bool {
        self.yaw.abs() <= STRAIGHT
    }

    fn turned(&self) -> Option<Step> {
        if self.yaw >= TURNED {
            Some(Step::TurnLeft)
        } else if self.yaw <= -TURNED {
            Some(Step::TurnRight)
        } else {
            None
        }
    }
}

/// Whether each step is seen where it was asked for, and nothing else.
pub(super) fn followed(movements: &[Movement], challenge: &Challenge) -> Result<(), CheckReason> {
    if nothing_moved(movements) {
        return Err(CheckReason::FramesRepeated);
    }
    let open = beginning(movements)?;
    let mut shown: Vec<Movement> = Vec::new();
    let mut before = None;
    for (number, step) in challenge.steps().iter().enumerate() {
        let during: Vec<Movement> = movements
            .iter()
            .filter(|it| it.step == number + 1)
            .copied()
            .collect();
        let place = match step {
            Step::TurnLeft | Step::TurnRight => {
                during.iter().position(|it| it.turned() == Some(*step))
            }
            Step::Blink => blinked(&during, open),
        };
        let place = place.ok_or(CheckReason::StepNotFollowed)?;
        if something_else(&during, place, *step, before) {
            return Err(CheckReason::StepNotFollowed);
        }
        shown.extend(during.get(place));
        before = Some(*step);
    }
    // Whoever turns twice is never twice the same picture.
    let again = shown.iter().enumerate().any(|(number, one)| {
        let mut later = shown.iter().skip(number + 1);
        later.any(|it| it.fingerprint.difference(one.fingerprint) < MOVED)
    });
    if again {
        Err(CheckReason::FramesRepeated)
    } else {
        Ok(())
    }
}

/// Whether all frames are one picture, stored anew perhaps.
fn nothing_moved(movements: &[Movement]) -> bool {
    let Some(first) = movements.first() else {
        return true;
    };
    let mut others = movements.iter();
    others.all(|it| it.fingerprint.difference(first.fingerprint) < MOVED)
}

/// How wide the eyes are open when nothing is asked for yet.
fn beginning(movements: &[Movement]) -> Result<f32, CheckReason> {
    let straight = movements.iter().filter(|it| it.step == 0);
    let straight: Vec<&Movement> = straight.filter(|it| it.is_straight()).collect();
    let turned = movements
        .iter()
        .any(|it| it.step == 0 && it.turned().is_some());
    let open = median(straight.iter().map(|it| it.opening));
    open.filter(|it| *it >= LEAST_OPEN && !turned)
        .ok_or(CheckReason::NotStraight)
}

/// The frame with closed eyes that one with open eyes follows.
fn blinked(during: &[Movement], open: f32) -> Option<usize> {
    let closed = |it: &Movement| it.is_straight() && it.opening <= open * CLOSED;
    let reopened = |it: &Movement| it.is_straight() && it.opening >= open * REOPENED;
    let place = during.iter().position(closed)?;
    let mut after = during.iter().skip(place + 1);
    after.any(reopened).then_some(place)
}

/// Whether the head turns where that was not asked for: frames of somebody who does everything
/// at every step follow no challenge. The way back from the step before is none of it.
fn something_else(during: &[Movement], place: usize, step: Step, before: Option<Step>) -> bool {
    during
        .iter()
        .enumerate()
        .any(|(number, it)| match it.turned() {
            None => false,
            Some(turn) if turn == step => false,
            Some(turn) => number > place || Some(turn) != before,
        })
}

/// The middle one; of an even number the one that follows the middle.
pub(super) fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
