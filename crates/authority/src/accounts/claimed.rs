//! Who somebody says they are at a person check for an activation, and what a check is called.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::civil::Date;
use rand::Rng as _;
use storage::{Blind, Driver, Partition, PersonCheckId, PersonCheckRow, PhotoId, Store};
use zeroize::Zeroizing;

use super::Claimant;
use crate::{Act, Error, identity::IdentityClaim, refusal, registry_write::sha256_of};

/// Characters of a name; no registered one is longer.
const LONGEST_NAME: usize = 64;
/// Characters of what may be a licence number.
const LONGEST_NUMBER: usize = 32;
/// The birth date that the identity service is told of a number that holds none.
const NO_BIRTH_DATE: Date = Date::constant(1970, 1, 1);

/// Who somebody says they are.
pub(super) struct Claimed<'a> {
    pub(super) number: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Claimed<'a> {
    pub(super) fn read(number: &'a str, name: &'a str) -> Result<Self, Error> {
        let name = name.trim();
        let plain = |text: &str| !text.contains(char::is_control);
        let shaped = number.chars().count() <= LONGEST_NUMBER
            && (1..=LONGEST_NAME).contains(&name.chars().count())
            && plain(number)
            && plain(name);
        if shaped {
            Ok(Self { number, name })
        } else {
            Err(refusal::INVALID.into())
        }
    }

    /// The photo with which the person is compared: that of a driver of this name, whose account is not
    /// frozen.
    pub(super) fn photo_of<'c>(&self, claimant: &'c Claimant) -> Option<&'c PhotoId> {
        let driver = claimant.not_frozen()?;
        driver
            .photo
            .as_ref()
            .filter(|_| is_called(driver, self.name))
    }

    /// What binds a check to the number and name that it was begun with. Neither lies in its row.
    pub(super) fn blind(&self, store: &Store, id: &PersonCheckId) -> Blind {
        let Self { number, name } = self;
        let value = Zeroizing::new(format!("{number}\0{name}\0{id}"));
        store.blind("activation-check", value.as_bytes())
    }
}

/// Whether a driver's registered name is this one.
pub(super) fn is_called(driver: &Driver, name: &str) -> bool {
    driver.record.name.trim() == name
}

/// What the client calls a check. Its first digits are drawn like the others: where a check lies would
/// tell two numbers of one driver from those of two.
pub(super) fn client_name(act: &mut Act) -> PersonCheckId {
    let mut first = [0];
    act.rng.fill_bytes(&mut first);
    let [first] = first;
    PersonCheckId::generate(Partition::of_holders(first), &mut act.rng)
}

/// The name under which a check is kept: the one that the client has is a secret.
pub(super) fn stored_name(partition: Partition, id: &PersonCheckId) -> PersonCheckId {
    PersonCheckId::derived(partition, &sha256_of(id.as_str().as_bytes()))
}

/// What the identity service is asked: of a driver what the record says, of nobody what was claimed.
pub(super) fn identity_claim(
    (id, check): (&PersonCheckId, &PersonCheckRow),
    (claimed, claimant): (&Claimed<'_>, &Claimant),
    token: Zeroizing<String>,
) -> IdentityClaim {
    let record = claimant
        .not_frozen()
        .filter(|driver| driver.id == check.holder && is_called(driver, claimed.name))
        .map(|driver| &driver.record);
    let number = record.map_or(claimed.number, |record| record.licence_number.as_str());
    IdentityClaim {
        check: id.clone(),
        token,
        nonce: URL_SAFE_NO_PAD.encode(&check.nonce),
        name: Zeroizing::new(claimed.name.to_owned()),
        licence_number: Zeroizing::new(number.to_owned()),
        birth_date: record.map_or_else(|| born(claimed.number), |record| record.birth_date),
    }
}

/// The birth date in a number that follows GB 11643, or one that says nothing.
fn born(number: &str) -> Date {
    let digits = number.get(6..14);
    let date = digits.and_then(|digits| Date::strptime("%Y%m%d", digits).ok());
    date.unwrap_or(NO_BIRTH_DATE)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn the_birth_date_is_read_from_a_number_that_has_one() {
        assert_eq!(born("110199199001019912"), date(1990, 1, 1));
        for none in ["", "110199", "110199199013019912", "一二三四五六七八九十"] {
            assert_eq!(born(none), NO_BIRTH_DATE, "{none}");
        }
    }

    #[test]
    fn a_stored_name_is_found_again_and_lies_in_its_partition() {
        let mut rng = StdRng::seed_from_u64(3);
        let id = PersonCheckId::generate(Partition::of_holders(7), &mut rng);
        for partition in [Partition::of_holders(0), Partition::of_holders(255)] {
            let stored = stored_name(partition, &id);
            assert_eq!(stored, stored_name(partition, &id));
            assert_eq!(stored.partition(), partition);
            assert_ne!(stored, id);
        }
    }
}
