//! A record before there is an e-licence: enough to know one's own by, nothing to know somebody by.

use crate::views::RecordView;

/// What stands for everything left out, whatever its length was.
const MASK: &str = "***";
/// Characters of a number shown at its beginning (the prefecture of an identity number) and end.
const AT_ENDS: (usize, usize) = (4, 2);
/// A number is never shown by more than this part of it.
const PART: usize = 3;

/// The record with what tells who somebody is masked: name, number, file number and address. Sex,
/// birth date and remarks, which say as much, are left out.
pub(crate) fn masked(record: RecordView) -> RecordView {
    RecordView {
        licence_number: number(&record.licence_number),
        name: name(&record.name),
        sex: None,
        birth_date: None,
        address: record.address.map(|_address| MASK.to_owned()),
        file_number: record.file_number.map(|_number| MASK.to_owned()),
        remarks: Vec::new(),
        ..record
    }
}

/// The first character, which is most often the family name.
fn name(name: &str) -> String {
    let mut masked: String = name.chars().take(1).collect();
    masked.push('*');
    masked
}

/// Its first four and last two characters, and fewer of a short one.
fn number(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let most = characters.len() / PART;
    let head = AT_ENDS.0.min(most);
    let tail = AT_ENDS.1.min(most.saturating_sub(head));
    let mut masked: String = characters.iter().take(head).collect();
    masked.push_str(MASK);
    masked.extend(
        characters
            .iter()
            .skip(characters.len().saturating_sub(tail)),
    );
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_of_a_number_and_a_name() {
        assert_eq!(number("110199199001019912"), "1101***12");
        assert_eq!(number("1234567"), "12***");
        assert_eq!(number("12"), "***");
        assert_eq!(name("测试甲"), "测*");
        assert_eq!(name(""), "*");
    }

    proptest! {
        /// However long it is, and whatever it holds: six characters of a number and one of a name.
        #[test]
        fn never_more_is_shown(text in ".{0,40}") {
            let length = text.chars().count();
            let shown = number(&text).chars().count() - MASK.len();
            prop_assert!(shown <= 6 && shown * PART <= length, "{} of {}", shown, length);
            let one = name(&text);
            prop_assert_eq!(one.chars().count(), 1 + length.min(1));
            prop_assert!(one.ends_with('*'));
        }
    }
}
