//! Which version of each record a `metadata.version` allows to be written.

use super::ReplayError;
use crate::protocol::{EncodeError, records::MetadataRecord};

/// A record with the version in which it is written: never above what the finalized `metadata.version` knows, for
/// an older node stops at a version it cannot read.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedRecord {
    pub record: MetadataRecord,
    pub version: i16,
}

impl VersionedRecord {
    pub fn new(record: impl Into<MetadataRecord>, version: i16) -> Self {
        Self { record: record.into(), version }
    }

    /// The record's value as it stands in the log.
    pub fn encode_framed(&self) -> Result<bytes::Bytes, EncodeError> {
        self.record.encode_framed(self.version)
    }
}

/// The finalized level of `metadata.version`: 7 (3.3-IV3) to 33 (4.4-IV2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataVersion(i16);

impl MetadataVersion {
    pub const MIN: Self = Self(7);
    pub const MAX: Self = Self(33);

    pub fn new(level: i16) -> Result<Self, ReplayError> {
        let version = Self(level);
        let known = (Self::MIN..=Self::MAX).contains(&version);
        known.then_some(version).ok_or(ReplayError::MetadataVersion(level))
    }

    pub const fn level(self) -> i16 {
        self.0
    }

    /// 3.6-IV1: Begin, End and AbortTransaction records.
    pub fn has_transactions(self) -> bool {
        self.0 >= 13
    }

    /// 3.7-IV0: RegisterController records.
    pub fn has_controller_registration(self) -> bool {
        self.0 >= 15
    }

    /// 3.7-IV2: directories in registrations and partitions.
    pub fn has_directories(self) -> bool {
        self.0 >= 17
    }

    /// 4.0-IV1: ELR fields.
    pub fn has_eligible_leader_replicas(self) -> bool {
        self.0 >= 23
    }

    /// 4.3-IV0: cordoned directories.
    pub fn has_cordoned_directories(self) -> bool {
        self.0 >= 30
    }

    pub fn register_broker_version(self) -> i16 {
        match self.0 {
            30.. => 4,
            17.. => 3,
            8.. => 2,
            _ => 1,
        }
    }

    pub fn partition_version(self) -> i16 {
        match self.0 {
            23.. => 2,
            17.. => 1,
            _ => 0,
        }
    }

    pub fn partition_change_version(self) -> i16 {
        self.partition_version()
    }
}

/// A log without a level has that of the oldest release that could have written it.
impl Default for MetadataVersion {
    fn default() -> Self {
        Self::MIN
    }
}
