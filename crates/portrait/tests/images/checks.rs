//! Readers of pictures and records that came from outside, fed with whatever. The fuzz targets of
//! the same names call [`check`], and the tests replay their corpora.

use portrait::calibrate::Record;
use portrait::{Limits, Photo, PhotoError, notes};

/// Small pictures, so that many are tried.
pub(crate) const SMALL: Limits = Limits {
    max_bytes: 64 << 10,
    min_size: (1, 1),
    max_size: (256, 256),
    max_pixel_bytes: 1 << 20,
};

/// What must hold of any bytes.
///
/// # Panics
/// Where it does not.
pub(crate) fn check(reader: &str, data: &[u8]) {
    match reader {
        "photo" => photo(data),
        "photo_notes" => photo_notes(data),
        "calibration" => calibration(data),
        other => panic!("no reader is called {other}"),
    }
}

fn photo(data: &[u8]) {
    let decoded = Photo::decode(data, &SMALL);
    assert_eq!(
        decoded,
        Photo::decode(data, &SMALL),
        "the same bytes, the same answer"
    );
    let Ok(photo) = decoded else {
        return;
    };
    assert!(data.starts_with(photo.bytes()));
    assert!((1..=256).contains(&photo.width()) && (1..=256).contains(&photo.height()));
    // What is kept is a photo by itself.
    assert_eq!(Photo::decode(photo.bytes(), &SMALL).as_ref(), Ok(&photo));
    assert_eq!(notes(photo.bytes(), &SMALL), notes(data, &SMALL));
    let larger = Limits {
        min_size: (photo.width() + 1, 1),
        ..SMALL
    };
    assert_eq!(Photo::decode(data, &larger), Err(PhotoError::TooFewPixels));
}

/// Notes of a camera within a picture that is good.
fn photo_notes(data: &[u8]) {
    let Ok(length) = u16::try_from(data.len() + 8) else {
        return;
    };
    let app1 = [&[0xff, 0xe1][..], &length.to_be_bytes(), b"Exif\0\0", data].concat();
    let (start, rest) = GREY.split_at(2);
    let picture = [start, &app1, rest].concat();
    // A note how to turn it may be unreadable, and is none then.
    let read = notes(&picture, &SMALL).expect("notes damage no picture");
    if let Some(day) = read.taken_on {
        assert!((0..=9999).contains(&day.year()));
    }
}

fn calibration(data: &[u8]) {
    let Ok(record) = Record::verify(data, |_| true) else {
        return;
    };
    // What was read is what is signed, whatever the spelling was.
    let again = record.clone().signed("key".to_owned(), "00".to_owned());
    let again = again.expect("a record that was read can be written");
    assert_eq!(Record::verify(again.as_bytes(), |_| true), Ok(record));
}

/// A grey JPEG of 16 x 16.
const GREY: &[u8] = include_bytes!("../../../../fuzz/corpus/photo/jpeg-grey");
