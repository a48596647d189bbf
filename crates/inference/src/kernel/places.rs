//! Operators that move, join and summarise.
#![expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a kernel: the builder has checked every shape, indices stay inside by construction, and sizes are far below 2^24"
)]

use super::Window;
use crate::form::Shape;

pub(super) fn max_pool(window: &Window, input: (&[f32], Shape), out: &mut [f32]) {
    out.fill(f32::NEG_INFINITY);
    pooled(window, input, out, |out, value| *out = out.max(value));
}

pub(super) fn average_pool(window: &Window, input: (&[f32], Shape), out: &mut [f32]) {
    out.fill(0.0);
    let counts = pooled(window, input, out, |out, value| *out += value);
    let channels = input.1.channels;
    for (place, count) in out.chunks_exact_mut(channels).zip(counts) {
        for value in place {
            *value /= count as f32;
        }
    }
}

/// Folds every window into its place and tells how many elements each had.
fn pooled(
    window: &Window,
    (input, shape): (&[f32], Shape),
    out: &mut [f32],
    fold: impl Fn(&mut f32, f32),
) -> Vec<usize> {
    let mut counts = Vec::with_capacity(window.places.0 * window.places.1);
    for (at, out) in out.chunks_exact_mut(shape.channels).enumerate() {
        let top = at / window.places.1 * window.stride.0;
        let left = at % window.places.1 * window.stride.1;
        let rows = inside(top, window.before.0, window.size.0, shape.rows);
        let columns = inside(left, window.before.1, window.size.1, shape.columns);
        for row in rows.clone() {
            for column in columns.clone() {
                let from = (row * shape.columns + column) * shape.channels;
                for (out, value) in out.iter_mut().zip(&input[from..from + shape.channels]) {
                    fold(out, *value);
                }
            }
        }
        counts.push(rows.len() * columns.len());
    }
    counts
}

fn inside(at: usize, before: usize, size: usize, length: usize) -> std::ops::Range<usize> {
    at.saturating_sub(before)..(at + size).saturating_sub(before).min(length)
}

pub(super) fn add(left: &[f32], right: &[f32], out: &mut [f32]) {
    for ((out, left), right) in out.iter_mut().zip(left).zip(right) {
        *out = left + right;
    }
}

pub(super) fn scale(input: &[f32], factors: &[f32], out: &mut [f32]) {
    let places = out.chunks_exact_mut(factors.len());
    for (out, input) in places.zip(input.chunks_exact(factors.len())) {
        for ((out, value), factor) in out.iter_mut().zip(input).zip(factors) {
            *out = value * factor;
        }
    }
}

pub(super) fn shift(input: &[f32], terms: &[f32], out: &mut [f32]) {
    let places = out.chunks_exact_mut(terms.len());
    for (out, input) in places.zip(input.chunks_exact(terms.len())) {
        for ((out, value), term) in out.iter_mut().zip(input).zip(terms) {
            *out = value + term;
        }
    }
}

pub(super) fn softmax(input: &[f32], channels: usize, out: &mut [f32]) {
    let places = out.chunks_exact_mut(channels);
    for (out, input) in places.zip(input.chunks_exact(channels)) {
        let largest = input.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (out, value) in out.iter_mut().zip(input) {
            *out = (value - largest).exp();
        }
        let sum: f32 = out.iter().sum();
        for value in out {
            *value /= sum;
        }
    }
}

pub(super) fn pad(
    [rows, columns, channels]: [(usize, usize); 3],
    (input, shape): (&[f32], Shape),
    to: Shape,
    out: &mut [f32],
) {
    out.fill(0.0);
    for row in 0..shape.rows {
        for column in 0..shape.columns {
            let from = (row * shape.columns + column) * shape.channels;
            let place = (row + rows.0) * to.columns + column + columns.0;
            let at = place * to.channels + channels.0;
            out[at..at + shape.channels].copy_from_slice(&input[from..from + shape.channels]);
        }
    }
}

pub(super) fn concatenate(left: (&[f32], Shape), right: (&[f32], Shape), out: &mut [f32]) {
    let (first, second) = (left.1.channels, right.1.channels);
    let inputs = left.0.chunks_exact(first).zip(right.0.chunks_exact(second));
    for (out, (left, right)) in out.chunks_exact_mut(first + second).zip(inputs) {
        out[..first].copy_from_slice(left);
        out[first..].copy_from_slice(right);
    }
}

pub(super) fn mean(input: &[f32], channels: usize, out: &mut [f32]) {
    out.fill(0.0);
    for place in input.chunks_exact(channels) {
        for (out, value) in out.iter_mut().zip(place) {
            *out += value;
        }
    }
    let places = (input.len() / channels) as f32;
    for value in out {
        *value /= places;
    }
}

pub(super) fn resize((input, shape): (&[f32], Shape), to: Shape, out: &mut [f32]) {
    let (down, across) = (
        shape.rows as f32 / to.rows as f32,
        shape.columns as f32 / to.columns as f32,
    );
    for (at, out) in out.chunks_exact_mut(to.channels).enumerate() {
        let row = between(at / to.columns, down, shape.rows);
        let column = between(at % to.columns, across, shape.columns);
        let corner = |row: usize, column: usize| {
            let from = (row * shape.columns + column) * shape.channels;
            &input[from..from + shape.channels]
        };
        let above = corner(row.0, column.0).iter().zip(corner(row.0, column.1));
        let below = corner(row.1, column.0).iter().zip(corner(row.1, column.1));
        for ((out, (a, b)), (c, d)) in out.iter_mut().zip(above).zip(below) {
            let above = a + (b - a) * column.2;
            let below = c + (d - c) * column.2;
            *out = above + (below - above) * row.2;
        }
    }
}

/// The two neighbours of a place, and how far it lies towards the second.
fn between(at: usize, step: f32, length: usize) -> (usize, usize, f32) {
    let exact = ((at as f32 + 0.5) * step - 0.5).max(0.0);
    let first = (exact as usize).min(length - 1);
    let second = (first + 1).min(length - 1);
    (first, second, exact - first as f32)
}

pub(super) fn enlarge(
    side: usize,
    weights: &[f32],
    (input, shape): (&[f32], Shape),
    out: &mut [f32],
) {
    let width = shape.columns * side;
    for (at, place) in input.chunks_exact(shape.channels).enumerate() {
        let (row, column) = (at / shape.columns * side, at % shape.columns * side);
        for (tap, weights) in weights.chunks_exact(shape.channels).enumerate() {
            let sum: f32 = place.iter().zip(weights).map(|(a, b)| a * b).sum();
            out[(row + tap / side) * width + column + tap % side] = sum;
        }
    }
}
