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
