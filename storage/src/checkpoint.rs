//! The text checkpoints: a version line, a count line, then one entry a line.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use jackdaw_core::limits;

use crate::{
    atomic_file::{read_text, replace_file},
    error::{Result, StorageError},
};

const VERSION: &str = "0";

/// One offset a partition: recovery points, log start offsets or high watermarks.
pub type PartitionOffsets = BTreeMap<(String, i32), i64>;

/// Read an offset checkpoint; an absent file has no entries.
pub fn read_offsets(path: &Path) -> Result<PartitionOffsets> {
    let Some(text) = read_text(path, limits::CHECKPOINT_SIZE_MAX_BYTES)? else {
        return Ok(PartitionOffsets::new());
    };
    let mut offsets = PartitionOffsets::new();
    for line in entries(path, &text)? {
        let (topic, partition, offset) =
            parse_offset_line(line).ok_or_else(|| malformed(path, "an entry", line))?;
        offsets.insert((topic.to_owned(), partition), offset);
    }
    Ok(offsets)
}

/// Replace an offset checkpoint.
pub async fn write_offsets(path: &Path, offsets: &PartitionOffsets) -> Result<()> {
    let mut text = header(offsets.len());
    for ((topic, partition), offset) in offsets {
        _ = writeln!(text, "{topic} {partition} {offset}");
    }
    replace_file(path, text.as_bytes()).await
}

/// The first two lines for `count` entries.
pub(crate) fn header(count: usize) -> String {
    format!("{VERSION}\n{count}\n")
}

/// The entry lines of a checkpoint, their number checked.
pub(crate) fn entries<'a>(path: &Path, text: &'a str) -> Result<Vec<&'a str>> {
    if text.is_empty() {
        // Kafka makes its checkpoints empty, and may stop before it writes the first.
        return Ok(Vec::new());
    }
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().trim();
    if version != VERSION {
        return Err(malformed(path, "the version", version));
    }
    let count = lines.next().unwrap_or_default().trim();
    let entries: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    if count.parse() != Ok(entries.len()) {
        let found = format!("{count} announced, {} found", entries.len());
        return Err(malformed(path, "the count of entries", &found));
    }
    Ok(entries)
}

/// Says which part of which checkpoint is not as it should be.
pub(crate) fn malformed(path: &Path, part: &str, found: &str) -> StorageError {
    let found: String = found.chars().take(80).collect();
    StorageError::layout(
        path,
        format!(
            "{part} is malformed ({found:?}); remove the file to start without it, which costs a full recovery"
        ),
    )
}

fn parse_offset_line(line: &str) -> Option<(&str, i32, i64)> {
    let mut words = line.split_whitespace();
    let entry = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn what_was_written_is_read() {
        in_dir(|dir| async move {
            let path = dir.join("recovery-point-offset-checkpoint");
            assert!(read_offsets(&path).unwrap().is_empty());
            let mut offsets = PartitionOffsets::new();
            offsets.insert(("b".into(), 0), 7);
            offsets.insert(("a".into(), 11), 1 << 40);
            write_offsets(&path, &offsets).await.unwrap();
            let text = read_text(&path, 1000).unwrap().unwrap();
            assert_eq!(text, "0\n2\na 11 1099511627776\nb 0 7\n");
            assert_eq!(read_offsets(&path).unwrap(), offsets);
        });
    }

    #[test]
    fn refuses_what_is_malformed() {
        let path = Path::new("x");
        for text in ["\n", "1\n0\n", "0\n", "0\n2\na 0 1\n", "0\n1\n"] {
            assert!(entries(path, text).is_err(), "{text:?}");
        }
        assert_eq!(entries(path, "0\n1\na 0 1").unwrap(), ["a 0 1"]);
        assert!(entries(path, "").unwrap().is_empty());
        for line in ["a", "a 0", "a x 1", "a 0 1 2"] {
            assert_eq!(parse_offset_line(line), None, "{line:?}");
        }
    }
}
