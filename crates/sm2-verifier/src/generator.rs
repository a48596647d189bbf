//! The table of the generator, one for the whole process: every key needs it.

use std::sync::Arc;

use crate::{
    curve::Affine,
    slot::Slot,
    table::{Table, Width},
};

/// Its width until somebody asks for more.
pub(crate) const FIRST: Width = Width::BITS_12;

static SLOT: Slot = Slot::new();

pub(crate) fn table() -> Arc<Table> {
    SLOT.get_or_build(Affine::GENERATOR, FIRST)
}

/// Builds one of this width, if it is wider than what there is.
pub(crate) fn grow(width: Width) {
    SLOT.at_least(Affine::GENERATOR, width);
}

/// Bytes that the table of the generator takes, which all keys share.
#[must_use]
pub fn generator_bytes() -> usize {
    SLOT.bytes()
}
