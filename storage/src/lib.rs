//! A partition's log on disk in Kafka's own layout. Never the network.

mod atomic_file;
mod batch_scan;
pub mod check;
pub mod checkpoint;
pub mod clean_shutdown;
mod cleaner;
pub mod config;
mod error;
mod index_file;
pub mod inspect;
pub mod journal;
pub mod layout;
pub mod leader_epochs;
mod log;
pub mod log_dir;
pub mod meta_properties;
mod metadata_damage;
pub mod metadata_log;
mod offset_index;
mod open_files;
pub mod partition_metadata;
mod producer_snapshots;
mod recent_batches;
mod recovery;
mod segment;
mod side_by_side;
mod sync_queue;
#[cfg(test)]
mod test_dir;
mod time_index;
mod transaction_index;

pub use atomic_file::replace_file;
pub use cleaner::{CleanFailure, CleanStats, Cleanable, Cleaner, CleanerConfig};
pub use config::LogConfig;
pub use error::{Result, StorageError};
pub use leader_epochs::{EpochStart, LeaderEpochs};
pub use log::{
    AppendInfo, ColdRange, Flush, Flushed, FoundOffset, Journalled, Log, Read, TimestampSearch, unlink_paced,
};
pub use log_dir::LogDir;
pub use meta_properties::MetaProperties;
pub use metadata_log::{MetadataDir, SnapshotId};
pub use open_files::OpenFiles;
pub use recovery::{RecoveryInputs, RecoveryProgress, RecoveryReport};
pub use side_by_side::side_by_side;
pub use transaction_index::AbortedTransaction;
