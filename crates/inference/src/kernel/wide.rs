//! Loops that gain from the processor's wide registers: depthwise convolutions and activations.
#![expect(
    clippy::indexing_slicing,
    clippy::inline_always,
    reason = "a kernel: the builder has checked every shape, and indices stay inside by construction; what is not inlined is not compiled for the wider registers"
)]

use super::{Activation, Window};
use crate::form::Shape;

/// What a depthwise convolution is given.
struct Depthwise<'a> {
    window: &'a Window,
    input: &'a [f32],
    shape: Shape,
    weights: &'a [f32],
    bias: &'a [f32],
}

pub(super) fn depthwise(
    window: &Window,
    (input, shape): (&[f32], Shape),
    (weights, bias): (&[f32], &[f32]),
    out: &mut [f32],
) {
    let task = Depthwise {
        window,
        input,
        shape,
        weights,
        bias,
    };
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has both, as just asked.
        #[expect(
            unsafe_code,
            reason = "a function for processors that have AVX2 and FMA"
        )]
        return unsafe { depthwise_avx2(&task, out) };
    }
    task.run::<{ cfg!(target_arch = "aarch64") }>(out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn depthwise_avx2(task: &Depthwise<'_>, out: &mut [f32]) {
    task.run::<true>(out);
}

pub(super) fn activate(activation: &Activation, channels: usize, values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has it, as just asked.
        #[expect(unsafe_code, reason = "a function for processors that have AVX2")]
        return unsafe { activate_avx2(activation, channels, values) };
    }
    apply(activation, channels, values);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn activate_avx2(activation: &Activation, channels: usize, values: &mut [f32]) {
    apply(activation, channels, values);
}

/// Channels that are summed at once.
const LANES: usize = 16;

impl Depthwise<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(&self, out: &mut [f32]) {
        let channels = self.shape.channels;
        let row = self.window.places.1 * channels;
        for (at, out) in out.chunks_exact_mut(row).enumerate() {
            let rows = taps(
                at,
                self.window.stride.0,
                self.window.before.0,
                self.window.size.0,
                self.shape.rows,
            );
            for (at, out) in out.chunks_exact_mut(channels).enumerate() {
                let columns = taps(
                    at,
                    self.window.stride.1,
                    self.window.before.1,
                    self.window.size.1,
                    self.shape.columns,
                );
                self.place::<FUSED>(&rows, &columns, out);
            }
        }
    }

    #[inline(always)]
    fn place<const FUSED: bool>(&self, rows: &Taps, columns: &Taps, out: &mut [f32]) {
        let mut from = 0;
        let mut chunks = out.chunks_exact_mut(LANES);
        for chunk in &mut chunks {
            self.sum::<LANES, FUSED>(rows, columns, from, chunk);
            from += LANES;
        }
        let mut chunks = chunks.into_remainder().chunks_exact_mut(LANES / 2);
        for chunk in &mut chunks {
            self.sum::<{ LANES / 2 }, FUSED>(rows, columns, from, chunk);
            from += LANES / 2;
        }
        for one in chunks.into_remainder().chunks_exact_mut(1) {
            self.sum::<1, FUSED>(rows, columns, from, one);
            from += 1;
        }
    }

    /// `N` channels of one place.
    #[inline(always)]
    fn sum<const N: usize, const FUSED: bool>(
        &self,
        rows: &Taps,
        columns: &Taps,
        from: usize,
        out: &mut [f32],
    ) {
        let channels = self.shape.channels;
        let mut sum = [0.0; N];
        sum.copy_from_slice(&self.bias[from..from + N]);
        for row in 0..rows.count {
            let line = (rows.begin + row) * self.shape.columns + columns.begin;
            let tap = (rows.first + row) * self.window.size.1 + columns.first;
            for column in 0..columns.count {
                let input = &self.input[(line + column) * channels + from..][..N];
                let weight = &self.weights[(tap + column) * channels + from..][..N];
                for lane in 0..N {
                    sum[lane] = if FUSED {
                        input[lane].mul_add(weight[lane], sum[lane])
                    } else {
                        sum[lane] + input[lane] * weight[lane]
                    };
                }
            }
        }
        out.copy_from_slice(&sum);
    }
}

/// The part of a window that lies inside.
struct Taps {
    /// The first row or column of the window that counts.
    first: usize,
    /// Where that lies in the input.
    begin: usize,
    count: usize,
}

#[inline(always)]
fn taps(place: usize, stride: usize, before: usize, size: usize, length: usize) -> Taps {
    let at = place * stride;
    let first = before.saturating_sub(at);
    let begin = (at + first).saturating_sub(before);
    let count = size.saturating_sub(first).min(length.saturating_sub(begin));
    Taps {
        first,
        begin,
        count,
    }
}

#[inline(always)]
fn apply(activation: &Activation, channels: usize, values: &mut [f32]) {
    match activation {
        Activation::None => {}
        Activation::Clamp(low, high) => {
            for value in values {
                *value = value.max(*low).min(*high);
            }
        }
        Activation::Prelu(slopes) => {
            for place in values.chunks_exact_mut(channels) {
                for (value, slope) in place.iter_mut().zip(slopes) {
                    *value = value.max(0.0) + slope * value.min(0.0);
                }
            }
        }
        Activation::Sigmoid => {
            for value in values {
                *value = 1.0 / (1.0 + (-*value).exp());
            }
        }
        Activation::HardSwish => {
            for value in values {
                *value *= (*value + 3.0).clamp(0.0, 6.0) / 6.0;
            }
        }
    }
}
