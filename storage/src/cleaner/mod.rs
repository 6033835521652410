//! Compaction of a log on disk, as Kafka's cleaner does it: the keys of the dirty part are collected, all segments up to
//! its end are written again without what is superseded, and the new ones take the place of the old.
//!
//! The rule what stays is in `core/src/records/compaction`. Here are the files, such that a crash at any point leaves
//! the old segments or the new one:
//!
//! 1. a group of segments is written to one, `.cleaned`, and flushed, names included;
//! 2. its files are renamed to `.swap` and it takes the place of the group in memory; the names are flushed;
//! 3. the old files are renamed to `.deleted`; the names are flushed;
//! 4. the new log gets its last name, then, flushed apart, its indexes do.
//!
//! What a start makes of it stands in `recovery/leftovers.rs`. Only what was flushed is compacted, with the markers of its
//! transactions, so that a crash never takes what an older record gave way to.

mod cleanable;
mod output;
mod pace;
mod round;
mod segment_groups;
mod swap;

use self::pace::Pace;
pub use self::{
    cleanable::Cleanable,
    round::{CleanFailure, CleanStats, Cleaner, CleanerConfig},
};

#[cfg(test)]
mod tests;
