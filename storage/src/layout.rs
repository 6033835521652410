//! Names of the files and directories in a log directory, as Kafka spells them.

use std::path::{Path, PathBuf};

use jackdaw_core::uuid::Uuid;

/// Longest name of a directory entry.
const NAME_MAX_BYTES: usize = 255;
/// The only directory in a log directory that is not a partition's.
const REMOTE_INDEX_CACHE: &str = "remote-log-index-cache";

/// The topic of the metadata log, whose directory the ordinary loader skips.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
pub const META_PROPERTIES: &str = "meta.properties";
pub const LOCK: &str = ".lock";
pub const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
pub const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
pub const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// Of our own: the commit journal of a shard, whose number follows. Kafka looks at directories only.
pub(crate) const JOURNAL_PREFIX: &str = "jackdaw-journal-";
pub const PARTITION_METADATA: &str = "partition.metadata";

/// What a file of a partition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum FileKind {
    Log,
    OffsetIndex,
    TimeIndex,
    TransactionIndex,
    ProducerSnapshot,
}

impl FileKind {
    const ALL: [Self; 5] =
        [Self::Log, Self::OffsetIndex, Self::TimeIndex, Self::TransactionIndex, Self::ProducerSnapshot];

    /// Those that a segment has.
    pub(crate) const OF_SEGMENT: [Self; 4] =
        [Self::Log, Self::OffsetIndex, Self::TimeIndex, Self::TransactionIndex];

    /// The part of the name after the offset.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Log => ".log",
            Self::OffsetIndex => ".index",
            Self::TimeIndex => ".timeindex",
            Self::TransactionIndex => ".txnindex",
            Self::ProducerSnapshot => ".snapshot",
        }
    }

    /// The file of this kind for `offset`: a segment's base offset, or the offset a snapshot stands before.
    pub fn path(self, dir: &Path, offset: i64) -> PathBuf {
        dir.join(format!("{offset:020}{}", self.suffix()))
    }
}

/// How far a file is on its way in or out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileState {
    Live,
    /// Waits to be removed.
    Deleted,
    /// Half written by compaction.
    Cleaned,
    /// Complete, about to replace what it was compacted from.
    Swap,
}

impl FileState {
    /// The part of the name after the kind's.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Deleted => ".deleted",
            Self::Cleaned => ".cleaned",
            Self::Swap => ".swap",
        }
    }
}

/// A parsed name of a segment's file or a producer snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileName {
    pub offset: i64,
    pub kind: FileKind,
    pub state: FileState,
}

impl FileName {
    /// The parts of `name`, or `None` where it is another file.
    pub fn parse(name: &str) -> Option<Self> {
        let mut state = FileState::Live;
        let mut rest = name;
        for candidate in [FileState::Deleted, FileState::Cleaned, FileState::Swap] {
            if let Some(stripped) = name.strip_suffix(candidate.suffix()) {
                (state, rest) = (candidate, stripped);
            }
        }
        for kind in FileKind::ALL {
            if let Some(digits) = rest.strip_suffix(kind.suffix()) {
                return Some(Self { offset: parse_offset(digits)?, kind, state });
            }
        }
        None
    }

    /// Where this file is in `dir`.
    pub fn path(self, dir: &Path) -> PathBuf {
        with_suffix(&self.kind.path(dir, self.offset), self.state.suffix())
    }
}

/// `path` with more at the end of its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn parse_offset(digits: &str) -> Option<i64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

/// What a partition's directory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartitionDirState {
    Current,
    /// A replica on its way from another log directory.
    Future,
    /// Waits to be removed.
    Deleted,
    /// Not ours according to the metadata; left for the operator.
    Stray,
}

impl PartitionDirState {
    fn suffix(self) -> &'static str {
        match self {
            Self::Current => "",
            Self::Future => "-future",
            Self::Deleted => "-delete",
            Self::Stray => "-stray",
        }
    }
}

/// A parsed name of a partition's directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionDirName {
    /// Possibly cut short where the directory is deleted or stray.
    pub topic: String,
    pub partition: i32,
    pub state: PartitionDirState,
}

/// A directory that Kafka, too, would not start with.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "directory {0:?} is not a partition's: only <topic>-<partition> may stand in a log directory; move it elsewhere"
)]
pub struct UnknownDirectory(pub String);

impl PartitionDirName {
    /// The parts of a directory's name; `None` for a directory that is left alone.
    pub fn parse(name: &str) -> Result<Option<Self>, UnknownDirectory> {
        if name == REMOTE_INDEX_CACHE {
            return Ok(None);
        }
        let unknown = || UnknownDirectory(name.to_owned());
        let mut state = PartitionDirState::Current;
        let mut rest = name;
        for candidate in [PartitionDirState::Future, PartitionDirState::Deleted, PartitionDirState::Stray] {
            if let Some(stripped) = name.strip_suffix(candidate.suffix())
                && let Some((partition, unique)) = stripped.rsplit_once('.')
                && !unique.is_empty()
            {
                (state, rest) = (candidate, partition);
            }
        }
        let (topic, partition) = rest.rsplit_once('-').ok_or_else(unknown)?;
        let partition = parse_offset(partition).and_then(|number| i32::try_from(number).ok());
        match partition {
            Some(partition) if !topic.is_empty() => {
                Ok(Some(Self { topic: topic.to_owned(), partition, state }))
            }
            _ => Err(unknown()),
        }
    }

    /// Whether it is the metadata log's.
    pub fn is_metadata(&self) -> bool {
        self.topic == METADATA_TOPIC
    }
}

/// The directory name of a partition in use.
pub fn partition_dir_name(topic: &str, partition: i32) -> String {
    format!("{topic}-{partition}")
}

/// The directory name of a partition in another state; `unique` keeps names of several apart.
pub fn partition_dir_name_in(state: PartitionDirState, topic: &str, partition: i32, unique: Uuid) -> String {
    if state == PartitionDirState::Current {
        return partition_dir_name(topic, partition);
    }
    let tail = format!("-{partition}.{:032x}{}", u128::from_be_bytes(unique.0), state.suffix());
    let room = match state {
        PartitionDirState::Future => topic.len(),
        _ => NAME_MAX_BYTES - tail.len(),
    };
    // Topic names are ASCII, so every byte is a place to cut.
    format!("{}{tail}", topic.get(..room).unwrap_or(topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_parse_and_print() {
        let dir = Path::new("/d");
        for (text, offset, kind, state) in [
            ("00000000000000000000.log", 0, FileKind::Log, FileState::Live),
            ("00000000000000012345.index", 12345, FileKind::OffsetIndex, FileState::Live),
            ("00000000000000000007.timeindex.deleted", 7, FileKind::TimeIndex, FileState::Deleted),
            ("00000000000000000007.txnindex.swap", 7, FileKind::TransactionIndex, FileState::Swap),
            (
                "09223372036854775807.snapshot.cleaned",
                i64::MAX,
                FileKind::ProducerSnapshot,
                FileState::Cleaned,
            ),
        ] {
            let name = FileName { offset, kind, state };
            assert_eq!(FileName::parse(text), Some(name), "{text}");
            assert_eq!(name.path(dir), dir.join(text));
        }
        for other in
            ["leader-epoch-checkpoint", "x.log", ".log", "-1.log", "99999999999999999999.log", "0.logs"]
        {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn directory_names_parse() {
        let unique = "0123456789abcdef0123456789abcdef";
        for (text, topic, partition, state) in [
            ("t-0".to_owned(), "t", 0, PartitionDirState::Current),
            ("a-b.c-12".to_owned(), "a-b.c", 12, PartitionDirState::Current),
            ("odd-delete-3".to_owned(), "odd-delete", 3, PartitionDirState::Current),
            (format!("t.x-1.{unique}-delete"), "t.x", 1, PartitionDirState::Deleted),
            (format!("t-1.{unique}-stray"), "t", 1, PartitionDirState::Stray),
            (format!("t-1.{unique}-future"), "t", 1, PartitionDirState::Future),
        ] {
            let parsed = PartitionDirName::parse(&text).unwrap().unwrap();
            assert_eq!(parsed, PartitionDirName { topic: topic.to_owned(), partition, state }, "{text}");
        }
        assert_eq!(PartitionDirName::parse("remote-log-index-cache"), Ok(None));
        for other in ["lost+found", "t-", "-1", "t-x", "t-1-delete", "t--1x"] {
            assert!(PartitionDirName::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn long_topics_are_cut_where_kafka_cuts() {
        let topic = "x".repeat(249);
        let unique = Uuid([0xab; 16]);
        let deleted = partition_dir_name_in(PartitionDirState::Deleted, &topic, 10, unique);
        assert_eq!(deleted.len(), NAME_MAX_BYTES);
        assert!(deleted.ends_with("-10.abababababababababababababababab-delete"));
        let future = partition_dir_name_in(PartitionDirState::Future, &topic, 10, unique);
        assert_eq!(PartitionDirName::parse(&future).unwrap().unwrap().topic, topic);
    }
}
