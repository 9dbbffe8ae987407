//! Artifacts in a folder.
//!
//! A file appears whole or not at all: it is written beside its place under a name that starts
//! with a `.`, and renamed. What a killed process leaves under such a name is never listed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::{ArtifactStore, StoreError, keys};

/// Makes the names of temporary files unique within this process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Artifacts in a folder.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Artifacts below `root`, which is created with the first of them.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        keys::check_artifact(key)?;
        Ok(self.root.join(key))
    }
}

/// Does blocking work where it holds up nobody.
async fn blocking<T: Send + 'static>(
    action: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
    done.flatten().map_err(StoreError::backend(&action))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(folder)?;
    let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
    let name = name.to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}-{number}", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?; // or a power cut could leave the new name with no content
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written
}

/// Adds the keys of all files below `folder`, whose own key is `key`.
fn walk(folder: &Path, key: &str, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = format!("{key}{name}");
        if keys::check_artifact(&key).is_err() {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{key}/"), found)?;
        } else if kind.is_file() {
            found.push(key);
        }
    }
    Ok(())
}

/// Whether there is no such file: also where a folder has its name, or a file that of its folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

impl ArtifactStore for FolderStore {
    async fn put(&self, key: &str, bytes: Vec<u8>, _content_type: &str) -> Result<(), StoreError> {
        let path = self.path(key)?;
        blocking(format!("write {}", path.display()), move || write_whole(&path, &bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key)?;
        blocking(format!("read {}", path.display()), move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // Only whole parts of the prefix name a folder: `runs/a` also finds `runs/ab`.
        let base = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]).to_owned();
        if keys::check_artifact(&format!("{base}x")).is_err() {
            return Ok(Vec::new());
        }
        let folder = self.root.join(&base);
        let mut found = blocking(format!("list {}", folder.display()), move || {
            let mut found = Vec::new();
            walk(&folder, &base, &mut found)?;
            Ok(found)
        })
        .await?;
        found.retain(|key| key.starts_with(prefix));
        found.sort_unstable();
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key)?;
        blocking(format!("delete {}", path.display()), move || match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        })
        .await
    }

    async fn delete_all(&self, folder: &str) -> Result<(), StoreError> {
        let Some(key) = folder.strip_suffix('/') else {
            return Err(StoreError::InvalidKey(folder.to_owned()));
        };
        let path = self.path(key)?;
        blocking(format!("delete {}", path.display()), move || match fs::remove_dir_all(&path) {
            Err(error) if !is_absent(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        })
        .await
    }

    fn location(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }
}
