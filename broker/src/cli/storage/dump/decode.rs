//! Which records Kafka's own topics hold, and what they say.

use std::{fmt::Debug, path::Path};

use bytes::Bytes;
use jackdaw_core::{
    protocol::{
        DecodeError, Message,
        records::{
            GroupKey, GroupValue, MetadataRecord, ShareKey, ShareValue, TransactionKey, TransactionValue,
            control::{
                EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord,
                SnapshotHeaderRecord, VotersRecord,
            },
        },
    },
    records::ControlType,
};
use jackdaw_storage::layout::PartitionDirName;
use serde_json::Value;

use super::debug_json::to_json;

/// A family of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Metadata,
    Offsets,
    Transactions,
    ShareState,
}

impl Decoder {
    /// That of the file's topic, by its directory's name; a metadata snapshot's by its own.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path.extension().is_some_and(|extension| extension == "checkpoint") {
            return Some(Self::Metadata);
        }
        // Also of a file that is named from within its directory.
        let whole = std::path::absolute(path).ok()?;
        let dir = whole.parent()?.file_name()?.to_str()?;
        match PartitionDirName::parse(dir).ok()??.topic.as_str() {
            "__cluster_metadata" => Some(Self::Metadata),
            "__consumer_offsets" => Some(Self::Offsets),
            "__transaction_state" => Some(Self::Transactions),
            "__share_group_state" => Some(Self::ShareState),
            _ => None,
        }
    }

    /// Key and value of a record, decoded; null where the record has none.
    pub(super) fn decode(
        self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        is_json: bool,
    ) -> Result<(Value, Value), DecodeError> {
        let show = Show { is_json };
        let (key, value) = (key.map(Bytes::copy_from_slice), value.map(Bytes::copy_from_slice));
        if self == Self::Metadata {
            let record = value.map(|value| MetadataRecord::decode_framed(&value)).transpose()?;
            return Ok((Value::Null, record.map_or(Value::Null, |(record, _)| show.value(&record))));
        }
        let Some(key) = key else { return Ok((Value::Null, Value::Null)) };
        Ok(match self {
            Self::Metadata | Self::Offsets => {
                let key = GroupKey::decode(&key)?;
                let value = value.map(|value| GroupValue::decode(key.code(), &value)).transpose()?;
                (show.value(&key), show.option(value))
            }
            Self::Transactions => {
                let key = TransactionKey::decode(&key)?;
                let value = value.map(|value| TransactionValue::decode(key.code(), &value)).transpose()?;
                (show.value(&key), show.option(value))
            }
            Self::ShareState => {
                let key = ShareKey::decode(&key)?;
                let value = value.map(|value| ShareValue::decode(key.code(), &value)).transpose()?;
                (show.value(&key), show.option(value))
            }
        })
    }
}

/// What a control record says.
pub(super) fn control(control_type: ControlType, value: &[u8], is_json: bool) -> Result<Value, DecodeError> {
    let value = Bytes::copy_from_slice(value);
    let show = Show { is_json };
    Ok(match control_type {
        ControlType::Abort | ControlType::Commit => show.value(&EndTxnMarker::from_prefixed_bytes(&value)?),
        ControlType::LeaderChange => {
            // Its own version stands first in it, and is a field of it.
            let version = value.first_chunk::<2>().map_or(0, |bytes| i16::from_be_bytes(*bytes));
            show.value(&LeaderChangeMessage::from_bytes(&value, version)?)
        }
        ControlType::SnapshotHeader => show.value(&SnapshotHeaderRecord::from_bytes(&value, 0)?),
        ControlType::SnapshotFooter => show.value(&SnapshotFooterRecord::from_bytes(&value, 0)?),
        ControlType::KRaftVersion => show.value(&KRaftVersionRecord::from_bytes(&value, 0)?),
        ControlType::KRaftVoters => show.value(&VotersRecord::from_bytes(&value, 0)?),
    })
}

/// How decoded records are shown.
struct Show {
    is_json: bool,
}

impl Show {
    fn value(&self, record: &impl Debug) -> Value {
        if self.is_json { to_json(record) } else { Value::String(format!("{record:?}")) }
    }

    fn option(&self, record: Option<impl Debug>) -> Value {
        record.map_or(Value::Null, |record| self.value(&record))
    }
}
