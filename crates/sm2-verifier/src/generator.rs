//! The tables of the generators, one a curve for the whole process: every key needs one.

use std::sync::Arc;

use crate::{
    curve::{Algorithm, Curve},
    point::Affine,
    table::{Table, Width},
};

/// Its width until somebody asks for more.
pub(crate) const FIRST: Width = Width::BITS_12;

pub(crate) fn table<C: Curve>() -> Arc<Table<C>> {
    C::generator().get_or_build(Affine::GENERATOR, FIRST)
}

/// Builds one of this width, if it is wider than what there is.
pub(crate) fn grow<C: Curve>(width: Width) {
    C::generator().at_least(Affine::GENERATOR, width);
}

/// Bytes that the table of an algorithm's generator takes, which all its keys share.
#[must_use]
pub fn generator_bytes<A: Algorithm>() -> usize {
    A::generator().bytes()
}
