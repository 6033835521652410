//! `partition.metadata`: the topic id of a partition's directory.

use std::path::Path;

use jackdaw_core::{limits, uuid::Uuid};

use crate::{
    atomic_file::{read_text, replace_file},
    error::{Result, StorageError},
    layout,
};

/// The topic id of a partition's directory, or `None` where the file is absent (Kafka calls that stray).
pub fn read(partition_dir: &Path) -> Result<Option<Uuid>> {
    let path = partition_dir.join(layout::PARTITION_METADATA);
    let Some(text) = read_text(&path, limits::META_PROPERTIES_SIZE_MAX_BYTES)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|reason| StorageError::layout(&path, reason))
}

/// Write the file; once, when the directory is made.
pub async fn write(partition_dir: &Path, topic_id: Uuid) -> Result<()> {
    assert!(!topic_id.is_zero(), "a partition belongs to a topic with an id");
    let text = format!("version: 0\ntopic_id: {topic_id}");
    replace_file(&partition_dir.join(layout::PARTITION_METADATA), text.as_bytes()).await
}

fn parse(text: &str) -> Result<Uuid, String> {
    let mut version = None;
    let mut topic_id = None;
    for line in text.lines() {
        match line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("version", value)) => version = Some(value),
            Some(("topic_id", value)) => topic_id = Some(value),
            _ if line.trim().is_empty() => {}
            _ => return Err(format!("line {line:?} is not understood")),
        }
    }
    if version != Some("0") {
        return Err(format!("version {:?} is not known; this release reads 0", version.unwrap_or_default()));
    }
    let id: Uuid = topic_id.ok_or("topic_id is missing")?.parse().map_err(|error| format!("{error}"))?;
    if id.is_zero() { Err("topic_id is zero".to_owned()) } else { Ok(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn what_was_written_is_read() {
        in_dir(|dir| async move {
            assert_eq!(read(&dir).unwrap(), None);
            write(&dir, Uuid::METADATA_TOPIC).await.unwrap();
            assert_eq!(read(&dir).unwrap(), Some(Uuid::METADATA_TOPIC));
        });
    }

    #[test]
    fn refuses_other_text() {
        for text in [
            "",
            "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
            "version: 0",
            "version: 0\ntopic_id: x",
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
            "hello",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
