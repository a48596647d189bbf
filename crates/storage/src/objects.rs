//! Photos in the object store, each sealed.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};
use zeroize::Zeroizing;

use crate::{
    HolderId, PhotoId, StoreError,
    seal::{Place, Sealer},
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
}

fn key(photo: &PhotoId) -> Key {
    Key::from(format!(
        "photos/{:03x}/{}",
        photo.partition().number(),
        photo.as_str()
    ))
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
