//! Lines of a file that may be of any size, with memory that does not grow.

use std::io::{self, BufRead, Read as _};

/// Reads lines of at most so many bytes.
#[derive(Debug)]
pub(crate) struct BoundedLines<R> {
    reader: R,
    longest: usize,
    number: u64,
}

/// A line without its end. Of one that is too long only the first bytes are kept, one more than
/// allowed, so that whoever reads it sees that it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

impl<R: BufRead> BoundedLines<R> {
    pub(crate) fn new(reader: R, longest: usize) -> Self {
        Self {
            reader,
            longest,
            number: 0,
        }
    }

    /// The next line, none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let most = u64::try_from(self.longest)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let read = (&mut self.reader)
            .take(most)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() > self.longest {
            self.skip_rest()?;
        }
        Ok(Some(Line {
            number: self.number,
            bytes,
        }))
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end.saturating_add(1));
            self.reader.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, longest: usize) -> Vec<(u64, String)> {
        let mut lines =
            BoundedLines::new(io::BufReader::with_capacity(3, text.as_bytes()), longest);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, String::from_utf8(line.bytes).unwrap()));
        }
        all
    }

    #[test]
    fn lines_come_with_their_numbers() {
        let expected = [
            (1, "ab".to_owned()),
            (2, String::new()),
            (3, "c".to_owned()),
        ];
        assert_eq!(lines("ab\n\nc\n", 10), expected);
        assert_eq!(lines("ab\n\nc", 10), expected);
        assert!(lines("", 10).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_begins_where_it_does() {
        let expected = [(1, "abcde".to_owned()), (2, "xy".to_owned())];
        assert_eq!(lines("abcdefghijkl\nxy\n", 4), expected);
        assert_eq!(
            lines("abcd\nxy", 4),
            [(1, "abcd".to_owned()), (2, "xy".to_owned())]
        );
        assert_eq!(lines("abcdefgh", 4), [(1, "abcde".to_owned())]);
    }
}
