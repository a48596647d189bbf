use proptest::prelude::*;

use super::*;

fn any_width() -> impl Strategy<Value = Width> {
    prop::sample::select(Width::ALL.to_vec())
}

proptest! {
    #[test]
    fn neighbours_do_not_touch_each_other(
        width in any_width(),
        bytes in prop::collection::vec(any::<u8>(), 1..40),
        index: u64,
        value: u8,
    ) {
        let before = StatusList::from_bytes(width, bytes).unwrap();
        let entries = u64::try_from(before.as_bytes().len()).unwrap() * width.per_byte();
        let index = index % (entries + 3);
        let mut after = before.clone();
        after.set(index, value);
        for at in 0..entries {
            let expected = if at == index { Some(value & width.mask()) } else { before.value(at) };
            prop_assert_eq!(after.value(at), expected, "{} of {:?}", at, width);
        }
        prop_assert_eq!(after.value(entries), None);
    }

    #[test]
    fn lists_come_back_as_they_were(width in any_width(), bytes in prop::collection::vec(any::<u8>(), 1..4000)) {
        let list = StatusList::from_bytes(width, bytes).unwrap();
        let compressed = list.compress();
        prop_assert_eq!(compressed.expand(), Ok(list));
        let cbor = CompressedList::from_cbor(&compressed.to_cbor());
        prop_assert_eq!(cbor, Ok(compressed.clone()));
        let json = CompressedList::from_json(&compressed.to_json());
        prop_assert_eq!(json, Ok(compressed.clone()));
        let encoded = compressed.encode().encode();
        let inside = Value::decode(&encoded).unwrap();
        let inside = CompressedList::decode(&inside, "list");
        prop_assert_eq!(inside, Ok(compressed));
    }

    #[test]
    fn whatever_is_read_has_this_one_encoding(rest: Vec<u8>, width in any_width()) {
        let bytes = [draft_head(width).to_vec(), rest].concat();
        if let Ok(list) = CompressedList::from_cbor(&bytes) {
            prop_assert_eq!(list.to_cbor(), bytes);
        }
    }

    #[test]
    fn whatever_expands_is_within_its_bound(width in any_width(), zlib: Vec<u8>) {
        if let Ok(list) = (CompressedList { width, zlib }).expand() {
            prop_assert!(list.as_bytes().len() <= width.most_bytes());
        }
    }

    /// Red is told as suspended, and nothing that is not valid becomes valid.
    #[test]
    fn the_public_list_tells_less_and_never_more(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
        let full = StatusList::from_bytes(Width::Four, bytes).unwrap();
        let public = full.to_public().unwrap();
        let entries = u64::try_from(full.as_bytes().len()).unwrap() * 2;
        for index in 0..entries {
            let expected = match full.value(index).unwrap() {
                same @ 0..=1 => same,
                _ => 2,
            };
            prop_assert_eq!(public.value(index), Some(expected));
        }
    }
}

/// The order of domain values: entry 0 lies in the lowest bits (the draft's own example).
#[test]
fn the_first_entry_lies_in_the_lowest_bits() {
    let list = |width, bytes: &[u8]| StatusList::from_bytes(width, bytes.to_vec()).unwrap();
    let values = |list: &StatusList, count: u64| -> Vec<u8> {
        (0..count).map(|at| list.value(at).unwrap()).collect()
    };
    assert_eq!(
        values(&list(Width::One, &[0xb9, 0xa3]), 16),
        [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    );
    assert_eq!(
        values(&list(Width::Two, &[0xc9, 0x44, 0xf9]), 12),
        [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    );
    assert_eq!(values(&list(Width::Four, &[0x31, 0x02]), 4), [1, 3, 2, 0]);
    assert_eq!(values(&list(Width::Eight, &[7, 255]), 2), [7, 255]);
}

/// A few kilobytes that would become more than any list has.
#[test]
fn a_list_that_expands_without_end_is_refused() {
    for width in Width::ALL {
        let bomb = vec![0_u8; width.most_bytes() + 1];
        let mut compressor = Compressor::new(CompressionLvl::best());
        let mut zlib = vec![0; compressor.zlib_compress_bound(bomb.len())];
        let length = compressor.zlib_compress(&bomb, &mut zlib).unwrap();
        zlib.truncate(length);
        assert!(zlib.len() < 2000, "{}", zlib.len());
        let refused = CompressedList { width, zlib }.expand();
        assert_eq!(refused, Err(Malformed::TooLarge));
        let full = StatusList::from_bytes(width, vec![0; width.most_bytes()]).unwrap();
        assert_eq!(full.compress().expand(), Ok(full));
    }
}

#[test]
fn other_shapes_are_refused_each_by_its_name() {
    let good = StatusList::from_bytes(Width::One, vec![5])
        .unwrap()
        .compress();
    let expands = |zlib: Vec<u8>| {
        CompressedList {
            width: Width::One,
            zlib,
        }
        .expand()
    };
    assert_eq!(expands(Vec::new()), Err(Malformed::Compression));
    let mut cut = good.as_zlib().to_vec();
    cut.pop();
    assert_eq!(expands(cut), Err(Malformed::Compression));
    let mut changed = good.as_zlib().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(expands(changed), Err(Malformed::Compression));
    // Raw deflate, without zlib's frame.
    assert_eq!(expands(vec![0x03, 0x00]), Err(Malformed::Compression));

    for json in [
        r#"{"bits":1}"#,
        r#"{"bits":1,"lst":"eNpjBQAABgAG","lst":""}"#,
        r#"{"bits":1,"lst":"eNpjBQAABgAG","more":1}"#,
        r#"{"bits":"1","lst":"eNpjBQAABgAG"}"#,
        "[]",
    ] {
        assert_eq!(
            CompressedList::from_json(json),
            Err(Malformed::NotStatusList),
            "{json}"
        );
    }
    for (json, claim) in [
        (r#"{"bits":3,"lst":"eNpjBQAABgAG"}"#, BITS),
        (r#"{"bits":1,"lst":"eNpjBQAABgAG="}"#, LST),
        (r#"{"bits":1,"lst":"eNpjBQAAB+AG"}"#, LST),
    ] {
        assert_eq!(
            CompressedList::from_json(json),
            Err(Malformed::ClaimValue(claim)),
            "{json}"
        );
    }
    let cbor = good.to_cbor();
    let longer = [cbor.clone(), vec![0]].concat();
    assert_eq!(
        CompressedList::from_cbor(&longer),
        Err(Malformed::TrailingBytes)
    );
    assert_eq!(
        CompressedList::from_cbor(&cbor[1..]),
        Err(Malformed::NotStatusList)
    );
    let mut three = cbor;
    three[6] = 3;
    assert_eq!(
        CompressedList::from_cbor(&three),
        Err(Malformed::NotStatusList)
    );
}
