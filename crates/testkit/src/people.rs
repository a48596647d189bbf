//! Synthetic people and a drawn photo. No real person has such a number: no county code ends in 99.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{ExtendedColorType, ImageEncoder as _, codecs::jpeg::JpegEncoder};
use serde_json::{Value, json};

/// 北京, the sample person of domain data.
pub const BEIJING: &str = "110199199001019912";
/// 成都
pub const CHENGDU: &str = "510199199001019917";
/// A second person of 北京.
pub const BEIJING_OTHER: &str = "110199199001019939";
/// 武汉, outside the first batch.
pub const WUHAN: &str = "420199199001019915";

/// A registry record in good order: version 1, class C1, six years of validity.
#[must_use]
pub fn record(licence_number: &str) -> Value {
    let city = licence_number.get(..4).unwrap_or_default();
    json!({
        "subject": format!("subject-{licence_number}"),
        "licence_number": licence_number,
        "file_number": format!("{city}99000001"),
        "document_edition": 1,
        "name": "测试甲",
        "sex": "male",
        "nationality": "CHN",
        "birth_date": "1990-01-01",
        "address": "样例市样例区测试路0号",
        "first_issue_date": "2015-06-01",
        "classes": ["C1"],
        "valid_from": "2021-06-01",
        "valid_until": "2031-06-01",
        "issuing_authority": {"code": city, "name": "样例市公安局交通管理局（演示）"},
        "status": ["A"],
        "points": 3,
        "remarks": [{"date": "2021-06-01", "text": "期满换证"}],
        "version": 1,
    })
}

/// `record` with other values in some fields.
#[must_use]
pub fn with(mut record: Value, changes: Value) -> Value {
    if let (Some(record), Value::Object(changes)) = (record.as_object_mut(), changes) {
        record.extend(changes);
    }
    record
}

/// A drawn photo: a dark shape on white, `shade` apart from others. No face.
///
/// # Panics
/// Never: the picture is always drawn the same way.
#[must_use]
pub fn photo(shade: u8) -> Vec<u8> {
    const WIDTH: u32 = 358;
    const HEIGHT: u32 = 441;
    let mut pixels = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (dx, dy) = (x.abs_diff(WIDTH / 2), y.abs_diff(HEIGHT / 2));
            let inside = dx * dx + dy * dy < 120 * 120;
            pixels.extend([if inside { shade } else { 255 }; 3]);
        }
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 80)
        .write_image(&pixels, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .expect("a drawn picture is a JPEG");
    jpeg
}

/// A photo as a data URL.
#[must_use]
pub fn data_url(photo: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(photo))
}
