//! The person check (实人认证): a random challenge of head turns and blinks, answered by frames of
//! a camera, and what is to be seen in them.
//!
//! What this judges is whether the frames show what was asked, of one person, who is the one of
//! the photo. Whether they came from a camera at all it cannot know: the caller binds them to a
//! session, a device's key and the server's own time, and a determined attacker with the right
//! pictures is stopped by none of that. docs/person-check.md says what was tried.

mod follow;
mod followed;
mod reason;
mod seen;

use rand::{Rng, RngExt as _};

use crate::assess::AssessError;
use crate::decode::Limits;
use crate::matcher::{Outcome, Thresholds, likeness};
use crate::models::Models;
use seen::Seen;

pub use followed::{Followed, follow};
pub use reason::CheckReason;

/// Something that a person is asked to do before the camera. Left and right are the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Turn the head to the left (向左转头).
    TurnLeft,
    /// Turn the head to the right (向右转头).
    TurnRight,
    /// Close both eyes for a moment and open them again (眨眼).
    Blink,
}

impl Step {
    const ALL: [Self; 3] = [Self::TurnLeft, Self::TurnRight, Self::Blink];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TurnLeft => "turn-left",
            Self::TurnRight => "turn-right",
            Self::Blink => "blink",
        }
    }

    /// The step of that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    /// What the person is told, in Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::TurnLeft => "请缓慢向左转头，然后转回",
            Self::TurnRight => "请缓慢向右转头，然后转回",
            Self::Blink => "请正对镜头闭眼片刻，然后睁开",
        }
    }

    /// What the person is told, in English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::TurnLeft => "turn your head slowly to the left, and back",
            Self::TurnRight => "turn your head slowly to the right, and back",
            Self::Blink => "look at the lens, close your eyes for a moment, open them again",
        }
    }
}

/// What is asked for, in this order (动作序列).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    steps: Vec<Step>,
}

/// Steps of a challenge that is drawn. Of four or five steps in which each kind occurs and none
/// twice in a row there are 60: frames that answered one challenge answer the next once in 60.
const DRAWN: [usize; 2] = [4, 5];
/// Fewer steps are no challenge.
const FEWEST_STEPS: usize = 3;
/// More take a person longer than patience and frames last.
const MOST_STEPS: usize = 5;

impl Challenge {
    /// Draws a challenge, each of those possible as likely as any other.
    #[must_use]
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut possible: Vec<Vec<Step>> = DRAWN.into_iter().flat_map(sequences).collect();
        possible.retain(|steps| Step::ALL.iter().all(|it| steps.contains(it)));
        let drawn = rng.random_range(0..possible.len().max(1));
        Self {
            steps: possible.into_iter().nth(drawn).unwrap_or_default(),
        }
    }

    /// From its steps: three to five, none twice in a row, a turn and a blink among them.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Option<Self> {
        let long = (FEWEST_STEPS..=MOST_STEPS).contains(&steps.len());
        let moves = steps
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one != next));
        let turns = steps.iter().any(|it| *it != Step::Blink);
        let blinks = steps.contains(&Step::Blink);
        (long && moves && turns && blinks).then_some(Self { steps })
    }

    /// In order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The steps' codes with commas between them: `turn-left,blink,turn-right`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let codes: Vec<&str> = self.steps.iter().map(|it| it.code()).collect();
        codes.join(",")
    }

    /// Reads that text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let steps: Option<Vec<Step>> = text.split(',').map(Step::parse).collect();
        Self::new(steps?)
    }
}

/// Every sequence of so many steps without the same twice in a row.
fn sequences(length: usize) -> Vec<Vec<Step>> {
    let mut all = vec![Vec::new()];
    for _ in 0..length {
        all = all
            .into_iter()
            .flat_map(|begun: Vec<Step>| {
                let next = Step::ALL.into_iter().filter({
                    let last = begun.last().copied();
                    move |it| Some(*it) != last
                });
                next.map(move |it| [begun.as_slice(), &[it]].concat())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

/// One picture of the camera, as it was taken: not mirrored.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Which step was asked for: 1 is the first; 0 is looking straight, before it.
    pub step: u8,
    /// By the client's clock, since the challenge was opened. It is the client's word: the caller
    /// compares the last with its own time.
    pub at_ms: u32,
    /// JPEG, PNG or WebP.
    pub bytes: &'a [u8],
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("step", &self.step)
            .field("at_ms", &self.at_ms)
            .finish_non_exhaustive()
    }
}

/// What came of a person check. It holds no face.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonCheck {
    /// The steps were followed by the person of the photo; or not; or an officer must look.
    pub outcome: Outcome,
    /// Why it is no match; none where it is.
    pub reasons: Vec<CheckReason>,
    /// Median distance of the first recogniser between the photo and the frames that look
    /// straight; `None` where nothing was compared.
    pub distance: Option<f32>,
    /// Median similarity of the second.
    pub similarity: Option<f32>,
}

impl PersonCheck {
    fn refused(reasons: Vec<CheckReason>) -> Self {
        Self {
            outcome: Outcome::Reject,
            reasons,
            distance: None,
            similarity: None,
        }
    }
}

/// Most frames of a check: the work is bounded by it.
pub const MOST_FRAMES: usize = 24;
/// Least time between two frames: a camera takes 30 in a second.
pub const LEAST_APART_MS: u32 = 30;
/// Least time that a step takes: nobody reads, turns and comes back in less.
pub const LEAST_STEP_MS: u32 = 350;

impl Limits {
    /// For frames of a person check: 512 KiB, from 480 x 480 (a face must show its eyes) to
    /// 1280 x 1280 (more shows nothing more), 8 MiB of pixels.
    pub const FRAME: Self = Self {
        max_bytes: 512 << 10,
        min_size: (480, 480),
        max_size: (1280, 1280),
        max_pixel_bytes: 8 << 20,
    };
}

/// Judges the frames of a challenge beside the photo of the person that it should be.
///
/// Frames are decoded one after the other and dropped; nothing of them is kept in the answer.
///
/// # Errors
/// [`AssessError`] where the photo is none or a model fails. What is wrong with frames is an
/// answer.
pub fn check(
    frames: &[Frame<'_>],
    challenge: &Challenge,
    reference: &[u8],
    models: &Models,
    thresholds: &Thresholds,
) -> Result<PersonCheck, AssessError> {
    let seen = match look_at(frames, challenge, models)? {
        Ok(seen) => seen,
        Err(reason) => return Ok(PersonCheck::refused(vec![reason])),
    };
    let reasons = own_faults(&seen, challenge, thresholds);
    let reference = likeness(reference, &Limits::PHOTO, models)?;
    let compared = seen::compared(&seen, reference.as_ref(), thresholds);
    Ok(concluded(reasons, compared))
}

/// What the frames show, or the first of them that shows nothing of use.
fn look_at(
    frames: &[Frame<'_>],
    challenge: &Challenge,
    models: &Models,
) -> Result<Result<Vec<Seen>, CheckReason>, AssessError> {
    if let Some(reason) = fault(frames, challenge) {
        return Ok(Err(reason));
    }
    let mut seen = Vec::with_capacity(frames.len());
    for frame in frames {
        match seen::look(frame, models)? {
            Ok(it) => seen.push(it),
            // The rest would cost and change nothing.
            Err(reason) => return Ok(Err(reason)),
        }
    }
    Ok(Ok(seen))
}

/// What is wrong with the frames whoever the person is.
fn own_faults(seen: &[Seen], challenge: &Challenge, thresholds: &Thresholds) -> Vec<CheckReason> {
    let movements: Vec<_> = seen.iter().map(|it| it.movement).collect();
    let followed = follow::followed(&movements, challenge);
    let mut reasons: Vec<CheckReason> = followed.err().into_iter().collect();
    if seen::changed(seen, thresholds) {
        reasons.push(CheckReason::FaceChanged);
    }
    reasons
}

/// What follows from the frames' own faults and the comparison with the photo.
fn concluded(mut reasons: Vec<CheckReason>, compared: seen::Compared) -> PersonCheck {
    let refused = !reasons.is_empty();
    let outcome = match compared.outcome {
        Outcome::Match => Outcome::Match,
        Outcome::Reject => {
            reasons.push(CheckReason::AnotherPerson);
            Outcome::Reject
        }
        Outcome::Officer => {
            reasons.push(if compared.distance.is_some() {
                CheckReason::MatchersUndecided
            } else {
                CheckReason::NoFaceInPhoto
            });
            Outcome::Officer
        }
    };
    PersonCheck {
        outcome: if refused { Outcome::Reject } else { outcome },
        reasons,
        distance: compared.distance,
        similarity: compared.similarity,
    }
}

/// What is wrong with the frames before anybody looks at them.
fn fault(frames: &[Frame<'_>], challenge: &Challenge) -> Option<CheckReason> {
    let steps = challenge.steps.len();
    if frames.len() > MOST_FRAMES {
        return Some(CheckReason::FramesTooMany);
    }
    let every_step = (0..=steps).all(|step| frames.iter().any(|it| usize::from(it.step) == step));
    // Two of each step and one before them: a blink shows in no fewer.
    if !every_step || frames.len() < 2 * steps + 1 {
        return Some(CheckReason::FramesTooFew);
    }
    let beyond = frames.iter().any(|it| usize::from(it.step) > steps);
    let ordered = frames.is_sorted_by(|one, next| one.step <= next.step && one.at_ms < next.at_ms);
    if beyond || !ordered {
        return Some(CheckReason::FramesOutOfOrder);
    }
    let repeated = frames.iter().enumerate().any(|(number, frame)| {
        let mut later = frames.iter().skip(number + 1);
        later.any(|it| it.bytes == frame.bytes)
    });
    if repeated {
        return Some(CheckReason::FramesRepeated);
    }
    too_fast(frames, steps).then_some(CheckReason::TooFast)
}

fn too_fast(frames: &[Frame<'_>], steps: usize) -> bool {
    let close = |pair: &[Frame<'_>]| match pair {
        [one, next] => next.at_ms - one.at_ms < LEAST_APART_MS,
        _ => false,
    };
    let ends = frames.first().zip(frames.last());
    let took = ends.map_or(0, |(first, last)| last.at_ms - first.at_ms);
    let least = u32::try_from(steps).map_or(u32::MAX, |it| it.saturating_mul(LEAST_STEP_MS));
    took < least || frames.windows(2).any(close)
}

#[cfg(test)]
mod tests;
