//! Frames are warped from stills and **synthetic**; no error rate follows from them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::assess::tests::{MODELS, folder};
use stills::{STILLS, Sitter, Taken};

/// The maker of such frames belongs to the demonstration.
#[expect(unreachable_pub, dead_code, reason = "public and used in full there")]
#[path = "../../../jiazhao/src/demo/stills.rs"]
mod stills;

fn sitter(number: usize) -> Sitter {
    STILLS[number]
        .open(&folder())
        .expect("the photos: run `cargo xtask setup --models`")
}

/// Two women, one of photo 6 and one of photo 3.
static ONE: LazyLock<Sitter> = LazyLock::new(|| sitter(0));
static OTHER: LazyLock<Sitter> = LazyLock::new(|| sitter(1));

static ASKED: LazyLock<Challenge> =
    LazyLock::new(|| Challenge::parse("turn-left,blink,turn-right,blink").unwrap());
static FRAMES: LazyLock<Vec<Taken>> = LazyLock::new(|| answer(&ONE, &ASKED, 0));
static PHOTO: LazyLock<Vec<u8>> = LazyLock::new(|| ONE.studio().photo(0).unwrap());

fn answer(sitter: &Sitter, challenge: &Challenge, first: u8) -> Vec<Taken> {
    let codes: Vec<&str> = challenge.steps().iter().map(|it| it.code()).collect();
    stills::answer(sitter, &codes, first).unwrap()
}

fn frames(taken: &[Taken]) -> Vec<Frame<'_>> {
    taken
        .iter()
        .map(|it| Frame {
            step: it.step,
            at_ms: it.at_ms,
            bytes: &it.bytes,
        })
        .collect()
}

fn judged(taken: &[Taken], challenge: &Challenge, photo: &[u8]) -> PersonCheck {
    check(
        &frames(taken),
        challenge,
        photo,
        &MODELS,
        &Thresholds::START,
    )
    .unwrap()
}

/// Smaller than a frame may be.
fn small() -> Vec<u8> {
    let mut file = Vec::new();
    let pixels = vec![128; 479 * 640 * 3];
    JpegEncoder::new(&mut file)
        .encode(&pixels, 479, 640, ExtendedColorType::Rgb8)
        .unwrap();
    file
}

fn refused(taken: &[Taken], reason: CheckReason) {
    let judgement = judged(taken, &ASKED, &PHOTO);
    assert_eq!(judgement.outcome, Outcome::Reject, "{judgement:?}");
    assert_eq!(judgement.reasons, [reason]);
}

#[test]
fn challenges_are_drawn_evenly_and_read_back() {
    let mut rng = StdRng::seed_from_u64(7);
    let drawn: Vec<Challenge> = (0..2000).map(|_| Challenge::random(&mut rng)).collect();
    for challenge in &drawn {
        assert_eq!(
            Challenge::new(challenge.steps().to_vec()).as_ref(),
            Some(challenge)
        );
        assert_eq!(
            Challenge::parse(&challenge.to_text()).as_ref(),
            Some(challenge)
        );
        for step in Step::ALL {
            assert!(challenge.steps().contains(&step));
        }
    }
    let different: BTreeSet<String> = drawn.iter().map(Challenge::to_text).collect();
    assert_eq!(different.len(), 60);
}

#[test]
fn what_is_no_challenge_is_not_read() {
    for text in [
        "",
        "blink",
        "turn-left,blink",
        "turn-left,turn-right,turn-left",
        "blink,blink,turn-left",
        "turn-left,blink,turn-left,blink,turn-left,blink",
        "turn-left,blink,nod",
        "turn-left, blink,turn-right",
    ] {
        assert_eq!(Challenge::parse(text), None, "{text}");
    }
    assert!(Challenge::parse("turn-left,blink,turn-right").is_some());
}

#[test]
fn the_person_of_the_photo_who_follows_matches() {
    let judgement = judged(&FRAMES, &ASKED, &PHOTO);
    assert_eq!(judgement.outcome, Outcome::Match, "{judgement:?}");
    assert!(judgement.reasons.is_empty());
    assert!(judgement.distance.unwrap() < Thresholds::START.match_distance);
}

#[test]
fn sc_04_another_person_who_follows_is_refused() {
    let judgement = judged(&answer(&OTHER, &ASKED, 0), &ASKED, &PHOTO);
    assert_eq!(judgement.outcome, Outcome::Reject);
    assert_eq!(judgement.reasons, [CheckReason::AnotherPerson]);
}

#[test]
fn print_a_still_that_is_held_before_the_camera_is_no_movement() {
    // The same bytes again and again.
    let still: Vec<Taken> = FRAMES
        .iter()
        .map(|it| Taken {
            bytes: FRAMES[0].bytes.clone(),
            ..it.clone()
        })
        .collect();
    refused(&still, CheckReason::FramesRepeated);
    // Shaken, as a hand shakes it.
    let shaken: Vec<Taken> = (0_u8..)
        .zip(FRAMES.iter())
        .map(|(number, it)| Taken {
            bytes: ONE.frame(number).unwrap(),
            ..it.clone()
        })
        .collect();
    refused(&shaken, CheckReason::StepNotFollowed);
    // Turned itself: what is flat grows narrow, and does not become a head seen from the side.
    let mut turned = shaken;
    for (number, it) in (10..).zip(turned.iter_mut().filter(|it| it.step == 1)) {
        it.bytes = ONE.flat(0.6).frame(number).unwrap();
    }
    refused(&turned, CheckReason::StepNotFollowed);
}

#[test]
fn replay_frames_of_another_challenge_do_not_follow_this_one() {
    for other in [
        "blink,turn-right,turn-left,blink",
        "turn-right,blink,turn-left,blink",
    ] {
        let other = Challenge::parse(other).unwrap();
        refused(&answer(&ONE, &other, 0), CheckReason::StepNotFollowed);
    }
}

#[test]
fn splice_one_frame_of_another_person_is_seen() {
    let others = answer(&OTHER, &ASKED, 0);
    // Straight before the first step, turned, with closed eyes, straight at the end.
    for number in [0, 2, 4, 9] {
        let mut spliced = FRAMES.clone();
        spliced[number].bytes.clone_from(&others[number].bytes);
        let judgement = judged(&spliced, &ASKED, &PHOTO);
        assert_eq!(
            judgement.outcome,
            Outcome::Reject,
            "frame {number}: {judgement:?}"
        );
        assert!(
            judgement.reasons.contains(&CheckReason::FaceChanged),
            "frame {number}"
        );
    }
}

#[test]
fn splice_the_photo_s_person_does_not_stand_in_for_who_moves() {
    // The one of the photo looks straight, another makes every movement.
    let others = answer(&OTHER, &ASKED, 0);
    let mut spliced = FRAMES.clone();
    for (it, other) in spliced
        .iter_mut()
        .zip(&others)
        .filter(|(it, _)| it.step > 0)
    {
        it.bytes.clone_from(&other.bytes);
    }
    let judgement = judged(&spliced, &ASKED, &PHOTO);
    assert_eq!(judgement.outcome, Outcome::Reject);
    assert!(judgement.reasons.contains(&CheckReason::FaceChanged));
}

#[test]
fn frames_are_counted_ordered_and_timed() {
    let all = frames(&FRAMES);
    let refusal = |frames: &[Frame<'_>]| {
        let judgement = check(frames, &ASKED, &PHOTO, &MODELS, &Thresholds::START).unwrap();
        assert_eq!(
            (judgement.outcome, judgement.distance),
            (Outcome::Reject, None)
        );
        judgement.reasons[0]
    };
    assert_eq!(refusal(&[]), CheckReason::FramesTooFew);
    assert_eq!(refusal(&all[..8]), CheckReason::FramesTooFew);
    let without_a_step: Vec<Frame<'_>> = all.iter().filter(|it| it.step != 2).copied().collect();
    assert_eq!(refusal(&without_a_step), CheckReason::FramesTooFew);
    assert_eq!(refusal(&all.repeat(3)), CheckReason::FramesTooMany);
    let changed = |change: &dyn Fn(&mut [Frame<'_>])| {
        let mut frames = all.clone();
        change(&mut frames);
        refusal(&frames)
    };
    let out_of_order = CheckReason::FramesOutOfOrder;
    assert_eq!(changed(&|it| it.swap(3, 5)), out_of_order);
    assert_eq!(changed(&|it| it[4].at_ms = it[3].at_ms), out_of_order);
    assert_eq!(changed(&|it| it[9].step = 5), out_of_order);
    assert_eq!(
        changed(&|it| it[9].at_ms = it[8].at_ms + 29),
        CheckReason::TooFast
    );
    let hasty = |it: &mut [Frame<'_>]| {
        for (number, frame) in (0_u32..).zip(it.iter_mut()) {
            frame.at_ms = number * 40;
        }
    };
    assert_eq!(changed(&hasty), CheckReason::TooFast);
}

#[test]
fn frames_without_one_face_or_without_a_picture_are_refused() {
    let with = |bytes: Vec<u8>| {
        let mut taken = FRAMES.clone();
        taken[4].bytes = bytes;
        taken
    };
    refused(&with(stills::nobody().unwrap()), CheckReason::NoFace);
    refused(
        &with(ONE.beside(&OTHER).frame(0).unwrap()),
        CheckReason::SeveralFaces,
    );
    refused(
        &with(ONE.smaller((0.34, 0.34)).frame(0).unwrap()),
        CheckReason::FaceTooSmall,
    );
    refused(&with(b"not a picture".to_vec()), CheckReason::FrameUnusable);
    refused(
        &with(FRAMES[4].bytes[..900].to_vec()),
        CheckReason::FrameUnusable,
    );
    refused(
        &with(vec![0xff; Limits::FRAME.max_bytes + 1]),
        CheckReason::FrameSize,
    );
    refused(&with(small()), CheckReason::FrameSize);
}

#[test]
fn a_photo_without_a_face_goes_to_an_officer_and_what_is_none_is_an_error() {
    let judgement = judged(&FRAMES, &ASKED, &stills::nobody().unwrap());
    assert_eq!(judgement.outcome, Outcome::Officer);
    assert_eq!(judgement.reasons, [CheckReason::NoFaceInPhoto]);
    let all = frames(&FRAMES);
    let refused = check(&all, &ASKED, b"no photo", &MODELS, &Thresholds::START);
    assert!(matches!(refused, Err(AssessError::Photo(_))));
}

/// The two steps of the same check; a decoy is one of the frames, and matches nobody.
#[test]
fn in_two_steps_nothing_else_comes_of_it_and_a_decoy_proves_nobody() {
    let first = |taken: &[Taken]| {
        let all = frames(taken);
        follow(&all, &ASKED, &MODELS, &Thresholds::START).unwrap()
    };
    let mut late = FRAMES.clone();
    late.swap(1, 3);
    let faults = first(&late).unwrap_err();
    assert_eq!(faults, [CheckReason::FramesOutOfOrder]);
    let own = first(&FRAMES).unwrap();
    let other = first(&answer(&OTHER, &ASKED, 0)).unwrap();
    let compared = |of: &Followed, photo| {
        let decoy = &FRAMES[0].bytes;
        of.compare(photo, decoy, &MODELS, &Thresholds::START)
            .unwrap()
    };
    let photo = PHOTO.as_slice();
    assert_eq!(compared(&own, Some(photo)), Outcome::Match);
    assert_eq!(compared(&other, Some(photo)), Outcome::Reject);
    let nobody = stills::nobody().unwrap();
    for none in [None, Some(nobody.as_slice()), Some(b"no photo".as_slice())] {
        assert_eq!(compared(&own, none), Outcome::Officer);
    }
}

#[test]
fn thresholds_decide() {
    let strict = Thresholds {
        match_similarity: 1.0,
        ..Thresholds::START
    };
    let judgement = check(&frames(&FRAMES), &ASKED, &PHOTO, &MODELS, &strict).unwrap();
    assert_eq!(judgement.outcome, Outcome::Officer);
    assert_eq!(judgement.reasons, [CheckReason::MatchersUndecided]);
}

#[test]
fn nothing_of_a_face_is_shown_for_debugging() {
    let frame = frames(&FRAMES)[0];
    assert_eq!(format!("{frame:?}"), "Frame { step: 0, at_ms: 300, .. }");
}

#[test]
fn reasons_have_codes_of_their_own_and_words() {
    let codes: BTreeSet<&str> = CheckReason::ALL.iter().map(|it| it.code()).collect();
    assert_eq!(codes.len(), CheckReason::ALL.len());
    for reason in CheckReason::ALL {
        assert_eq!(CheckReason::parse(reason.code()), Some(reason));
        assert!(!reason.zh().is_empty() && !reason.en().is_empty());
    }
}

/// What the models make of the frames: for setting limits.
#[test]
#[ignore = "prints measures of synthetic frames"]
fn measures_of_the_synthetic_frames() {
    let start = Thresholds::START;
    let mut photos = Vec::new();
    for number in 0..STILLS.len() {
        let sitter = sitter(number);
        let photo = likeness(&sitter.studio().photo(0).unwrap(), &Limits::PHOTO, &MODELS);
        let photo = photo.unwrap().expect("a face");
        let show = |what: &str, sitter: &Sitter, shaken: u8| {
            let bytes = sitter.frame(shaken).unwrap();
            let frame = Frame {
                step: 0,
                at_ms: 0,
                bytes: &bytes,
            };
            match seen::look(&frame, &MODELS).unwrap() {
                Ok(seen) => {
                    let compared = seen::compared_with(&seen, &photo);
                    println!(
                        "{number} {what}: yaw {:.1} opening {:.3} {compared:?}",
                        seen.movement.yaw, seen.movement.opening
                    );
                    Some(seen.movement.fingerprint)
                }
                Err(reason) => {
                    println!("{number} {what}: {reason}");
                    None
                }
            }
        };
        let one = show("straight", &sitter, 0);
        let other = show("shaken", &sitter, 3);
        println!(
            "   bits {:?}",
            one.zip(other).map(|(one, other)| one.difference(other))
        );
        for degrees in [
            -50.0, -42.0, -35.0, -28.0, -20.0, -10.0, 10.0, 20.0, 28.0, 35.0, 42.0, 50.0_f32,
        ] {
            show(&format!("turned {degrees}"), &sitter.turned(degrees), 1);
        }
        show("closed", &sitter.eyes_closed(), 2);
        for share in [0.9, 0.8, 0.7, 0.6, 0.5] {
            show(&format!("flat {share}"), &sitter.flat(share), 2);
        }
        photos.push(photo);
    }
    for (number, one) in photos.iter().enumerate() {
        for (other, two) in photos.iter().enumerate().skip(number + 1) {
            let compared = crate::matcher::compared(Some(one), Some(two), &start);
            println!("{number} and {other}: {compared:?}");
        }
    }
}
