//! What the made people show is what the challenges ask for: else the scenarios would show nothing.

use jiazhao::demo::stills;
use portrait::{
    Outcome,
    challenge::{Challenge, Frame, check},
};
use testkit::faces;

use super::sitter;

/// Challenges in which steps come again, as they are drawn.
const ASKED: [&str; 4] = [
    "turn-left,blink,turn-left,turn-right",
    "blink,turn-right,blink,turn-left,blink",
    "turn-right,turn-left,turn-right,blink,turn-left",
    "blink,turn-left,turn-right,turn-left,blink",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sitter_does_what_is_asked() {
    let (who, judge) = (sitter(0), faces::judge());
    for asked in ASKED {
        let challenge = Challenge::parse(asked).unwrap();
        let steps: Vec<&str> = asked.split(',').collect();
        let taken = stills::answer(&who, &steps, 0).unwrap();
        let photo = who.studio().photo(0).unwrap();
        let judged = judge.run(move |faces| {
            let frames: Vec<Frame<'_>> = taken
                .iter()
                .map(|it| Frame {
                    step: it.step,
                    at_ms: it.at_ms,
                    bytes: &it.bytes,
                })
                .collect();
            let (models, thresholds) = (&faces.models, &faces.thresholds);
            check(&frames, &challenge, &photo, models, thresholds).unwrap()
        });
        let judged = judged.await.unwrap();
        assert_eq!(judged.outcome, Outcome::Match, "{asked}: {judged:?}");
    }
}

/// Else lids would be drawn beside the eyes of whoever was turned before, as they were.
#[test]
fn eyes_go_where_a_turn_takes_them() {
    let who = sitter(0);
    for (eye, ((x, y), half)) in who.face().eyes.into_iter().enumerate() {
        let marked = who.changed(|column, row, pixel| {
            let near = (column - x).hypot(row - y) < half / 2.0;
            if near { [0.0, 255.0, 0.0] } else { pixel }
        });
        for degrees in [-12.0, 12.0] {
            let turned = marked.turned(degrees);
            let ((to, row), _) = turned.face().eyes[eye];
            assert!((to - x) * degrees > 0.0, "{x} {to} {degrees}");
            let [red, green, blue] = turned.at(to, row);
            assert!(green > 200.0 && red < 50.0 && blue < 50.0, "{degrees}");
        }
    }
}
