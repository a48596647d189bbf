//! The object store: photos and snapshots of the status memory, each sealed, and segments of the
//! audit, which hold nothing to seal.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};
use zeroize::Zeroizing;

use crate::{
    AtRest, HolderId, PhotoId, StoreError,
    seal::{LABEL, Place, Sealer, label},
};

#[derive(Clone, Debug)]
pub(crate) struct Objects {
    inner: Arc<dyn ObjectStore>,
}

impl Objects {
    /// A folder; `durable` makes every write reach the disk before it is acknowledged.
    pub(crate) fn local(folder: &Path, durable: bool) -> Result<Self, StoreError> {
        let local = LocalFileSystem::new_with_prefix(folder)?.with_fsync(durable);
        Ok(Self {
            inner: Arc::new(local),
        })
    }

    pub(crate) async fn put_photo(
        &self,
        sealer: &Sealer,
        holder: &HolderId,
        photo: &PhotoId,
        plain: &[u8],
    ) -> Result<(), StoreError> {
        let bytes = sealer.seal(&place(holder, photo), plain)?;
        self.inner
            .put(&key(photo), Bytes::from(bytes).into())
            .await?;
        Ok(())
    }

    pub(crate) async fn photo(
        &self,
        sealer: &Sealer,
        holder: &HolderId,
        photo: &PhotoId,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let bytes = self.inner.get(&key(photo)).await?.bytes().await?;
        sealer.unseal(&place(holder, photo), &bytes)
    }

    /// Suite and key version under which a photo lies; none where there is no file, or none that
    /// has a label.
    pub(crate) async fn label(&self, photo: &PhotoId) -> Result<Option<(AtRest, u32)>, StoreError> {
        let length = u64::try_from(LABEL).unwrap_or(u64::MAX);
        match self.inner.get_range(&key(photo), 0..length).await {
            Ok(bytes) => Ok(label(&bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // A file shorter than the label: an empty one is no range to any store.
            Err(error) => match self.inner.head(&key(photo)).await {
                Ok(found) if found.size < length => Ok(None),
                Ok(_) | Err(_) => Err(error.into()),
            },
        }
    }

    /// Seals a photo's file anew where it lies under an older key; whether it did.
    pub(crate) async fn reseal_photo(
        &self,
        sealer: &Sealer,
        holder: &HolderId,
        photo: &PhotoId,
    ) -> Result<bool, StoreError> {
        if self
            .label(photo)
            .await?
            .is_some_and(|(_, version)| version == sealer.active())
        {
            return Ok(false);
        }
        let plain = match self.photo(sealer, holder, photo).await {
            Err(StoreError::Objects(object_store::Error::NotFound { .. })) => {
                return Err(StoreError::Inconsistent {
                    table: "objects",
                    column: "photo",
                    row: Some(photo.to_string()),
                    what: "the file is missing",
                });
            }
            other => other?,
        };
        self.put_photo(sealer, holder, photo, &plain).await?;
        Ok(true)
    }

    pub(crate) async fn put_plain(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let key = Key::parse(name).map_err(object_store::Error::from)?;
        self.inner.put(&key, Bytes::from(bytes).into()).await?;
        Ok(())
    }

    /// What lies under `name` as it lies there; none where there is nothing.
    pub(crate) async fn raw(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let Ok(key) = Key::parse(name) else {
            return Ok(None);
        };
        match self.inner.get(&key).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what lies under `name`, if anything does.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        let key = Key::parse(name).map_err(object_store::Error::from)?;
        match self.inner.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is any object.
    pub(crate) async fn is_empty(&self) -> Result<bool, StoreError> {
        let first = self.inner.list(None).next().await;
        Ok(first.transpose()?.is_none())
    }

    /// Removes everything: of a restore that did not come to its end.
    pub(crate) async fn clear(&self) -> Result<(), StoreError> {
        let mut found = self.inner.list(None);
        while let Some(object) = found.next().await.transpose()? {
            self.inner.delete(&object.location).await?;
        }
        Ok(())
    }

    /// What lies under `name`, of which `size` bytes are expected, and whether that is all of it;
    /// none where there is nothing.
    pub(crate) async fn plain(
        &self,
        name: &str,
        size: u64,
    ) -> Result<Option<(Bytes, bool)>, StoreError> {
        let Ok(key) = Key::parse(name) else {
            return Ok(None);
        };
        let found = match self.inner.head(&key).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if found == 0 {
            return Ok(Some((Bytes::new(), size == 0)));
        }
        let bytes = self.inner.get_range(&key, 0..found.min(MAX_PLAIN)).await?;
        Ok(Some((bytes, found == size && found <= MAX_PLAIN)))
    }
}

/// Bytes of an unsealed object that are read. What is written is far below it; something else may
/// have been put there.
const MAX_PLAIN: u64 = 64 << 20;

/// The name under which a photo's bytes lie.
pub(crate) fn photo_name(photo: &PhotoId) -> String {
    format!(
        "photos/{:03x}/{}",
        photo.partition().number(),
        photo.as_str()
    )
}

fn key(photo: &PhotoId) -> Key {
    Key::from(photo_name(photo))
}

fn place<'a>(holder: &'a HolderId, photo: &'a PhotoId) -> Place<'a> {
    Place {
        table: "objects",
        column: "photo",
        owner: holder.as_str(),
        row: photo.as_str(),
        version: 1,
    }
}
