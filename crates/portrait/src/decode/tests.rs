use super::*;
use image::{ExtendedColorType, ImageEncoder as _, codecs};
use proptest::prelude::*;

const WIDTH: u32 = 180;
const HEIGHT: u32 = 220;

/// A drawn pattern that does not compress to nothing.
fn pixels(width: u32, height: u32) -> Vec<u8> {
    (0..width * height * 3)
        .map(|i| u8::try_from((i * 7 + i / 500 * 31) % 251).unwrap())
        .collect()
}

fn encoded(format: Format, width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let (pixels, color) = (pixels(width, height), ExtendedColorType::Rgb8);
    match format {
        Format::Jpeg => codecs::jpeg::JpegEncoder::new(&mut out)
            .write_image(&pixels, width, height, color)
            .unwrap(),
        Format::Png => codecs::png::PngEncoder::new(&mut out)
            .write_image(&pixels, width, height, color)
            .unwrap(),
        Format::Webp => codecs::webp::WebPEncoder::new_lossless(&mut out)
            .write_image(&pixels, width, height, color)
            .unwrap(),
    }
    out
}

const FORMATS: [Format; 3] = [Format::Jpeg, Format::Png, Format::Webp];

fn decode(bytes: &[u8]) -> Result<Photo, PhotoError> {
    Photo::decode(bytes, &Limits::PHOTO)
}

#[test]
fn each_format_is_known_by_its_content_and_kept_byte_for_byte() {
    for format in FORMATS {
        let bytes = encoded(format, WIDTH, HEIGHT);
        let photo = decode(&bytes).unwrap();
        assert_eq!(photo.format(), format);
        assert_eq!((photo.width(), photo.height()), (WIDTH, HEIGHT));
        assert_eq!(photo.bytes(), bytes);
        assert_eq!(photo.into_bytes(), bytes);
    }
}

#[test]
fn a_file_cut_anywhere_is_damaged() {
    for format in FORMATS {
        let bytes = encoded(format, WIDTH, HEIGHT);
        let cuts = (12..bytes.len()).step_by(bytes.len() / 40).chain([
            bytes.len() - 1,
            bytes.len() - 2,
            bytes.len() - 12,
        ]);
        for cut in cuts {
            let refused = decode(&bytes[..cut]);
            assert_eq!(refused, Err(PhotoError::Damaged), "{format:?} cut at {cut}");
        }
    }
}

#[test]
fn a_hole_in_the_coded_data_of_a_png_or_webp_is_damage() {
    for format in [Format::Png, Format::Webp] {
        let mut bytes = encoded(format, WIDTH, HEIGHT);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 200].fill(0);
        assert_eq!(decode(&bytes), Err(PhotoError::Damaged), "{format:?}");
    }
}

#[test]
fn sizes_are_judged_on_both_sides_of_the_limit() {
    for (width, height, answer) in [
        (WIDTH - 1, HEIGHT, Err(PhotoError::TooFewPixels)),
        (WIDTH, HEIGHT - 1, Err(PhotoError::TooFewPixels)),
        (4096, 220, Ok((4096, 220))),
        (4097, 220, Err(PhotoError::TooManyPixels)),
        (180, 4097, Err(PhotoError::TooManyPixels)),
    ] {
        let photo = decode(&encoded(Format::Jpeg, width, height));
        assert_eq!(photo.map(|photo| (photo.width(), photo.height())), answer);
    }
}

#[test]
fn a_file_above_the_byte_limit_is_refused_unread() {
    let mut bytes = encoded(Format::Jpeg, WIDTH, HEIGHT);
    bytes.resize(Limits::PHOTO.max_bytes, 0);
    assert!(decode(&bytes).is_ok(), "it counts as it came");
    bytes.push(0);
    assert_eq!(decode(&bytes), Err(PhotoError::TooManyBytes));
}

/// A PNG chunk with its checksum.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [&kind[..], data].concat();
    let mut crc = u32::MAX;
    for byte in &checked {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &checked, &(!crc).to_be_bytes()].concat()
}

fn png(width: u32, height: u32, depth_and_color: [u8; 2], more: &[Vec<u8>]) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&size[..], &depth_and_color, &[0, 0, 0]].concat();
    let mut bytes = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &header)].concat();
    bytes.extend(more.concat());
    bytes.extend(chunk(*b"IEND", &[]));
    bytes
}

/// The announced size alone decides: the file holds no pixels at all, and the answer is about
/// its size, so nobody tried to read any.
#[test]
fn decompression_bombs_are_refused_by_their_header() {
    let no_pixels = chunk(*b"IDAT", &[]);
    let bomb = png(30_000, 30_000, [8, 2], std::slice::from_ref(&no_pixels));
    assert_eq!(decode(&bomb), Err(PhotoError::TooManyPixels));
    let largest = png(
        u32::MAX / 2,
        u32::MAX / 2,
        [8, 6],
        std::slice::from_ref(&no_pixels),
    );
    assert_eq!(decode(&largest), Err(PhotoError::TooManyPixels));
    // Allowed sides, but 16 bits in each of four channels.
    let deep = png(4096, 4096, [16, 6], &[no_pixels]);
    assert_eq!(decode(&deep), Err(PhotoError::TooManyPixels));

    // The frame header of a JPEG, rewritten to the largest size that the format can say.
    let mut jpeg = encoded(Format::Jpeg, WIDTH, HEIGHT);
    let frame = jpeg
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert_eq!(decode(&jpeg), Err(PhotoError::TooManyPixels));
}

#[test]
fn animations_are_refused() {
    let frames = chunk(*b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let animated = png(WIDTH, HEIGHT, [8, 2], &[frames]);
    assert_eq!(decode(&animated), Err(PhotoError::Animated));

    let mut webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0".to_vec();
    webp.extend([179, 0, 0, 219, 0, 0]);
    webp.extend(b"ANIM\0\0\0\0");
    assert_eq!(decode(&webp), Err(PhotoError::Animated));
}

#[test]
fn other_files_are_no_photos_whatever_they_are_called() {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let wav = b"RIFF\x04\0\0\0WAVE".to_vec();
    let pdf = b"%PDF-1.7".to_vec();
    for bytes in [gif, bmp, svg, wav, pdf, Vec::new(), vec![0xff, 0xd8]] {
        assert_eq!(decode(&bytes), Err(PhotoError::NotAPhoto), "{bytes:02x?}");
    }
}

#[test]
fn a_photo_on_its_side_is_measured_as_it_is_shown() {
    let plain = encoded(Format::Jpeg, HEIGHT, WIDTH);
    assert_eq!(decode(&plain), Err(PhotoError::TooFewPixels));
    // APP1 with an EXIF directory of one entry: orientation 6, a quarter turn.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let app1 = [&[0xff, 0xe1][..], &length, exif].concat();
    let turned = [&plain[..2], &app1, &plain[2..]].concat();
    let photo = decode(&turned).unwrap();
    assert_eq!((photo.width(), photo.height()), (WIDTH, HEIGHT));
}

#[test]
fn an_end_marker_inside_a_segment_is_not_the_end() {
    let plain = encoded(Format::Jpeg, WIDTH, HEIGHT);
    let thumbnail = [
        &plain[..2],
        &[0xff, 0xec, 0, 4, 0xff, 0xd9][..],
        &plain[2..],
    ]
    .concat();
    assert!(decode(&thumbnail).is_ok());
    let cut = &thumbnail[..thumbnail.len() / 2];
    assert_eq!(decode(cut), Err(PhotoError::Damaged));
}

/// An archive, a page or a second picture behind the end: whoever fetches the photo gets none of
/// it.
#[test]
fn of_a_polyglot_only_the_photo_is_kept() {
    let archive = b"PK\x03\x04 and so on".to_vec();
    let page = b"<script>alert(1)</script>".to_vec();
    for format in FORMATS {
        let plain = encoded(format, WIDTH, HEIGHT);
        let second = encoded(Format::Jpeg, WIDTH, HEIGHT);
        for behind in [&archive, &page, &second, &vec![0; 1000]] {
            let polyglot = [plain.as_slice(), behind].concat();
            let photo = decode(&polyglot).unwrap();
            assert_eq!(photo.bytes(), plain, "{format:?}");
            assert_eq!(decode(photo.bytes()), Ok(photo));
        }
    }
}

/// Text and colour profiles that expand ten thousandfold, and notes of half the file's size.
#[test]
fn metadata_bombs_take_no_memory_and_no_time() {
    let mut zeros = Vec::new();
    codecs::png::PngEncoder::new(&mut zeros)
        .write_image(&vec![0; 4096 * 4000], 4096, 4000, ExtendedColorType::L8)
        .unwrap();
    let bomb = deflated(&zeros);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let plain = encoded(Format::Png, WIDTH, HEIGHT);
    let after_header = 8 + 25;
    let notes = vec![b'x'; 1 << 20];
    for (kind, head) in [
        (*b"zTXt", b"Comment\0\0".as_slice()),
        (*b"iTXt", b"Comment\0\x01\0\0\0"),
        (*b"iCCP", b"profile\0\0"),
    ] {
        let chunk = chunk(kind, &[head, &bomb].concat());
        let bytes = [
            &plain[..after_header],
            &chunk.repeat(8),
            &plain[after_header..],
        ]
        .concat();
        let photo = decode(&bytes);
        assert!(
            photo.is_ok() || photo == Err(PhotoError::Damaged),
            "{kind:?}: {photo:?}"
        );
    }
    let exif = chunk(*b"eXIf", &notes);
    let bytes = [&plain[..after_header], &exif, &plain[after_header..]].concat();
    let opened = open(&bytes, &Limits::PHOTO).unwrap();
    assert_eq!(
        crate::taken::read(opened.exif),
        crate::taken::Notes::default()
    );
}

/// The coded data of a PNG's chunks.
fn deflated(png: &[u8]) -> Vec<u8> {
    let (mut rest, mut data) = (&png[8..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        if after.starts_with(b"IDAT") {
            data.extend(&after[4..4 + length]);
        }
        rest = &after[4 + length + 4..];
    }
    data
}

#[test]
fn a_picture_of_one_pixel_and_one_of_400_million_are_refused() {
    let tiny = encoded(Format::Png, 1, 1);
    assert_eq!(decode(&tiny), Err(PhotoError::TooFewPixels));
    let huge = png(20_000, 20_000, [8, 2], &[chunk(*b"IDAT", &[])]);
    assert_eq!(decode(&huge), Err(PhotoError::TooManyPixels));
}

#[test]
fn a_name_or_another_kind_of_file_does_not_decide() {
    // A PNG that is called photo.jpg is a PNG: there is no name to believe.
    let photo = decode(&encoded(Format::Png, WIDTH, HEIGHT)).unwrap();
    assert_eq!(photo.format().media_type(), "image/png");
}

#[test]
fn errors_have_a_code_of_their_own() {
    let errors = [
        PhotoError::TooManyBytes,
        PhotoError::NotAPhoto,
        PhotoError::Animated,
        PhotoError::TooManyPixels,
        PhotoError::TooFewPixels,
        PhotoError::Damaged,
    ];
    let codes: std::collections::BTreeSet<_> = errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), errors.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_break_the_decoder(format in 0usize..3, edits: Vec<(prop::sample::Index, u8)>, tail: Vec<u8>) {
        let mut bytes = encoded(FORMATS[format], WIDTH, HEIGHT);
        for (index, byte) in edits {
            let at = index.index(bytes.len().min(600));
            bytes[at] = byte;
        }
        bytes.extend(tail);
        if let Ok(photo) = decode(&bytes) {
            prop_assert!(photo.width() >= WIDTH && photo.height() >= HEIGHT);
        }
    }
}

/// Writes one input of a fuzz target.
fn write(target: &str, name: &str, bytes: &[u8]) {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    std::fs::write(corpus.join(target).join(name), bytes).unwrap();
}

/// EXIF that says how a picture is turned.
fn turned(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif[19] = orientation;
    exif
}

#[test]
#[ignore = "writes fuzz/corpus/photo: JPEG and WebP"]
fn corpus_of_photos() {
    let grey: Vec<u8> = (0..=255).collect();
    let mut jpeg = Vec::new();
    codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .write_image(&grey, 16, 16, ExtendedColorType::L8)
        .unwrap();
    write("photo", "jpeg-grey", &jpeg);
    for (format, name) in FORMATS.into_iter().zip(["jpeg", "png", "webp-lossless"]) {
        let plain = encoded(format, 16, 16);
        let polyglot = [plain.as_slice(), b"PK\x03\x04"].concat();
        write("photo", name, &plain);
        write("photo", &format!("{name}-polyglot"), &polyglot);
        write("photo", &format!("{name}-cut"), &plain[..plain.len() - 9]);
    }
    let lossy = webp::Encoder::from_rgb(&pixels(16, 16), 16, 16).encode(60.0);
    write("photo", "webp-lossy", &lossy);
    let noted = [b"Exif\0\0", turned(6).as_slice()].concat();
    let length = u16::try_from(noted.len() + 2).unwrap().to_be_bytes();
    let app1 = [&[0xff, 0xe1][..], &length, &noted].concat();
    write(
        "photo",
        "jpeg-turned",
        &[&jpeg[..2], &app1, &jpeg[2..]].concat(),
    );
    write("photo", "gif", b"GIF89a\x01\0\x01\0\0\0\0;");
}

#[test]
#[ignore = "writes fuzz/corpus/photo: PNG, and fuzz/corpus/photo_notes"]
fn corpora_of_png_photos_and_of_notes() {
    let grey: Vec<u8> = (0..=255).collect();
    let plain = encoded(Format::Png, 16, 16);
    let with = |more: &[Vec<u8>]| [&plain[..33], &more.concat(), &plain[33..]].concat();
    write("photo", "png-notes", &with(&[chunk(*b"eXIf", &turned(3))]));
    let frames = chunk(*b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    write("photo", "png-animated", &with(&[frames]));
    let text = [b"Comment\0\0".as_slice(), &deflated(&plain)].concat();
    write("photo", "png-text", &with(&[chunk(*b"zTXt", &text)]));
    for (name, kind, channels) in [
        ("png-16-bit", ExtendedColorType::Rgb16, 6),
        ("png-transparent", ExtendedColorType::Rgba8, 4),
    ] {
        let mut bytes = Vec::new();
        codecs::png::PngEncoder::new(&mut bytes)
            .write_image(&grey.repeat(channels), 16, 16, kind)
            .unwrap();
        write("photo", name, &bytes);
    }
    let noted = crate::taken::tests::exif_with;
    write("photo_notes", "turned", &turned(6));
    write(
        "photo_notes",
        "dated",
        &noted(0x9003, "2026:03:31 10:00:00", true),
    );
    write("photo_notes", "edited", &noted(0x0131, "GIMP 3.0", false));
    write(
        "photo_notes",
        "impossible",
        &noted(0x9004, "2026:02:31 10:00:00", true),
    );
}
