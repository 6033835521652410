//! Configuration that was set at run time, by resource.

use std::collections::BTreeMap;

use super::ReplayError;
use crate::protocol::records::metadata::ConfigRecord;

/// What a configuration belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum ResourceType {
    Topic = 2,
    /// With an empty name: every broker of the cluster.
    Broker = 4,
    ClientMetrics = 16,
    Group = 32,
}

impl ResourceType {
    pub fn new(code: i8) -> Option<Self> {
        match code {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }
}

/// A resource by type and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigResource {
    pub kind: ResourceType,
    pub name: String,
}

/// Every resource that has a value of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configs {
    resources: BTreeMap<ConfigResource, BTreeMap<String, String>>,
}

impl Configs {
    /// `None` where the resource sets nothing.
    pub fn of(&self, kind: ResourceType, name: &str) -> Option<&BTreeMap<String, String>> {
        self.resources.get(&ConfigResource { kind, name: name.to_owned() })
    }

    pub fn of_topic(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.of(ResourceType::Topic, name)
    }

    /// The values that hold for every broker.
    pub fn of_all_brokers(&self) -> Option<&BTreeMap<String, String>> {
        self.of(ResourceType::Broker, "")
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &BTreeMap<String, String>)> {
        self.resources.iter()
    }

    pub(super) fn replay(&mut self, record: &ConfigRecord) -> Result<(), ReplayError> {
        let kind = ResourceType::new(record.resource_type)
            .ok_or(ReplayError::UnknownResourceType(record.resource_type))?;
        let resource = ConfigResource { kind, name: record.resource_name.clone() };
        match &record.value {
            Some(value) => {
                self.resources.entry(resource).or_default().insert(record.name.clone(), value.clone());
            }
            None => {
                if let Some(values) = self.resources.get_mut(&resource) {
                    values.remove(&record.name);
                    if values.is_empty() {
                        self.resources.remove(&resource);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn remove_topic(&mut self, name: String) {
        self.resources.remove(&ConfigResource { kind: ResourceType::Topic, name });
    }
}
