//! Quotas of users, client ids and addresses: whom they bind, and the requests about them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasRequestEntityData, AlterClientQuotasRequestEntryData, OpData,
};
use jackdaw_core::protocol::messages::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};

use super::Client;
use super::error::ClientError;

/// What a person calls the types, and what Kafka calls them.
const TYPES: [(&str, &str); 3] = [("user", "user"), ("client", "client-id"), ("ip", "ip")];

const DEFAULT: &str = "default";

const EXACT: i8 = 0;
const MATCH_DEFAULT: i8 = 1;

/// Whom a quota binds: Kafka's types with names, `None` for whoever has no quota of his own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QuotaEntity(BTreeMap<String, Option<String>>);

/// The text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write user=NAME, client=NAME, user=NAME,client=NAME or ip=ADDRESS; `user=` alone is every user without his own"
)]
pub(crate) struct InvalidEntity;

impl FromStr for QuotaEntity {
    type Err = InvalidEntity;

    fn from_str(text: &str) -> Result<Self, InvalidEntity> {
        let mut parts = BTreeMap::new();
        for part in text.split(',') {
            let (kind, name) = part.split_once('=').ok_or(InvalidEntity)?;
            let (_, kind) =
                TYPES.iter().find(|(short, kafka)| kind == *short || kind == *kafka).ok_or(InvalidEntity)?;
            let name = (!name.is_empty()).then(|| name.to_owned());
            if parts.insert((*kind).to_owned(), name).is_some() {
                return Err(InvalidEntity);
            }
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for QuotaEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Users before clients, as they are read.
        let parts = TYPES.iter().filter_map(|(short, kafka)| Some((short, self.0.get(*kafka)?)));
        for (index, (short, name)) in parts.enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match name {
                Some(name) => write!(f, "{comma}{short}={name}")?,
                None => write!(f, "{comma}{short}=<{DEFAULT}>")?,
            }
        }
        Ok(())
    }
}

impl QuotaEntity {
    /// Kafka's types with names.
    pub(crate) fn parts(&self) -> &BTreeMap<String, Option<String>> {
        &self.0
    }
}

/// Quotas of one entity by their keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quotas {
    pub(crate) entity: QuotaEntity,
    pub(crate) values: BTreeMap<String, f64>,
}

impl Client {
    /// The quotas of one entity, or of all, by entity.
    ///
    /// # Errors
    /// The broker cannot be asked.
    pub(crate) fn describe_quotas(&mut self, of: Option<&QuotaEntity>) -> Result<Vec<Quotas>, ClientError> {
        let component = |(kind, name): (&String, &Option<String>)| ComponentData {
            entity_type: kind.clone(),
            match_type: if name.is_some() { EXACT } else { MATCH_DEFAULT },
            r#match: name.clone(),
        };
        let components = of.map(|of| of.0.iter().map(component).collect()).unwrap_or_default();
        let strict = of.is_some();
        let answer = self.call_any(|_| DescribeClientQuotasRequest { components, strict })?;
        if answer.error_code != 0 {
            return Err(ClientError::broker(
                "cannot describe quotas",
                answer.error_code,
                answer.error_message,
            ));
        }
        let mut found: Vec<Quotas> = answer
            .entries
            .unwrap_or_default()
            .into_iter()
            .map(|entry| Quotas {
                entity: QuotaEntity(
                    entry.entity.into_iter().map(|part| (part.entity_type, part.entity_name)).collect(),
                ),
                values: entry.values.into_iter().map(|value| (value.key, value.value)).collect(),
            })
            .collect();
        found.sort_by(|one, other| one.entity.cmp(&other.entity));
        Ok(found)
    }

    /// Sets quotas of one entity, and takes away those without a value: all, or none.
    ///
    /// # Errors
    /// A key that there is not, a value that is none.
    pub(crate) fn alter_quotas(
        &mut self,
        entity: &QuotaEntity,
        changes: &[(String, Option<f64>)],
        validate_only: bool,
    ) -> Result<(), ClientError> {
        let part = |(kind, name): (&String, &Option<String>)| AlterClientQuotasRequestEntityData {
            entity_type: kind.clone(),
            entity_name: name.clone(),
        };
        let op = |(key, value): &(String, Option<f64>)| OpData {
            key: key.clone(),
            value: value.unwrap_or(0.0),
            remove: value.is_none(),
        };
        let entry = AlterClientQuotasRequestEntryData {
            entity: entity.0.iter().map(part).collect(),
            ops: changes.iter().map(op).collect(),
        };
        let answer = self.call_any(|_| AlterClientQuotasRequest { entries: vec![entry], validate_only })?;
        match answer.entries.into_iter().next() {
            Some(entry) if entry.error_code != 0 => Err(ClientError::Quotas {
                entity: entity.to_string(),
                code: ErrorCode::from_i16(entry.error_code),
                message: entry.error_message,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_read_and_written() {
        let cases = [
            ("user=ann", "user=ann"),
            ("client=billing", "client=billing"),
            ("client-id=billing,user=ann", "user=ann,client=billing"),
            ("user=,client=", "user=<default>,client=<default>"),
            ("ip=10.0.0.1", "ip=10.0.0.1"),
            ("client=a=b", "client=a=b"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<QuotaEntity>().unwrap().to_string(), shown);
        }
        for text in ["", "ann", "group=g", "user=a,user=b", "user=a,"] {
            assert_eq!(text.parse::<QuotaEntity>(), Err(InvalidEntity), "{text}");
        }
    }
}
