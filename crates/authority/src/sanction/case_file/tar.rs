//! POSIX ustar (IEEE Std 1003.1, pax: ustar interchange format): regular files, written and read.

use zeroize::Zeroizing;

const BLOCK: usize = 512;
/// What ends an archive.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// Where the fields of a header begin, and how long they are.
const NAME: (usize, usize) = (0, 100);
const MODE: (usize, usize) = (100, 8);
const OWNER: (usize, usize) = (108, 8);
const GROUP: (usize, usize) = (116, 8);
const SIZE: (usize, usize) = (124, 12);
const MODIFIED: (usize, usize) = (136, 12);
const CHECKSUM: (usize, usize) = (148, 8);
const KIND: (usize, usize) = (156, 1);
const MAGIC: (usize, usize) = (257, 8);
const USTAR: &[u8] = b"ustar\x0000";

/// A file with its header, filled up to whole blocks; none for a path that a header does not hold.
pub(super) fn entry(path: &str, bytes: &[u8], at: i64) -> Option<Zeroizing<Vec<u8>>> {
    let mut header = [0_u8; BLOCK];
    put(&mut header, NAME, path.as_bytes())?;
    put(&mut header, MODE, b"0000600")?;
    put(&mut header, OWNER, b"0000000")?;
    put(&mut header, GROUP, b"0000000")?;
    put(
        &mut header,
        SIZE,
        format!("{:011o}", bytes.len()).as_bytes(),
    )?;
    put(
        &mut header,
        MODIFIED,
        format!("{:011o}", at.max(0)).as_bytes(),
    )?;
    put(&mut header, KIND, b"0")?;
    put(&mut header, MAGIC, USTAR)?;
    let sum = format!("{:06o}\0 ", checksum(&header)?);
    put(&mut header, CHECKSUM, sum.as_bytes())?;
    let padded = bytes.len().checked_next_multiple_of(BLOCK)?;
    let mut piece = Zeroizing::new(Vec::with_capacity(BLOCK.checked_add(padded)?));
    piece.extend_from_slice(&header);
    piece.extend_from_slice(bytes);
    piece.resize(BLOCK.checked_add(padded)?, 0);
    Some(piece)
}

/// The files of an archive, each with its path; none where it is not one of regular files that ends
/// as it should.
pub(super) fn files(archive: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut rest = archive;
    let mut found = Vec::new();
    loop {
        let (header, behind) = rest.split_at_checked(BLOCK)?;
        if header.iter().all(|byte| *byte == 0) {
            let (end, behind) = behind.split_at_checked(BLOCK)?;
            let nothing = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
            return (nothing(end) && nothing(behind)).then_some(found);
        }
        let stated = octal(field(header, CHECKSUM)?)?;
        let kinds = field(header, KIND)? == b"0" && field(header, MAGIC)? == USTAR;
        if stated != checksum(header)? || !kinds {
            return None;
        }
        let name = field(header, NAME)?;
        let name = name.split(|byte| *byte == 0).next()?;
        let path = std::str::from_utf8(name).ok()?.to_owned();
        let size = usize::try_from(octal(field(header, SIZE)?)?).ok()?;
        let (bytes, _) = behind.split_at_checked(size)?;
        let padded = size.checked_next_multiple_of(BLOCK)?;
        (_, rest) = behind.split_at_checked(padded)?;
        found.push((path, bytes));
    }
}

fn put(header: &mut [u8; BLOCK], (at, length): (usize, usize), value: &[u8]) -> Option<()> {
    let place = header.get_mut(at..)?.get_mut(..length)?;
    place.get_mut(..value.len())?.copy_from_slice(value);
    Some(())
}

fn field(header: &[u8], (at, length): (usize, usize)) -> Option<&[u8]> {
    header.get(at..)?.get(..length)
}

/// The sum of all bytes, those of the sum itself taken for blanks.
fn checksum(header: &[u8]) -> Option<u64> {
    let (before, rest) = header.split_at_checked(CHECKSUM.0)?;
    let (_, behind) = rest.split_at_checked(CHECKSUM.1)?;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    Some(
        sum(before)
            .saturating_add(sum(behind))
            .saturating_add(8 * 32),
    )
}

fn octal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (path, bytes) in files {
            all.extend_from_slice(&entry(path, bytes, 1_700_000_000).unwrap());
        }
        all.extend_from_slice(&END);
        all
    }

    #[test]
    fn r76_an_archive_comes_back_and_other_programs_read_it() {
        let long = vec![7_u8; 1500];
        let files_in: [(&str, &[u8]); 3] = [
            ("case.json", b"{}"),
            ("photos/a.jpg", &long),
            ("empty", b""),
        ];
        let bytes = archive(&files_in);
        let read = files(&bytes).unwrap();
        assert_eq!(read.len(), 3);
        for ((path, content), (expected, of)) in read.iter().zip(files_in) {
            assert_eq!((path.as_str(), *content), (expected, of));
        }
    }

    #[test]
    fn r76_what_is_no_archive_of_plain_files_is_refused() {
        let good = archive(&[("case.json", b"{}")]);
        assert!(files(&good).is_some());
        assert!(files(&[]).is_none());
        assert!(files(&good[..good.len() - 512]).is_none(), "cut");
        let mut link = good.clone();
        link[156] = b'2';
        assert!(files(&link).is_none(), "a link");
        let mut changed = good.clone();
        changed[0] = b'b';
        assert!(files(&changed).is_none(), "another name");
        let mut behind = good;
        behind.push(1);
        assert!(files(&behind).is_none(), "bytes behind the end");
        assert!(entry(&"p".repeat(101), b"", 0).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_read_ends_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _read = files(&bytes);
        }

        #[test]
        fn any_content_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let all = archive(&[("a", &bytes)]);
            let read = files(&all).unwrap();
            prop_assert_eq!(read, vec![("a".to_owned(), &bytes[..])]);
        }
    }
}
