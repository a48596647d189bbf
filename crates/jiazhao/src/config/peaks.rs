//! `[peaks]`: from where on applications in the app are held back (R87).

use authority::peaks::{Limits, PeakLimits};
use licence::Text;

use super::Source;

pub(super) const PEAKS: &[&str] = &[
    "photo_change_queue",
    "reapplication_queue",
    "first_queue",
    "photo_change_room",
    "reapplication_room",
    "first_room",
];

/// Cases in the queue of one office: more than all of its reviewers decide in a year.
const LONGEST_QUEUE: u32 = 1_000_000;

pub(super) fn limits(source: &mut Source<'_>) -> PeakLimits {
    const ORDER: Text = Text {
        zh: "应为更换照片 ≤ 重新申领 ≤ 首次申领：首次申领最后暂缓",
        en: "first applications are held back last: photo_change <= reapplication <= first",
    };
    let default = PeakLimits::default();
    let queue = (1, LONGEST_QUEUE);
    let mut number =
        |key: &str, bounds, default| source.number("peaks", key, bounds).unwrap_or(default);
    let limits = PeakLimits {
        queue: Limits {
            photo_change: number("photo_change_queue", queue, default.queue.photo_change),
            reapplication: number("reapplication_queue", queue, default.queue.reapplication),
            first: number("first_queue", queue, default.queue.first),
        },
        room: Limits {
            photo_change: number("photo_change_room", (1, 100), default.room.photo_change),
            reapplication: number("reapplication_room", (1, 100), default.room.reapplication),
            first: number("first_room", (1, 100), default.room.first),
        },
    };
    if !limits.queue.in_order() {
        source.between("peaks", "first_queue", ORDER);
    }
    if !limits.room.in_order() {
        source.between("peaks", "first_room", ORDER);
    }
    limits
}
