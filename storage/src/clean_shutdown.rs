//! `.kafka_cleanshutdown`: there between a clean stop and the next start.

use std::path::Path;

use jackdaw_core::limits;
use jackdaw_ring::file;

use crate::{
    atomic_file::{read_text, replace_file, sync_parent},
    error::{During, Result},
    layout,
};

/// The broker epoch is not known.
pub const NO_BROKER_EPOCH: i64 = -1;

/// Write the marker. The last step of a clean stop, after all logs and checkpoints.
pub async fn write(log_dir: &Path, broker_epoch: i64) -> Result<()> {
    let content = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    replace_file(&log_dir.join(layout::CLEAN_SHUTDOWN), content.as_bytes()).await
}

/// Whether the directory was stopped cleanly.
pub(crate) fn is_there(log_dir: &Path) -> Result<bool> {
    let path = log_dir.join(layout::CLEAN_SHUTDOWN);
    Ok(file::metadata(&path).during("look up", &path)?.is_some())
}

/// Take the marker away, durably, before any log is opened. The broker epoch in it if it was there: its mere
/// presence says that the stop was clean, whatever it holds.
pub async fn take(log_dir: &Path) -> Result<Option<i64>> {
    let path = log_dir.join(layout::CLEAN_SHUTDOWN);
    let text = read_text(&path, limits::META_PROPERTIES_SIZE_MAX_BYTES)?;
    if text.is_some() {
        file::remove_file(&path).during("remove", &path)?;
    }
    // Also where it is gone: a process that was killed here may have removed it and not flushed that, and a power cut
    // would bring it back after writes that it knows nothing of.
    sync_parent(&path).await?;
    let Some(text) = text else { return Ok(None) };
    Ok(Some(parse_broker_epoch(&text).unwrap_or(NO_BROKER_EPOCH)))
}

/// The number after the key, in JSON of any spacing.
fn parse_broker_epoch(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("\"brokerEpoch\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{atomic_file, test_dir::in_dir};

    #[test]
    fn is_taken_once() {
        in_dir(|dir| async move {
            assert_eq!(take(&dir).await.unwrap(), None);
            write(&dir, 42).await.unwrap();
            assert_eq!(take(&dir).await.unwrap(), Some(42));
            assert_eq!(take(&dir).await.unwrap(), None);
        });
    }

    #[test]
    fn any_content_counts_as_clean() {
        in_dir(|dir| async move {
            for (content, epoch) in [
                ("", -1),
                ("{}", -1),
                ("{ \"brokerEpoch\" : 17, \"version\" : 0 }", 17),
                ("{\"brokerEpoch\":-1}", -1),
            ] {
                atomic_file::create(&dir.join(layout::CLEAN_SHUTDOWN), content.as_bytes()).unwrap();
                assert_eq!(take(&dir).await.unwrap(), Some(epoch), "{content:?}");
            }
        });
    }
}
