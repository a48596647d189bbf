//! The case file (案卷, R76): everything about a sanction in one archive that others can check without
//! this system.
//!
//! A tar archive (POSIX ustar) of plain files: `case.json` with what happened, the photos of the
//! evidence, and one manifest for each online key, a JWS over the SHA-256 of every other file. It is
//! made file by file, so that memory holds one photo at a time.

mod contents;
mod read;
mod tar;

use std::sync::Arc;

use credential::{Manifest, ManifestFile, Signer, sign_manifest};
use storage::{HolderId, PhotoId, SanctionRow, StepKind};
use zeroize::Zeroizing;

pub use self::read::{CaseFileFault, CaseFileReport, read_case_file};
use super::{DECIDERS, add_step};
use crate::{Act, Authority, Error, refusal, registry_write::sha256};

const EXPORTED: &str = "sanction.exported";
const CASE: &str = "case.json";

/// A case file that is ready to be written out.
#[derive(Debug)]
pub struct CaseFile {
    /// Its name as a file.
    pub name: String,
    entries: std::vec::IntoIter<Entry>,
    holder: HolderId,
    at: i64,
    ended: bool,
}

/// A file of the archive.
#[derive(Debug)]
struct Entry {
    path: String,
    content: Content,
}

enum Content {
    Text(Zeroizing<Vec<u8>>),
    /// Read when its turn comes; the hash is the one that the manifest states.
    Photo(PhotoId, String),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Photo(id, _) => f.debug_tuple("Photo").field(id).finish(),
        }
    }
}

impl Authority {
    /// Prepares the case file of a sanction that is or was in force, for an officer who took part in
    /// its decision: two have judged the case then. Audited, and a step of the sanction.
    ///
    /// # Errors
    /// As [`Authority::sanction`]; [`refusal::NOT_IN_THIS_STATE`] while it is only proposed;
    /// [`refusal::CASE_FILE_RESTRICTED`].
    pub async fn case_file(&self, act: &mut Act, id: &str) -> Result<CaseFile, Error> {
        let (row, driver) = self.sanction_for(act, &DECIDERS, id, EXPORTED).await?;
        if let Err(refused) = may_export(&row, &act.actor_id()) {
            return self.refuse(act, EXPORTED, Some(&row.holder), refused).await;
        }
        let signers = self.signing()?.online.clone();
        if signers.is_empty() {
            return Err(refusal::NO_KEYS.into());
        }
        let (mut tx, locked) = self.store().begin(&driver.id, driver.revision).await?;
        add_step(act, &mut tx, &locked, (&row.id, StepKind::Exported, None)).await?;
        let entry = act
            .entry(EXPORTED)
            .about(&row.holder)
            .with("sanction", row.id.as_str());
        tx.commit(entry, Vec::new()).await?;

        let contents = self.contents(&row, &driver).await?;
        let mut entries = vec![Entry {
            path: CASE.to_owned(),
            content: Content::Text(contents.case),
        }];
        entries.extend(contents.photos.into_iter().map(|(path, photo)| Entry {
            path,
            content: Content::Photo(photo.id, photo.meta.sha256),
        }));
        let manifest = Manifest {
            iss: self.inner.settings.issuer.clone(),
            sub: row.id.to_string(),
            iat: act.now.as_second(),
            by: act.actor_id(),
            files: entries.iter().map(Entry::listed).collect(),
        };
        let mut all = signed(signers, manifest).await?;
        all.extend(entries);
        Ok(CaseFile {
            name: format!("case-{}.tar", row.id),
            entries: all.into_iter(),
            holder: row.holder,
            at: act.now.as_second(),
            ended: false,
        })
    }

    /// The next piece of the archive; none at its end.
    ///
    /// # Errors
    /// When a photo cannot be read, or is not the one that the manifest states.
    pub async fn next_of_case_file(
        &self,
        file: &mut CaseFile,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(entry) = file.entries.next() else {
            let ended = std::mem::replace(&mut file.ended, true);
            return Ok((!ended).then(|| Zeroizing::new(tar::END.to_vec())));
        };
        let bytes = match entry.content {
            Content::Text(bytes) => bytes,
            Content::Photo(id, stated) => {
                let bytes = self.store().photo_bytes(&file.holder, &id).await?;
                if sha256(&bytes) != stated {
                    return Err(Error::Internal("a photo is not the one of its row"));
                }
                bytes
            }
        };
        let piece = tar::entry(&entry.path, &bytes, file.at);
        piece
            .map(Some)
            .ok_or(Error::Internal("a path of a case file is too long"))
    }
}

impl Entry {
    fn listed(&self) -> ManifestFile {
        ManifestFile {
            path: self.path.clone(),
            sha256: match &self.content {
                Content::Text(bytes) => sha256(bytes),
                Content::Photo(_, stated) => stated.clone(),
            },
        }
    }
}

/// Those who took part: each of them has seen the case, and none of them alone made it.
fn may_export(row: &SanctionRow, officer: &str) -> Result<(), Error> {
    if !row.stage.in_force() && row.lifted_at.is_none() {
        return Err(refusal::NOT_IN_THIS_STATE.into());
    }
    let took_part = [&row.decided_by, &row.lift_by, &row.lifted_by]
        .into_iter()
        .flatten()
        .chain([&row.proposed_by]);
    if took_part.into_iter().any(|one| one == officer) {
        Ok(())
    } else {
        Err(refusal::CASE_FILE_RESTRICTED.into())
    }
}

/// One manifest for each key, off the runtime's threads.
async fn signed(signers: Vec<Arc<dyn Signer>>, manifest: Manifest) -> Result<Vec<Entry>, Error> {
    let made = tokio::task::spawn_blocking(move || {
        signers
            .iter()
            .map(|signer| {
                let text = sign_manifest(&manifest, signer.as_ref())?;
                Ok::<_, credential::SignError>(Entry {
                    path: format!("manifest.{}.jws", signer.suite()),
                    content: Content::Text(Zeroizing::new(text.into_bytes())),
                })
            })
            .collect::<Result<Vec<_>, _>>()
    });
    match made.await {
        Ok(Ok(entries)) => Ok(entries),
        Ok(Err(_)) | Err(_) => Err(Error::Internal("a case file could not be signed")),
    }
}
