//! Where a key keeps its table, which others may replace or take away while it is used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use crate::{
    curve::Curve,
    point::Affine,
    table::{Table, Width},
};

/// The table that is built, if one is. Whoever verifies holds it for so long, wherever it goes meanwhile.
#[derive(Debug)]
pub struct Slot<C> {
    table: RwLock<Option<Arc<Table<C>>>>,
    building: Mutex<()>,
}

// A panic elsewhere leaves nothing half done behind these locks: a table is put in place whole.
impl<C> Slot<C> {
    pub(crate) const fn new() -> Self {
        Self {
            table: RwLock::new(None),
            building: Mutex::new(()),
        }
    }
}

impl<C: Curve> Slot<C> {
    pub(crate) fn get(&self) -> Option<Arc<Table<C>>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.clone()
    }

    /// The table; built at this width the first time.
    pub(crate) fn get_or_build(&self, point: Affine<C>, width: Width) -> Arc<Table<C>> {
        self.get().unwrap_or_else(|| self.at_least(point, width))
    }

    /// The table, built anew where it is narrower than this.
    pub(crate) fn at_least(&self, point: Affine<C>, width: Width) -> Arc<Table<C>> {
        let guard = self.building();
        let found = self.get().filter(|table| table.width() >= width);
        let table = found.unwrap_or_else(|| {
            let table = Arc::new(Table::new(point, width));
            self.put(Some(Arc::clone(&table)));
            table
        });
        drop(guard);
        table
    }

    pub(crate) fn bytes(&self) -> usize {
        self.get().map_or(0, |table| table.bytes())
    }

    pub(crate) fn put(&self, table: Option<Arc<Table<C>>>) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// The right to build, once whoever has it is done.
    pub(crate) fn building(&self) -> MutexGuard<'_, ()> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to build, if nobody has it.
    pub(crate) fn try_building(&self) -> Option<MutexGuard<'_, ()>> {
        match self.building.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
