//! `jiazhao case-file verify`: what is no case file ends with its reason and exit code.

use super::*;

fn trust(folder: &Folder) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-vectors/codes.json");
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let lists = file["trust_lists"].as_object().unwrap();
    let list = lists.values().next().unwrap();
    folder.write("trust.json", list.to_string())
}

#[test]
fn r76_what_is_no_case_file_is_1_and_what_cannot_be_read_2() {
    let folder = Folder::new();
    let trust = trust(&folder);
    let verify = |file: &str| folder.run(&["case-file", "verify", file, "--trust", &trust]);
    let text = verify(&folder.write("case.tar", "no archive"));
    assert_eq!((text.code, text.out.as_str()), (1, ""));
    assert!(text.err.starts_with("not-an-archive: "), "{}", text.err);
    // An archive with nothing in it.
    let empty = verify(&folder.write("empty.tar", [0; 1024]));
    assert_eq!(empty.code, 1);
    assert!(empty.err.starts_with("no-manifest: "), "{}", empty.err);
    let missing = verify(&folder.path("missing.tar"));
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("file-unreadable"), "{}", missing.err);
    let garbage = folder.write("other.json", "{}");
    let refused = folder.run(&["case-file", "verify", &trust, "--trust", &garbage]);
    assert_eq!(refused.code, 2);
}

#[test]
fn r87_the_limits_of_peaks_are_shown_and_kept_in_order() {
    let folder = Folder::new();
    let check = |text: &str| {
        let file = folder.write("jiazhao.toml", text);
        folder.run(&["--config", &file, "config", "check"])
    };
    let shown = check("[peaks]\nphoto_change_queue = 7\n");
    assert!(
        shown.out.contains("\npeaks.photo_change_queue = 7\n"),
        "{}",
        shown.out
    );
    assert!(
        shown.out.contains("\npeaks.first_queue = 4000\n"),
        "{}",
        shown.out
    );
    for (text, key) in [
        ("[peaks]\nfirst_queue = 5\n", "peaks.first_queue"),
        ("[peaks]\nphoto_change_room = 60\n", "peaks.first_room"),
        (
            "[peaks]\nphoto_change_queue = 0\n",
            "peaks.photo_change_queue",
        ),
        ("[peaks]\nfirst_room = 101\n", "peaks.first_room"),
        ("[peaks]\nqueue = 1\n", "peaks.queue"),
    ] {
        let refused = check(text);
        assert_eq!(refused.code, 2, "{text}");
        let told = format!("{}{}", refused.out, refused.err);
        assert!(told.contains(key), "{text} {told}");
    }
}
