use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn file() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models");
    std::fs::read(path.join("segmentation.tflite"))
        .expect("the face models: run `cargo xtask setup --models`")
}

#[test]
fn the_segmentation_model_is_read_and_runs() {
    let model = read(&file(), "mask").unwrap();
    assert_eq!(model.input(), Shape::new(256, 256, 3));
    let mut outputs = model.run(vec![0.5; 256 * 256 * 3]).unwrap();
    let mask = outputs.take("mask").unwrap();
    assert_eq!(mask.len(), 256 * 256);
    assert!(mask.iter().all(|it| (0.0..=1.0).contains(it)));
    // An even grey holds nobody.
    assert!(mask.iter().sum::<f32>() < 0.1 * 65_536.0);
}

#[test]
fn other_files_are_refused() {
    assert!(read(b"", "mask").is_err());
    assert!(read(b"\x10\x00\x00\x00TFL3", "mask").is_err());
    assert!(read(&[0xff; 64], "mask").is_err());
    let mut cut = file();
    cut.truncate(cut.len() / 2);
    assert!(read(&cut, "mask").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn changed_bytes_never_crash(changes in proptest::collection::vec((0_usize..250_000, any::<u8>()), 1..4)) {
        let mut bytes = file();
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        drop(read(&bytes, "mask"));
    }
}
