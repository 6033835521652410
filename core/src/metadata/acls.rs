//! Access control entries by id, as the records state them.

use std::collections::BTreeMap;

use super::ReplayError;
use crate::{protocol::records::metadata::AccessControlEntryRecord, uuid::Uuid};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acls {
    entries: BTreeMap<Uuid, AccessControlEntryRecord>,
}

impl Acls {
    pub fn iter(&self) -> impl Iterator<Item = &AccessControlEntryRecord> {
        self.entries.values()
    }

    pub(super) fn add(&mut self, record: &AccessControlEntryRecord) {
        self.entries.insert(record.id, record.clone());
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Result<(), ReplayError> {
        let removed = self.entries.remove(&id);
        removed.map(|_| ()).ok_or(ReplayError::NothingToRemove("RemoveAccessControlEntryRecord"))
    }
}
