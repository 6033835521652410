//! Small files that are replaced whole: written beside, flushed, renamed, and the directory flushed.

use std::{
    io::IoSlice,
    path::{Path, PathBuf},
};

use jackdaw_ring::{File, file};

use crate::error::{During, Result};

/// Replace the content of `path` such that a crash leaves the old content or the new one.
pub async fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = temporary_path(path);
    let handle = create(&temporary, content)?;
    handle.sync_data().await.during("flush", &temporary)?;
    drop(handle);
    file::rename(&temporary, path).during("rename to", path)?;
    sync_parent(path).await
}

/// Write a new file, replacing one that is there; it is not flushed.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<File> {
    let options = file::OpenOptions { write: true, create: true, truncate: true, ..Default::default() };
    let handle = File::open(path, options).during("create", path)?;
    handle.write_all_at(&mut [IoSlice::new(content)], 0).during("write", path)?;
    Ok(handle)
}

/// Make the directory entry of `path` durable.
pub(crate) async fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            file::sync_directory(parent).await.during("flush the directory", parent)
        }
        None => Ok(()),
    }
}

/// Make a directory and those above it that are missing, durably, also where an earlier attempt was interrupted.
pub(crate) async fn create_directory(path: &Path) -> Result<()> {
    let mut made = vec![path];
    for level in path.ancestors().filter(|level| !level.as_os_str().is_empty()) {
        if file::metadata(level).during("look up", level)?.is_some() {
            break;
        }
        made.push(level);
    }
    file::create_directory_all(path).during("create", path)?;
    for level in made.into_iter().rev() {
        sync_parent(level).await?;
    }
    Ok(())
}

/// The whole content of a small file, or `None` where there is none.
pub(crate) fn read(path: &Path, limit_bytes: usize) -> Result<Option<Vec<u8>>> {
    if file::metadata(path).during("look up", path)?.is_none() {
        return Ok(None);
    }
    file::read_all(path, limit_bytes).during("read", path).map(Some)
}

/// The same as text.
pub(crate) fn read_text(path: &Path, limit_bytes: usize) -> Result<Option<String>> {
    Ok(read(path, limit_bytes)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}
