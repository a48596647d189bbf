//! What a camera wrote beside the pixels: when, and what has worked on the file since.

use exif::{DateTime, Exif, In, Reader, Tag, Value};
use jiff::civil::Date;

use crate::decode::{Limits, PhotoError, open};

/// What is used of a photo's notes; all of it can be forged, and is a hint only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The day on which it was taken.
    pub taken_on: Option<Date>,
    /// Whether a program that changes pictures left its name.
    pub edited: bool,
}

/// Reads a photo's notes.
///
/// # Errors
/// [`PhotoError`] where it is no acceptable photo; notes that cannot be read are none.
pub fn notes(bytes: &[u8], limits: &Limits) -> Result<Notes, PhotoError> {
    open(bytes, limits).map(|opened| read(opened.exif))
}

/// Programs that leave their names, as parts of them in small letters.
const EDITORS: [&str; 12] = [
    "photoshop",
    "lightroom",
    "gimp",
    "meitu",
    "美图",
    "snapseed",
    "facetune",
    "beautyplus",
    "picsart",
    "faceapp",
    "b612",
    "affinity photo",
];

/// Notes that are longer than this are not read: the file is far larger than its picture needs.
const MOST_BYTES: usize = 256 << 10;

pub(crate) fn read(exif: Option<Vec<u8>>) -> Notes {
    let exif = exif
        .filter(|it| it.len() <= MOST_BYTES)
        .and_then(|it| Reader::new().read_raw(it).ok());
    let Some(exif) = exif else {
        return Notes::default();
    };
    // When it was taken; when it was digitised says the same for a camera.
    let taken = [Tag::DateTimeOriginal, Tag::DateTimeDigitized];
    let software = text(&exif, Tag::Software).unwrap_or_default();
    let software = String::from_utf8_lossy(&software).to_lowercase();
    Notes {
        taken_on: taken.into_iter().find_map(|tag| date(&exif, tag)),
        edited: EDITORS.iter().any(|it| software.contains(it)),
    }
}

fn date(exif: &Exif, tag: Tag) -> Option<Date> {
    let date = DateTime::from_ascii(&text(exif, tag)?).ok()?;
    let year = i16::try_from(date.year).ok()?;
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    Date::new(year, month, day).ok()
}

fn text(exif: &Exif, tag: Tag) -> Option<Vec<u8>> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first().cloned(),
        Value::Byte(_)
        | Value::Short(_)
        | Value::Long(_)
        | Value::Rational(_)
        | Value::SByte(_)
        | Value::Undefined(_, _)
        | Value::SShort(_)
        | Value::SLong(_)
        | Value::SRational(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Unknown(_, _, _) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A TIFF structure with one text of IFD 0, or of the Exif IFD.
    pub(crate) fn exif_with(tag: u16, text: &str, in_exif: bool) -> Vec<u8> {
        let mut data = b"II\x2a\0\x08\0\0\0".to_vec();
        let entry = |tag: u16, kind: u16, count: usize, value: u32| {
            let mut entry = tag.to_le_bytes().to_vec();
            entry.extend(kind.to_le_bytes());
            entry.extend(u32::try_from(count).unwrap().to_le_bytes());
            entry.extend(value.to_le_bytes());
            entry
        };
        if in_exif {
            data.extend(1_u16.to_le_bytes());
            data.extend(entry(0x8769, 4, 1, 26));
            data.extend(0_u32.to_le_bytes());
        }
        let at = u32::try_from(data.len()).unwrap() + 18;
        data.extend(1_u16.to_le_bytes());
        data.extend(entry(tag, 2, text.len() + 1, at));
        data.extend(0_u32.to_le_bytes());
        data.extend(text.as_bytes());
        data.push(0);
        data
    }

    #[test]
    fn r71_the_date_is_read_and_forged_ones_are_no_date() {
        let taken = exif_with(0x9003, "2026:03:31 10:00:00", true);
        let notes_of = |it: Vec<u8>| read(Some(it));
        assert_eq!(notes_of(taken).taken_on, Date::new(2026, 3, 31).ok());
        let impossible = exif_with(0x9003, "2026:02:31 10:00:00", true);
        assert_eq!(notes_of(impossible), Notes::default());
        assert_eq!(notes_of(vec![0xff; 64]), Notes::default());
        assert_eq!(read(None), Notes::default());
    }

    #[test]
    fn r72_editors_leave_their_names() {
        assert!(read(Some(exif_with(0x0131, "Adobe Photoshop 26", false))).edited);
        assert!(!read(Some(exif_with(0x0131, "HUAWEI P70", false))).edited);
    }
}
