//! Convolutions as matrix products.
#![expect(
    clippy::indexing_slicing,
    reason = "a kernel: the builder has checked every shape, and indices stay inside by construction"
)]

use super::Window;
use crate::form::Shape;

/// Most elements of the patches that are laid out at once: they should stay in the cache.
const PATCHES: usize = 1 << 17;

pub(super) fn convolution(
    window: &Window,
    (input, shape): (&[f32], Shape),
    (weights, bias): (&[f32], &[f32]),
    out: &mut [f32],
    patches: &mut Vec<f32>,
) {
    let width = bias.len();
    for row in out.chunks_exact_mut(width) {
        row.copy_from_slice(bias);
    }
    if window.is_pointwise() {
        return product(input, shape.channels, weights, out);
    }
    let depth = window.size.0 * window.size.1 * shape.channels;
    let places = window.places.0 * window.places.1;
    let at_once = (PATCHES / depth).clamp(16, places.max(16));
    for (block, out) in out.chunks_mut(at_once * width).enumerate() {
        let count = out.len() / width;
        patches.resize(count * depth, 0.0);
        for (at, patch) in patches.chunks_exact_mut(depth).enumerate() {
            let place = block * at_once + at;
            let place = (place / window.places.1, place % window.places.1);
            lay_out(window, (input, shape), place, patch);
        }
        product(patches, depth, weights, out);
    }
}

/// The elements under one window, zero where it reaches over the edge.
fn lay_out(
    window: &Window,
    (input, shape): (&[f32], Shape),
    (row, column): (usize, usize),
    patch: &mut [f32],
) {
    let run = window.size.1 * shape.channels;
    // Where the window begins, counted from `before` places ahead of the first.
    let left = column * window.stride.1;
    let skipped = window.before.1.saturating_sub(left).min(window.size.1);
    let first = (left + skipped).saturating_sub(window.before.1);
    let whole = (window.size.1 - skipped).min(shape.columns.saturating_sub(first));
    for (tap, patch) in patch.chunks_exact_mut(run).enumerate() {
        let above = row * window.stride.0 + tap;
        if above < window.before.0 || above - window.before.0 >= shape.rows {
            patch.fill(0.0);
            continue;
        }
        let (begin, rest) = patch.split_at_mut(skipped * shape.channels);
        let (middle, end) = rest.split_at_mut(whole * shape.channels);
        begin.fill(0.0);
        end.fill(0.0);
        let from = ((above - window.before.0) * shape.columns + first) * shape.channels;
        middle.copy_from_slice(&input[from..from + middle.len()]);
    }
}

/// Adds `left` x `right` to `out`: rows of `depth`, `depth` rows of `out`'s width.
fn product(left: &[f32], depth: usize, right: &[f32], out: &mut [f32]) {
    let rows = left.len() / depth;
    let width = right.len() / depth;
    assert!(left.len() == rows * depth && right.len() == width * depth);
    assert!(out.len() == rows * width);
    // SAFETY: the three slices have exactly the lengths that the sizes and steps say, as
    // asserted above; `out` is borrowed for writing, so that it overlaps neither of the others.
    #[expect(unsafe_code, reason = "the product of matrixmultiply takes pointers")]
    unsafe {
        matrixmultiply::sgemm(
            rows,
            depth,
            width,
            1.0,
            left.as_ptr(),
            depth.cast_signed(),
            1,
            right.as_ptr(),
            width.cast_signed(),
            1,
            1.0,
            out.as_mut_ptr(),
            width.cast_signed(),
            1,
        );
    }
}
