//! Which kind of file a name is, and the files that hold no batches.

use std::{io::Write, path::Path};

use jackdaw_storage::{
    StorageError,
    checkpoint::read_offsets,
    inspect,
    layout::{self, FileKind, FileName},
};
use serde_json::Value;

use super::{DumpError, Wanted, batches, line::Printer};

/// Print a file, or all files of a directory.
pub(super) async fn dump(
    printer: &mut Printer<impl Write>,
    path: &Path,
    wanted: Wanted,
) -> Result<(), DumpError> {
    if !path.is_dir() {
        return dump_file(printer, path, wanted).await;
    }
    let mut files: Vec<_> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    for file in files
        .into_iter()
        .filter(|file| file.is_file() && file.file_name().is_some_and(|name| name != layout::LOCK))
    {
        dump_file(printer, &file, wanted).await?;
    }
    Ok(())
}

async fn dump_file(printer: &mut Printer<impl Write>, path: &Path, wanted: Wanted) -> Result<(), DumpError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    printer.line("file", vec![("path", path.display().to_string().into())])?;
    let dumped = match FileName::parse(&name) {
        Some(FileName { kind: FileKind::Log, .. }) => return batches::dump(printer, path, wanted).await,
        Some(file) => of_segment(printer, path, file),
        None if name.ends_with(".checkpoint") => return batches::dump(printer, path, wanted).await,
        None if name == layout::LEADER_EPOCHS => leader_epochs(printer, path),
        None if OFFSET_CHECKPOINTS.contains(&name.as_str()) => offsets(printer, path),
        None => text(printer, path),
    };
    match dumped {
        // Said of this file; the others are printed all the same.
        Err(DumpError::Storage(error @ (StorageError::Layout { .. } | StorageError::Corrupt { .. }))) => {
            printer.has_damage = true;
            printer.line("bad", vec![("reason", error.to_string().into())])?;
            Ok(())
        }
        other => other,
    }
}

const OFFSET_CHECKPOINTS: [&str; 4] =
    [layout::RECOVERY_POINTS, layout::LOG_START_OFFSETS, layout::HIGH_WATERMARKS, layout::CLEANER_OFFSETS];

fn of_segment(printer: &mut Printer<impl Write>, path: &Path, file: FileName) -> Result<(), DumpError> {
    let rest_bytes = match file.kind {
        FileKind::OffsetIndex => {
            let index = inspect::offset_index(path, file.offset)?;
            let (entries, padding) = without_padding(&index.entries, |entry| entry.position == 0);
            for entry in entries {
                printer.line(
                    "entry",
                    vec![("offset", entry.offset.into()), ("position", entry.position.into())],
                )?;
            }
            say_padding(printer, padding)?;
            index.rest_bytes
        }
        FileKind::TimeIndex => {
            let index = inspect::time_index(path, file.offset)?;
            let (entries, padding) = without_padding(&index.entries, |entry| entry.timestamp == 0);
            for entry in entries {
                printer.line(
                    "entry",
                    vec![("timestamp", entry.timestamp.into()), ("offset", entry.offset.into())],
                )?;
            }
            say_padding(printer, padding)?;
            index.rest_bytes
        }
        FileKind::TransactionIndex => aborted(printer, path)?,
        FileKind::ProducerSnapshot | FileKind::Log => {
            producers(printer, path)?;
            0
        }
    };
    if rest_bytes > 0 {
        printer.has_damage = true;
        printer
            .line("bad", vec![("reason", format!("{rest_bytes} bytes at the end are no entry").into())])?;
    }
    Ok(())
}

/// The entries before the zeros at the end, and how many zeros: Apache Kafka fills a mapped index up with them, and cuts
/// them off when it stops cleanly.
fn without_padding<T>(entries: &[T], is_zero: impl Fn(&T) -> bool) -> (&[T], usize) {
    let padding = entries.iter().rev().take_while(|entry| is_zero(entry)).count();
    // A single one may be a real time index entry of timestamp 0.
    let padding = if padding == 1 { 0 } else { padding };
    (&entries[..entries.len() - padding], padding)
}

fn say_padding(printer: &mut Printer<impl Write>, entries: usize) -> std::io::Result<()> {
    if entries == 0 { Ok(()) } else { printer.line("padding", vec![("entries", entries.into())]) }
}

fn aborted(printer: &mut Printer<impl Write>, path: &Path) -> Result<usize, DumpError> {
    let index = inspect::transaction_index(path)?;
    for entry in index.entries {
        let Some(entry) = entry else {
            printer.has_damage = true;
            printer.line("bad", vec![("reason", "an entry of a version that is not known".into())])?;
            continue;
        };
        let values = vec![
            ("producer_id", entry.producer_id.into()),
            ("first_offset", entry.first_offset.into()),
            ("last_offset", entry.last_offset.into()),
            ("last_stable_offset", entry.last_stable_offset.into()),
        ];
        printer.line("aborted", values)?;
    }
    Ok(index.rest_bytes)
}

fn producers(printer: &mut Printer<impl Write>, path: &Path) -> Result<(), DumpError> {
    for producer in inspect::producer_snapshot(path)? {
        let values = vec![
            ("producer_id", producer.producer_id.into()),
            ("producer_epoch", producer.producer_epoch.into()),
            ("last_sequence", producer.last_sequence.into()),
            ("last_offset", producer.last_offset.into()),
            ("offset_delta", producer.offset_delta.into()),
            ("timestamp", producer.timestamp_ms.into()),
            ("coordinator_epoch", producer.coordinator_epoch.into()),
            ("transaction_first_offset", producer.transaction_first_offset.map_or(Value::Null, Value::from)),
        ];
        printer.line("producer", values)?;
    }
    Ok(())
}

fn leader_epochs(printer: &mut Printer<impl Write>, path: &Path) -> Result<(), DumpError> {
    for entry in inspect::leader_epochs(path)? {
        printer.line(
            "epoch",
            vec![("epoch", entry.epoch.into()), ("start_offset", entry.start_offset.into())],
        )?;
    }
    Ok(())
}

fn offsets(printer: &mut Printer<impl Write>, path: &Path) -> Result<(), DumpError> {
    for ((topic, partition), offset) in read_offsets(path)? {
        let values =
            vec![("topic", topic.into()), ("partition", partition.into()), ("offset", offset.into())];
        printer.line("offset", values)?;
    }
    Ok(())
}

/// `meta.properties`, `partition.metadata`, `quorum-state` and the like: as they are.
fn text(printer: &mut Printer<impl Write>, path: &Path) -> Result<(), DumpError> {
    let text = inspect::text(path)?.ok_or_else(|| StorageError::Io {
        action: "read",
        path: path.to_path_buf(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    for line in text.lines() {
        printer.line("line", vec![("text", line.into())])?;
    }
    Ok(())
}
