//! The `quorum-state` file: epoch, leader and vote, in Kafka's one line of JSON.

use jackdaw_core::uuid::Uuid;
use serde_json::Value;

use crate::membership::{NodeId, ReplicaKey};

/// What a replica must remember so that it never votes twice in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct QuorumState {
    pub leader_epoch: i32,
    pub leader_id: Option<NodeId>,
    pub voted: Option<ReplicaKey>,
    /// `Some` in a static quorum (file version 0): the voters' ids.
    pub static_voters: Option<Vec<NodeId>>,
}

/// The file cannot be used. Losing it may let this replica vote twice, so it is never replaced silently.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QuorumStateError {
    #[error(
        "quorum-state is not JSON ({0}); restore the file, or remove this node from the quorum and add it anew"
    )]
    NotJson(String),
    #[error(
        "quorum-state has no usable field {0}; restore the file, or remove this node from the quorum and add it anew"
    )]
    Field(&'static str),
    #[error("quorum-state has version {0}; versions 0 and 1 are known: a newer release wrote it")]
    Version(i64),
}

impl QuorumState {
    /// The file's bytes, as Kafka writes them: no newline at the end.
    pub fn to_json(&self) -> String {
        let leader_id = self.leader_id.unwrap_or(-1);
        let leader_epoch = self.leader_epoch;
        let voted_id = self.voted.map_or(-1, |key| key.id);
        match &self.static_voters {
            Some(voters) => {
                let voters: Vec<String> = voters.iter().map(|id| format!(r#"{{"voterId":{id}}}"#)).collect();
                format!(
                    r#"{{"clusterId":"","leaderId":{leader_id},"leaderEpoch":{leader_epoch},"votedId":{voted_id},"appliedOffset":0,"currentVoters":[{}],"data_version":0}}"#,
                    voters.join(",")
                )
            }
            None => {
                let directory_id = self.voted.map_or(Uuid::ZERO, |key| key.directory_id);
                format!(
                    r#"{{"leaderId":{leader_id},"leaderEpoch":{leader_epoch},"votedId":{voted_id},"votedDirectoryId":"{directory_id}","data_version":1}}"#
                )
            }
        }
    }

    /// Reads either version of the file.
    pub fn from_json(text: &[u8]) -> Result<Self, QuorumStateError> {
        let value: Value =
            serde_json::from_slice(text).map_err(|error| QuorumStateError::NotJson(error.to_string()))?;
        let version = int(&value, "data_version").ok_or(QuorumStateError::Field("data_version"))?;
        if !(0..=1).contains(&version) {
            return Err(QuorumStateError::Version(version));
        }
        let directory_id = match value.get("votedDirectoryId").and_then(Value::as_str) {
            Some(text) => text.parse().map_err(|_| QuorumStateError::Field("votedDirectoryId"))?,
            None => Uuid::ZERO,
        };
        let voted_id = node(&value, "votedId")?;
        Ok(Self {
            leader_epoch: node(&value, "leaderEpoch")?.ok_or(QuorumStateError::Field("leaderEpoch"))?,
            leader_id: node(&value, "leaderId")?,
            voted: voted_id.map(|id| ReplicaKey { id, directory_id }),
            static_voters: (version == 0).then(|| static_voters(&value)).transpose()?,
        })
    }
}

fn int(value: &Value, field: &'static str) -> Option<i64> {
    value.get(field).and_then(Value::as_i64)
}

/// A number that is not negative, `None` for -1.
fn node(value: &Value, field: &'static str) -> Result<Option<i32>, QuorumStateError> {
    let number = int(value, field).ok_or(QuorumStateError::Field(field))?;
    if number == -1 {
        return Ok(None);
    }
    i32::try_from(number).ok().filter(|number| *number >= 0).map(Some).ok_or(QuorumStateError::Field(field))
}

fn static_voters(value: &Value) -> Result<Vec<NodeId>, QuorumStateError> {
    let Some(Value::Array(voters)) = value.get("currentVoters") else { return Ok(Vec::new()) };
    voters.iter().map(|voter| node(voter, "voterId")?.ok_or(QuorumStateError::Field("voterId"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_kafka_writes() {
        let state =
            QuorumState { leader_epoch: 1, leader_id: Some(1), voted: None, static_voters: Some(vec![1]) };
        let text = r#"{"clusterId":"","leaderId":1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        assert_eq!(state.to_json(), text);
        assert_eq!(QuorumState::from_json(text.as_bytes()), Ok(state));

        let state = QuorumState {
            leader_epoch: 7,
            leader_id: None,
            voted: Some(ReplicaKey { id: 3, directory_id: Uuid::METADATA_TOPIC }),
            static_voters: None,
        };
        let text = r#"{"leaderId":-1,"leaderEpoch":7,"votedId":3,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAQ","data_version":1}"#;
        assert_eq!(state.to_json(), text);
        assert_eq!(QuorumState::from_json(text.as_bytes()), Ok(state));
    }

    #[test]
    fn refuses_what_it_cannot_trust() {
        assert_eq!(QuorumState::from_json(b"{}"), Err(QuorumStateError::Field("data_version")));
        assert_eq!(QuorumState::from_json(br#"{"data_version":2}"#), Err(QuorumStateError::Version(2)));
        assert!(matches!(QuorumState::from_json(b""), Err(QuorumStateError::NotJson(_))));
        let negative = br#"{"leaderId":-2,"leaderEpoch":1,"votedId":-1,"data_version":1}"#;
        assert_eq!(QuorumState::from_json(negative), Err(QuorumStateError::Field("leaderId")));
    }
}
