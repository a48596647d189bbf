//! From photos to issuing without a human (R36): `portrait calibrate` writes a signed record, the
//! configuration names it, and what is wrong with one stops whatever would rest on it.

use std::io::Cursor;

use ::portrait::calibrate::{Demand, Record};
use image::{DynamicImage, ImageFormat};
use jiazhao::{
    calibration,
    demo::stills::{STILLS, Still},
};

use super::{portrait::models, *};

/// Photos of the one person of whom there are several: 253 pairs.
const OF_ONE: usize = 23;

/// A still and its mirror picture, cut from the stock photo a little wider each time.
fn cuts(still: &Still, photo: &DynamicImage) -> impl Iterator<Item = Vec<u8>> {
    let [left, right] = still.sides;
    let width = (right.0 - left.0).abs();
    let middle = (left.0.midpoint(right.0), left.1.midpoint(right.1));
    (0_u8..40).map(move |number| {
        let side = width * (1.9 + 0.02 * f32::from(number / 2));
        let corner = |it: f32| pixels(it - side / 2.0);
        let cut = photo.crop_imm(
            corner(middle.0),
            corner(middle.1),
            pixels(side),
            pixels(side),
        );
        let shown = if number % 2 == 0 { cut } else { cut.fliph() };
        let mut jpeg = Cursor::new(Vec::new());
        shown.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        jpeg.into_inner()
    })
}

fn pixels(length: f32) -> u32 {
    u32::try_from(inference::raster::whole(length.max(0.0))).unwrap()
}

/// As many as a record must show, in a folder for each. **Synthetic**: "persons" are cuts of eight faces,
/// so that the record says nothing about anybody. It is made to see how far a record goes, and the wanted
/// share of false matches of 0 makes thresholds under which not even such "persons" match.
fn people(folder: &Folder) -> String {
    let photos = STILLS.iter().flat_map(|still| {
        let path = format!("{}/photos/{}.jpg", models(), still.photo);
        cuts(still, &image::open(path).unwrap()).collect::<Vec<_>>()
    });
    for (number, jpeg) in photos
        .take(Demand::AUTOMATIC_ISSUE.persons + OF_ONE - 1)
        .enumerate()
    {
        let person = number.saturating_sub(OF_ONE - 1);
        folder.write(&format!("people/{person:03}/{number:03}.jpg"), jpeg);
    }
    folder.path("people")
}

/// What `config check` says where this record and key are configured.
fn checked(folder: &Folder, record: &str, key: &str) -> Run {
    let settings = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[models]\ndir = \"{}\"\ncalibration = \"{record}\"\n\
         calibration_key = \"{key}\"\n",
        models()
    );
    folder.write("data/jiazhao.toml", settings);
    folder.run(&["config", "check"])
}

fn refused(folder: &Folder, (record, key): (&str, &str), code: &str) {
    let run = checked(folder, record, key);
    assert_eq!(run.code, 1, "{code}: {}", run.err);
    assert!(run.err.contains(code), "{code}: {}", run.err);
    assert!(!run.out.contains("# automatic issue"), "{}", run.out);
}

/// The same key signs it with something else in it.
fn resigned(folder: &Folder, record: &Record, key: &str, name: &str) -> String {
    let text = calibration::sign(record.clone(), Path::new(key)).unwrap();
    folder.write(name, text)
}

#[test]
fn r36_a_signed_calibration_record_turns_issuing_without_a_human_on() {
    let folder = Folder::new();
    folder.write(
        "data/jiazhao.toml",
        format!("[models]\ndir = \"{}\"\n", models()),
    );
    let people = people(&folder);
    let (key, stranger) = (folder.path("one.key"), folder.path("other.key"));
    for key in [&key, &stranger] {
        assert_eq!(folder.run(&["portrait", "calibration-key", key]).code, 0);
    }
    let (record, public) = (folder.path("record.json"), format!("{key}.pub"));
    let calibrate = ["portrait", "calibrate", &people, "--fmr", "0", "--json"];
    let run = folder.run(&[&calibrate[..], &["--out", &record, "--key", &key]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let answer: Value = serde_json::from_str(run.last_line()).unwrap();
    assert_eq!(
        (&answer["automatic_issue"], &answer["lacks"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(answer["record"]["persons"], 250);
    assert_eq!(answer["record"]["false_matches"], 0);

    let run = checked(&folder, &record, &public);
    assert_eq!(run.code, 0, "{}", run.err);
    let on = "# automatic issue: on, by the matchers as the calibration record measures them";
    assert!(run.out.contains(on), "{}", run.out);

    what_is_wrong_with_a_record_is_named(&folder, &record, &key);
    // Foreign: signed, but by nobody who is believed here.
    let foreign = format!("{stranger}.pub");
    refused(&folder, (&record, &foreign), "calibration-signature");
    // Nor does the server start on it.
    let run = folder.run(&["serve"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("calibration-signature"), "{}", run.err);
}

fn what_is_wrong_with_a_record_is_named(folder: &Folder, record: &str, key: &str) {
    let public = format!("{key}.pub");
    let whole = fs::read_to_string(record).unwrap();
    let changed = whole.replace("\"persons\": 250", "\"persons\": 260");
    assert_ne!(changed, whole);
    let changed = folder.write("changed.json", changed);
    refused(folder, (&changed, &public), "calibration-signature");
    let cut = folder.write("cut.json", &whole[..whole.len() / 2]);
    refused(folder, (&cut, &public), "calibration-malformed");

    let good = calibration::signed(Path::new(record), Path::new(&public)).unwrap();
    let mut other = good.clone();
    let digest = other.models.get_mut("faceres.bin").unwrap();
    *digest = "00".repeat(32);
    let other = resigned(folder, &other, key, "other-models.json");
    refused(folder, (&other, &public), "calibration-other-models");
    let mut few = good.clone();
    few.persons = 249;
    let few = resigned(folder, &few, key, "few.json");
    refused(folder, (&few, &public), "calibration-too-few");
    let mut wrong = good;
    wrong.false_matches = 1;
    let wrong = resigned(folder, &wrong, key, "wrong.json");
    refused(folder, (&wrong, &public), "calibration-fmr");
}
