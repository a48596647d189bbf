//! Turns of several processes on one SQLite file.
//!
//! SQLite has one writer and no queue: whoever waits looks again every so often, and would hardly
//! ever find the moment between two long transactions of an import. So whoever waits to write holds
//! a shared lock on a file beside the database, and who writes much looks there first.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often whoever writes much looks whether others still wait.
const LOOK: Duration = Duration::from_millis(5);
/// How often at most: others wait again and again, and an import goes on all the same. Together it
/// is longer than SQLite lets a waiting writer sleep.
const LOOKS: u32 = 60;

#[derive(Debug)]
pub(crate) struct Turns {
    /// Locked by those who wait, all of this process together, and how many they are.
    waiting: Mutex<(File, u32)>,
    /// Another handle, since a handle's lock does not keep out itself.
    looking: File,
}

/// Somebody waits to write, as long as this lives.
pub(crate) struct Waiting<'a>(&'a Turns);

impl Turns {
    pub(crate) fn beside(database: &Path) -> io::Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-turns");
        let open = || {
            let mut options = File::options();
            options.write(true).create(true).truncate(false).open(&name)
        };
        Ok(Self {
            waiting: Mutex::new((open()?, 0)),
            looking: open()?,
        })
    }

    /// Says that somebody waits to write.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        let mut waiting = self.waiting();
        if waiting.1 == 0 {
            // Where it fails somebody looks at this very moment, and this one is not waited for.
            waiting.0.try_lock_shared().ok();
        }
        waiting.1 = waiting.1.saturating_add(1);
        Waiting(self)
    }

    /// Lets those who wait write first, in this process or another.
    pub(crate) async fn let_others_first(&self) {
        for _ in 0..LOOKS {
            if self.nobody_waits() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn nobody_waits(&self) -> bool {
        // Where files cannot be locked at all nobody is seen to wait.
        match self.looking.try_lock() {
            Ok(()) => self.looking.unlock().is_ok(),
            Err(std::fs::TryLockError::WouldBlock) => false,
            Err(std::fs::TryLockError::Error(_)) => true,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, (File, u32)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.1 = waiting.1.saturating_sub(1);
        if waiting.1 == 0 {
            // The lock goes with the process at the latest.
            waiting.0.unlock().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_seen_by_every_process_until_the_last_has_begun() {
        let folder = tempfile::TempDir::new().unwrap();
        let [one, other] = [(); 2].map(|()| Turns::beside(&folder.path().join("db")).unwrap());
        assert!(one.nobody_waits() && other.nobody_waits());
        let (first, second) = (other.wait(), other.wait());
        assert!(!one.nobody_waits() && !other.nobody_waits());
        drop(first);
        assert!(!one.nobody_waits());
        drop(second);
        assert!(one.nobody_waits() && other.nobody_waits());
    }

    #[tokio::test]
    async fn an_import_goes_on_though_others_always_wait() {
        let folder = tempfile::TempDir::new().unwrap();
        let turns = Turns::beside(&folder.path().join("db")).unwrap();
        let _always = turns.wait();
        turns.let_others_first().await;
    }
}
