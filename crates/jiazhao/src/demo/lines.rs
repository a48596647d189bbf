//! A registry file that is written while it is read, so that a million drivers need no memory.

use std::io::{self, Read};

use super::{people::Person, portraits::Portraits};

/// Every so manyth driver has a photo on file, and every other one of a city's first.
const PHOTO_EVERY: u64 = 16;
const FIRST: u64 = 12;

/// The lines of people as a reader.
pub(super) struct Lines<P> {
    people: P,
    portraits: Portraits,
    line: Vec<u8>,
    given: usize,
}

impl<P: Iterator<Item = Person>> Lines<P> {
    pub(super) fn new(people: P) -> Self {
        Self {
            people,
            portraits: Portraits::default(),
            line: Vec::new(),
            given: 0,
        }
    }

    fn next_line(&mut self) -> io::Result<()> {
        self.given = 0;
        self.line.clear();
        let Some(person) = self.people.next() else {
            return Ok(());
        };
        let number = person.number();
        let photo = number % PHOTO_EVERY == 0 || (number < FIRST && number % 2 == 0);
        let person = if photo {
            let portrait = self.portraits.data_url(number);
            person.with_photo(portrait.map_err(io::Error::other)?)
        } else {
            person
        };
        self.line = person.line().into_bytes();
        Ok(())
    }
}

impl<P: Iterator<Item = Person>> Read for Lines<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.line.len() {
            self.next_line()?;
        }
        let mut rest = self.line.get(self.given..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.given = self.given.saturating_add(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use licence::RegistryLine;

    use super::*;
    use crate::demo::people::population;

    #[test]
    fn every_line_is_a_record_and_some_have_photos() {
        let mut text = String::new();
        Lines::new(population(1_000, date(2026, 2, 28)))
            .read_to_string(&mut text)
            .unwrap();
        let photos = text
            .lines()
            .map(|line| RegistryLine::parse(line.as_bytes()).unwrap())
            .filter(|line| line.photo.is_some())
            .count();
        assert_eq!(text.lines().count(), 1_000);
        assert!((150..300).contains(&photos), "{photos}");
    }
}
