//! Faces come from the photos that `cargo xtask setup --models` fetches; what is made of them
//! is synthetic.

use std::path::PathBuf;
use std::sync::LazyLock;

use image::{ExtendedColorType, ImageEncoder as _, codecs};
use inference::Affine;
use inference::raster::{real, whole};
use jiff::civil::date;

use super::*;
use crate::geometry::Point;
use crate::mesh::at;
use crate::{Likeness, Rule};

pub(crate) static MODELS: LazyLock<Models> = LazyLock::new(|| {
    Models::read(|name| std::fs::read(folder().join(name)))
        .expect("the face models: run `cargo xtask setup --models`")
});

const WHITE: [f32; 3] = [245.0; 3];
const TODAY: Date = date(2026, 11, 22);

/// The studio photo of a woman who looks at the lens, on white, in dark clothes.
static GOOD: LazyLock<Vec<[f32; 3]>> = LazyLock::new(|| studio(6, 0, WHITE));

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models")
}

fn file(photo: u8) -> Vec<u8> {
    std::fs::read(folder().join(format!("photos/{photo}.jpg")))
        .expect("the photos: run `cargo xtask setup --models`")
}

fn subject(bytes: &[u8]) -> Subject {
    Subject::new(open(bytes, &Limits::PHOTO).unwrap())
        .unwrap()
        .1
}

/// The faces of a group from left to right.
fn in_order(group: &Subject) -> Vec<Mesh> {
    let mut faces = group.faces(&MODELS).unwrap();
    faces.sort_by(|one, other| one.eyes().x.total_cmp(&other.eyes().x));
    faces
}

/// One of a group as a studio would take them: upright, cut to form, with another background
/// and darker clothes.
fn studio(photo: u8, number: usize, background: [f32; 3]) -> Vec<[f32; 3]> {
    let group = subject(&file(photo));
    let mesh = &in_order(&group)[number];
    let centre = mesh.bounds().centre();
    let (side, angle) = (mesh.width() * 3.4, mesh.pose().roll.to_radians());
    let map = Affine::square((centre.x, centre.y), side, angle, 760);
    let upright = Subject {
        raster: group.raster.cropped(&map, 760, 760, WHITE),
        shrunk: 1,
    };
    let faces = upright.faces(&MODELS).unwrap();
    let formed = crop::form(&upright.raster, &MODELS, &faces[0]).unwrap();
    let chin = formed.place(faces[0].point(at::CHIN)).y;
    let pixels = formed.raster.pixels().iter().zip(&formed.person);
    let composed = pixels.enumerate().map(|(place, (pixel, person))| {
        let worn = real(place / crop::WIDTH) > chin + 25.0;
        let by = if worn { 0.4 } else { 1.0 };
        let mixed =
            |it: usize| f32::from(pixel[it]) * by * person + background[it] * (1.0 - person);
        [mixed(0), mixed(1), mixed(2)]
    });
    composed.collect()
}

fn bytes_of(pixels: &[[f32; 3]]) -> Vec<u8> {
    let channels = pixels.iter().flatten();
    channels
        .map(|it| u8::try_from(whole(it.clamp(0.0, 255.0))).unwrap())
        .collect()
}

fn png(pixels: &[[f32; 3]], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&bytes_of(pixels), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn jpeg(pixels: &[[f32; 3]], width: u32, height: u32, exif: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 92);
    encoder.set_exif_metadata(exif).unwrap();
    encoder
        .write_image(&bytes_of(pixels), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn judged(bytes: &[u8]) -> Assessment {
    judged_as(bytes, Profile::Submitted, &[])
}

fn judged_as(bytes: &[u8], profile: Profile, earlier: &[Fingerprint]) -> Assessment {
    let asked = Asked {
        profile,
        today: TODAY,
        earlier,
    };
    assess(bytes, &Limits::PHOTO, &MODELS, &asked).unwrap().1
}

fn of_rule(assessment: &Assessment, number: u8) -> Verdict {
    let mut findings = assessment.findings.iter();
    let rule = Rule::new(number).unwrap();
    findings.find(|it| it.rule == rule).unwrap().verdict
}

fn value(assessment: &Assessment, name: &str) -> f32 {
    let mut measured = assessment.measured.iter();
    measured.find(|it| it.name == name).unwrap().value
}

fn changed(change: impl Fn(usize, usize, [f32; 3]) -> [f32; 3]) -> Vec<u8> {
    let pixels = GOOD.iter().enumerate();
    let pixels: Vec<[f32; 3]> = pixels
        .map(|(at, pixel)| change(at % crop::WIDTH, at / crop::WIDTH, *pixel))
        .collect();
    png(&pixels, 358, 441)
}

#[test]
fn r55_r74_a_studio_photo_breaks_no_rule_and_each_rule_has_its_finding() {
    let good = judged(&png(&GOOD, 358, 441));
    let codes: Vec<String> = good.findings.iter().map(|it| it.rule.code()).collect();
    assert_eq!(
        codes,
        (56..=74).map(|it| format!("R{it}")).collect::<Vec<_>>()
    );
    let failed: Vec<_> = good
        .findings
        .iter()
        .filter(|it| it.verdict == Verdict::Fail)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    for rule in [56, 57, 60] {
        assert_eq!(of_rule(&good, rule), Verdict::Pass, "R{rule}");
    }
    // What machines judge badly is an officer's, whatever else is found.
    for rule in [61, 62, 63, 64, 65, 66, 67, 69, 70, 71, 72, 73, 74] {
        assert_eq!(of_rule(&good, rule), Verdict::Officer, "R{rule}");
    }
    // It has the form already and is not cut again.
    let crop = good.crop.unwrap();
    assert_eq!((crop.raster.width(), crop.raster.height()), (358, 441));
    assert!((value_of_face(&crop.raster) - 207.0).abs() < 14.0);
}

fn value_of_face(raster: &Raster) -> f32 {
    let subject = Subject {
        raster: raster.clone(),
        shrunk: 1,
    };
    subject.faces(&MODELS).unwrap()[0].width()
}

#[test]
fn r56_sc_07_a_grey_background_and_closed_eyes_are_both_named() {
    // In photo 2 the one to the right has her eyes closed.
    let judgement = judged(&png(&studio(2, 2, [128.0; 3]), 358, 441));
    assert_eq!(of_rule(&judgement, 56), Verdict::Fail);
    assert_eq!(of_rule(&judgement, 68), Verdict::Fail);
    for finding in judgement
        .findings
        .iter()
        .filter(|it| it.verdict == Verdict::Fail)
    {
        assert!(!finding.hint.zh.is_empty() && finding.measured.is_some());
    }
    assert_eq!(judgement.verdict(), Verdict::Fail);
}

#[test]
fn r56_backgrounds_that_have_a_colour_or_a_shadow_fail() {
    let blue = judged(&png(&studio(6, 0, [190.0, 215.0, 250.0]), 358, 441));
    assert_eq!(of_rule(&blue, 56), Verdict::Fail);
    let shadowed = changed(|x, _, pixel| {
        let in_shadow = x > 200 && pixel.iter().all(|it| *it > 235.0);
        if in_shadow { [140.0; 3] } else { pixel }
    });
    assert_eq!(of_rule(&judged(&shadowed), 56), Verdict::Fail);
}

#[test]
fn r57_dark_and_blurred_photos_fail() {
    let dark = changed(|_, _, pixel| pixel.map(|it| it * 0.25));
    assert_eq!(of_rule(&judged(&dark), 57), Verdict::Fail);
    let raster = Raster::new(358, 441, &bytes_of(&GOOD)).unwrap();
    let blurred = |columns: usize, rows: usize| {
        let there = Affine::rectangle((0.0, 0.0), (358.0, 441.0), (columns, rows));
        let small = raster.cropped(&there, columns, rows, WHITE);
        let back = Affine::rectangle((0.0, 0.0), small.size(), (358, 441));
        of_rule(
            &judged(&png(&small.cut(&back, 358, 441, WHITE), 358, 441)),
            57,
        )
    };
    assert_ne!(blurred(60, 74), Verdict::Pass);
    assert_eq!(blurred(30, 37), Verdict::Fail);
    // One half in the dark.
    let half = changed(|x, _, pixel| {
        if x < 179 {
            pixel.map(|it| it * 0.35)
        } else {
            pixel
        }
    });
    assert_ne!(of_rule(&judged(&half), 57), Verdict::Pass);
}

#[test]
fn r58_exactly_one_face_is_asked_for() {
    let group = judged(&file(6));
    assert_eq!((group.faces, of_rule(&group, 58)), (4, Verdict::Fail));
    // Somebody small in the background, whom one pass over the whole photo does not see.
    let face = Raster::new(358, 441, &bytes_of(&studio(3, 0, WHITE))).unwrap();
    let face = face.cut(
        &Affine::rectangle((0.0, 0.0), (358.0, 441.0), (74, 91)),
        74,
        91,
        WHITE,
    );
    let second = changed(|x, y, pixel| {
        let inside = x < 74 && y < 91;
        if inside { face[y * 74 + x] } else { pixel }
    });
    let second = judged(&second);
    assert_eq!((second.faces, of_rule(&second, 58)), (2, Verdict::Fail));
    let nobody = judged(&changed(|x, y, _| [real(x % 256), real(y % 256), 90.0]));
    assert_eq!((nobody.faces, of_rule(&nobody, 58)), (0, Verdict::Fail));
    assert!(nobody.crop.is_none());
    assert_eq!(of_rule(&nobody, 56), Verdict::Officer);
}

#[test]
fn r58_a_tilted_head_fails() {
    let raster = Raster::new(358, 441, &bytes_of(&GOOD)).unwrap();
    let map = Affine::square((179.0, 200.0), 441.0, 0.3, 441);
    let tilted = judged(&png(&raster.cut(&map, 441, 441, WHITE), 441, 441));
    assert_eq!(of_rule(&tilted, 58), Verdict::Fail);
    assert!((value(&tilted, "roll").abs() - 17.2).abs() < 3.0);
}

#[test]
fn r58_shoulders_that_are_not_level_are_an_officer_s() {
    let dressed = |degrees: f32| {
        let slope = degrees.to_radians().tan();
        judged(&changed(|x, y, pixel| {
            let shoulder = 400.0 + (real(x) - 179.0) * slope;
            // Beside the head too, where her hair hangs.
            match (y > 372 || x.abs_diff(179) > 110, real(y) > shoulder) {
                (true, true) => [40.0; 3],
                (true, false) => WHITE,
                (false, _) => pixel,
            }
        }))
    };
    let level = dressed(0.0);
    assert_eq!(of_rule(&level, 58), Verdict::Pass);
    assert!(value(&level, "shoulders").abs() < 1.5);
    // The second one is partly below the photo's edge: at least so far is what is said of it.
    for (degrees, least) in [(10.0, 7.0), (-15.0, 7.0)] {
        let sloping = dressed(degrees);
        assert_eq!(of_rule(&sloping, 58), Verdict::Officer);
        assert!(value(&sloping, "shoulders") * degrees.signum() > least);
    }
}

#[test]
fn r59_a_face_in_profile_fails() {
    // To the left in photo 2 she looks past the camera.
    let profile = judged(&png(&studio(2, 0, WHITE), 358, 441));
    assert_eq!(of_rule(&profile, 59), Verdict::Fail);
}

#[test]
fn r60_light_clothes_fail() {
    let light = changed(|_, y, pixel| {
        let worn = y > 400 && pixel.iter().any(|it| *it < 230.0);
        if worn { [215.0, 220.0, 228.0] } else { pixel }
    });
    let light = judged(&light);
    assert_ne!(of_rule(&light, 60), Verdict::Pass);
}

#[test]
fn r71_the_camera_s_date_decides_and_a_known_photo_is_refused() {
    let dated = |day: &str| judged(&jpeg(&GOOD, 358, 441, exif(1, day)));
    assert_eq!(of_rule(&dated("2026:10:01 09:00:00"), 71), Verdict::Pass);
    assert_eq!(of_rule(&dated("2026:04:01 09:00:00"), 71), Verdict::Fail);
    assert_eq!(of_rule(&dated("2027:01:01 09:00:00"), 71), Verdict::Fail);
    assert_eq!(of_rule(&dated("0000:00:00 00:00:00"), 71), Verdict::Officer);
    let fingerprint = judged(&png(&GOOD, 358, 441)).fingerprint.unwrap();
    let earlier = [fingerprint];
    let again = jpeg(&GOOD, 358, 441, exif(1, "2026:10:01 09:00:00"));
    let again = judged_as(&again, Profile::Submitted, &earlier);
    assert_eq!(
        of_rule(&again, 71),
        Verdict::Fail,
        "stored anew it is the same photo"
    );
    let other = judged_as(
        &png(&studio(6, 3, WHITE), 358, 441),
        Profile::Submitted,
        &earlier,
    );
    assert!(value(&other, "difference-from-earlier") > 30.0);
    assert_eq!(Fingerprint::from_bytes(fingerprint.to_bytes()), fingerprint);
}

#[test]
fn the_photo_on_file_is_asked_for_less() {
    let grey = png(&studio(6, 0, [128.0; 3]), 358, 441);
    let on_file = judged_as(&grey, Profile::OnFile, &[]);
    let rules: Vec<u8> = on_file.findings.iter().map(|it| it.rule.number()).collect();
    assert_eq!(rules, [57, 58, 59]);
    assert_ne!(on_file.verdict(), Verdict::Fail);
    assert_eq!(
        judged_as(&file(6), Profile::OnFile, &[]).verdict(),
        Verdict::Fail
    );
}

#[test]
fn a_photo_on_its_side_is_judged_as_it_is_shown() {
    // Turned to the left, with the camera's note to turn it to the right.
    let turned: Vec<[f32; 3]> = (0..358)
        .rev()
        .flat_map(|x| (0..441).map(move |y| GOOD[y * 358 + x]))
        .collect();
    let shown = judged(&jpeg(&turned, 441, 358, exif(6, "2026:10:01 09:00:00")));
    assert_eq!(shown.faces, 1);
    assert!(value(&shown, "roll").abs() < 5.0);
}

#[test]
fn unusual_files_are_judged_or_refused() {
    for bytes in [
        include_bytes!("../../../../test-vectors/portrait/cmyk.jpg").as_slice(),
        include_bytes!("../../../../test-vectors/portrait/progressive.jpg"),
    ] {
        assert_eq!(judged(bytes).faces, 0);
    }
    // Sixteen bits, and nothing behind it.
    let deep: Vec<u8> = bytes_of(&GOOD).iter().flat_map(|it| [*it, *it]).collect();
    let mut bytes = Vec::new();
    codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&deep, 358, 441, ExtendedColorType::Rgb16)
        .unwrap();
    assert_eq!(judged(&bytes).faces, 1);
    let clear: Vec<u8> = bytes_of(&GOOD)
        .chunks(3)
        .flat_map(|it| [it[0], it[1], it[2], if it[0] > 240 { 0 } else { 255 }])
        .collect();
    let mut bytes = Vec::new();
    codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&clear, 358, 441, ExtendedColorType::Rgba8)
        .unwrap();
    assert_eq!(
        of_rule(&judged(&bytes), 56),
        Verdict::Fail,
        "a background that is not there"
    );
    let asked = Asked {
        profile: Profile::Submitted,
        today: TODAY,
        earlier: &[],
    };
    for (bytes, refusal) in [
        (b"PK\x03\x04 not a photo".to_vec(), PhotoError::NotAPhoto),
        (png(&[WHITE], 1, 1), PhotoError::TooFewPixels),
        (png(&GOOD, 358, 441)[..900].to_vec(), PhotoError::Damaged),
    ] {
        let refused = assess(&bytes, &Limits::PHOTO, &MODELS, &asked);
        assert!(matches!(refused, Err(AssessError::Photo(it)) if it == refusal));
    }
}

#[test]
fn two_photos_of_one_person_match_and_others_do_not() {
    // The same woman stands to the right in photo 1 and in the middle of photo 3.
    let of = |photo: u8, number: usize| {
        let group = subject(&file(photo));
        Likeness::of(&group.raster, &MODELS, &in_order(&group)[number]).unwrap()
    };
    let (one, same, other) = (of(1, 2), of(3, 1), of(6, 0));
    let compared = crate::matcher::compared;
    let start = &crate::Thresholds::START;
    let outcome = |one, other| compared(Some(one), Some(other), start).outcome;
    assert_eq!(outcome(&one, &same), crate::Outcome::Match);
    assert_eq!(outcome(&one, &other), crate::Outcome::Reject);
    let nobody = compared(Some(&one), None, start);
    assert_eq!(nobody.outcome, crate::Outcome::Officer);
    assert_eq!(
        (nobody.distance, nobody.without_face),
        (None, (false, true))
    );
    let good = png(&GOOD, 358, 441);
    let itself = crate::compare(&good, &good, &Limits::PHOTO, &MODELS, start).unwrap();
    assert_eq!(itself.outcome, crate::Outcome::Match);
}

/// EXIF with an orientation and a date.
fn exif(orientation: u16, taken: &str) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let parts = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
        [
            parts,
            count.to_le_bytes().to_vec(),
            value.to_le_bytes().to_vec(),
        ]
        .concat()
    };
    let end = 0_u32.to_le_bytes().to_vec();
    [
        b"II\x2a\0\x08\0\0\0".to_vec(),
        2_u16.to_le_bytes().to_vec(),
        entry(0x0112, 3, 1, u32::from(orientation)),
        entry(0x8769, 4, 1, 38),
        end.clone(),
        1_u16.to_le_bytes().to_vec(),
        entry(0x9003, 2, 20, 56),
        end,
        taken.as_bytes().to_vec(),
        vec![0],
    ]
    .concat()
}

/// Places of faces for the demonstration's stills, as Rust.
#[test]
#[ignore = "prints what stands in crates/jiazhao/src/demo/stills.rs"]
fn places_of_the_faces_in_the_photos() {
    for photo in 1..=6 {
        for mesh in in_order(&subject(&file(photo))) {
            let at = |number: usize| {
                let Point { x, y } = mesh.point(number);
                format!("({x:.1}, {y:.1})")
            };
            let pair = |(one, other): (usize, usize)| format!("[{}, {}]", at(one), at(other));
            let (right_outer, right_inner) = at::RIGHT_EYE;
            println!(
                "// {:?} width {:.0} presence {:.2}\nStill {{ photo: {photo}, left_eye: {}, right_eye: {}, sides: {}, ends: {}, yaw: {:.1}, pitch: {:.1} }},",
                mesh.pose(),
                mesh.width(),
                mesh.presence,
                pair(at::LEFT_EYE),
                pair((right_inner, right_outer)),
                pair((at::LEFT_SIDE, at::RIGHT_SIDE)),
                pair((at::FOREHEAD, at::CHIN)),
                mesh.pose().yaw,
                mesh.pose().pitch,
            );
        }
    }
}
