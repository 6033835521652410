//! SCRAM credentials and delegation tokens, as the records state them.

use std::collections::BTreeMap;

use super::ReplayError;
use crate::protocol::records::metadata::{DelegationTokenRecord, UserScramCredentialRecord};

/// Credentials by mechanism (1 SCRAM-SHA-256, 2 SCRAM-SHA-512) and user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentials {
    entries: BTreeMap<(i8, String), UserScramCredentialRecord>,
}

impl ScramCredentials {
    pub fn of(&self, mechanism: i8, user: &str) -> Option<&UserScramCredentialRecord> {
        self.entries.get(&(mechanism, user.to_owned()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &UserScramCredentialRecord> {
        self.entries.values()
    }

    pub(super) fn set(&mut self, record: &UserScramCredentialRecord) {
        self.entries.insert((record.mechanism, record.name.clone()), record.clone());
    }

    pub(super) fn remove(&mut self, mechanism: i8, user: &str) -> Result<(), ReplayError> {
        let removed = self.entries.remove(&(mechanism, user.to_owned()));
        removed.map(|_| ()).ok_or(ReplayError::NothingToRemove("RemoveUserScramCredentialRecord"))
    }
}

/// Tokens by id; their secret is derived, never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationTokens {
    entries: BTreeMap<String, DelegationTokenRecord>,
}

impl DelegationTokens {
    pub fn of(&self, token_id: &str) -> Option<&DelegationTokenRecord> {
        self.entries.get(token_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &DelegationTokenRecord> {
        self.entries.values()
    }

    pub(super) fn set(&mut self, record: &DelegationTokenRecord) {
        self.entries.insert(record.token_id.clone(), record.clone());
    }

    pub(super) fn remove(&mut self, token_id: &str) -> Result<(), ReplayError> {
        let removed = self.entries.remove(token_id);
        removed.map(|_| ()).ok_or(ReplayError::NothingToRemove("RemoveDelegationTokenRecord"))
    }
}
