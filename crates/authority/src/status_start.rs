//! How a node comes to its status memory: a snapshot and what happened since, or every credential.

use rand::Rng as _;
use storage::{Cursors, Partition, SnapshotFault, Store, StoreError};

use crate::{Act, Authority, Error, status_plane::StatusPlane};

/// The memory, and the newest events that it knows at least.
pub(crate) async fn remember(store: &Store) -> Result<(StatusPlane, Cursors), Error> {
    let plane = empty(store).await?;
    match from_snapshot(store, &plane).await? {
        Ok(cursors) => return Ok((plane, cursors)),
        Err(SnapshotFault::Missing) => {}
        Err(fault) => tracing::warn!(
            fault = fault.as_str(),
            "the snapshot of the status memory is not used; reading every credential instead"
        ),
    }
    // Cursors before values: an event between the two is applied twice, never missed.
    let plane = empty(store).await?;
    let cursors = store.outbox_heads().await?.into_iter().collect();
    for partition in Partition::all() {
        for (place, value) in store.status_values(partition).await? {
            plane.set(place, value);
        }
    }
    Ok((plane, cursors))
}

/// A memory that knows which lists are retired.
async fn empty(store: &Store) -> Result<StatusPlane, Error> {
    let plane = StatusPlane::default();
    for list in store.published_lists().await? {
        if list.retired_at.is_some() {
            plane.retire(list.list);
        }
    }
    Ok(plane)
}

async fn from_snapshot(
    store: &Store,
    plane: &StatusPlane,
) -> Result<Result<Cursors, SnapshotFault>, Error> {
    let snapshot = match store.status_snapshot().await {
        Ok(Ok(snapshot)) => snapshot,
        Ok(Err(fault)) => return Ok(Err(fault)),
        // A node starts without its object store as well; it is only slower.
        Err(StoreError::Objects(_)) => return Ok(Err(SnapshotFault::Damaged)),
        Err(error) => return Err(error.into()),
    };
    for list in &snapshot.lists {
        let values = match store.status_shard(&snapshot, *list).await {
            Ok(values) => values,
            Err(StoreError::Objects(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if !values.is_some_and(|values| plane.load(*list, &values)) {
            return Ok(Err(SnapshotFault::Damaged));
        }
    }
    Ok(Ok(snapshot.cursors))
}

impl Authority {
    /// Writes a snapshot of the status memory, from which the next start goes on; whether there
    /// was anything new.
    ///
    /// # Errors
    /// When the store cannot be reached; the snapshot before stays.
    pub async fn snapshot_status(&self, act: &mut Act) -> Result<bool, Error> {
        // Cursors before values: a later event may be in the values already, none is missing.
        let cursors = self.inner.follower.lock().await.cursors();
        let mut written = self.inner.snapshot.lock().await;
        if written.as_ref() == Some(&cursors) {
            return Ok(false);
        }
        let generation = act.rng.next_u64();
        let mut lists = Vec::new();
        for list in self.inner.plane.lists() {
            // Gone meanwhile: it was retired.
            let Some(values) = self.inner.plane.values(list) else {
                continue;
            };
            let store = self.store();
            store.write_status_shard(generation, list, &values).await?;
            lists.push(list);
        }
        self.store()
            .finish_status_snapshot(generation, &cursors, act.now, &lists)
            .await?;
        *written = Some(cursors);
        Ok(true)
    }
}
