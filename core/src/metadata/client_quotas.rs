//! Quotas of clients: by user, client id and address.

use std::collections::BTreeMap;

use crate::protocol::records::metadata::{ClientQuotaRecord, EntityData};

/// Entity types with names, `None` being the default of that type.
pub type QuotaEntity = BTreeMap<String, Option<String>>;

/// Every entity that has a quota.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotas {
    entities: BTreeMap<QuotaEntity, BTreeMap<String, f64>>,
}

impl ClientQuotas {
    pub fn of(&self, entity: &QuotaEntity) -> Option<&BTreeMap<String, f64>> {
        self.entities.get(entity)
    }

    /// Whether nobody has a quota.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&QuotaEntity, &BTreeMap<String, f64>)> {
        self.entities.iter()
    }

    pub(crate) fn replay(&mut self, record: &ClientQuotaRecord) {
        let name = |part: &EntityData| (part.entity_type.clone(), part.entity_name.clone());
        let entity: QuotaEntity = record.entity.iter().map(name).collect();
        if !record.remove {
            self.entities.entry(entity).or_default().insert(record.key.clone(), record.value);
        } else if let Some(quotas) = self.entities.get_mut(&entity) {
            quotas.remove(&record.key);
            if quotas.is_empty() {
                self.entities.remove(&entity);
            }
        }
    }

    pub(super) fn to_records(&self) -> impl Iterator<Item = ClientQuotaRecord> {
        self.entities.iter().flat_map(|(entity, quotas)| {
            quotas.iter().map(move |(key, value)| ClientQuotaRecord {
                entity: entity
                    .iter()
                    .map(|(kind, name)| EntityData { entity_type: kind.clone(), entity_name: name.clone() })
                    .collect(),
                key: key.clone(),
                value: *value,
                remove: false,
            })
        })
    }
}
