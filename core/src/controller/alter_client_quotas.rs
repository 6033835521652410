//! AlterClientQuotas (49): what users, client ids and addresses may use. Kept and shown; nothing is throttled yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Context, Controller, Outcome,
    config_change::{Refusal, invalid_request},
};
use crate::{
    config::{ConfigKey, Kind, table},
    metadata::{QuotaEntity, VersionedRecord},
    protocol::{
        messages::alter_client_quotas::{
            AlterClientQuotasRequest, AlterClientQuotasRequestEntryData, AlterClientQuotasResponse,
            AlterClientQuotasResponseEntityData, AlterClientQuotasResponseEntryData, OpData,
        },
        records::metadata::{ClientQuotaRecord, EntityData},
    },
};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// How far a whole number may be from what was sent.
const EPSILON: f64 = 1e-6;

impl Controller {
    pub(super) fn alter_client_quotas(
        &self,
        _context: &Context,
        request: &AlterClientQuotasRequest,
    ) -> Outcome<AlterClientQuotasResponse> {
        let mut counts: BTreeMap<QuotaEntity, usize> = BTreeMap::new();
        for entry in &request.entries {
            *counts.entry(entity(entry)).or_default() += 1;
        }
        let mut records = Vec::new();
        let mut told = BTreeSet::new();
        let once = request.entries.iter().map(entity).zip(&request.entries);
        let entries = once.filter(|(entity, _)| told.insert(entity.clone())).map(|(entity, entry)| {
            let altered = match counts.get(&entity) {
                Some(1) => self.alter_quotas(&entity, &entry.ops),
                _ => duplicate(&entity),
            };
            let (error_code, error_message) = match altered {
                Ok(changes) => {
                    if !request.validate_only {
                        records.extend(changes);
                    }
                    (0, None)
                }
                Err((error, text)) => (error.code(), Some(text)),
            };
            let part = |(entity_type, entity_name): (&String, &Option<String>)| {
                AlterClientQuotasResponseEntityData {
                    entity_type: entity_type.clone(),
                    entity_name: entity_name.clone(),
                }
            };
            let entity = entity.iter().map(part).collect();
            AlterClientQuotasResponseEntryData { error_code, error_message, entity }
        });
        let response = AlterClientQuotasResponse { entries: entries.collect(), ..Default::default() };
        Outcome::with(records, response).in_parts()
    }

    fn alter_quotas(&self, entity: &QuotaEntity, ops: &[OpData]) -> Result<Vec<VersionedRecord>, Refusal> {
        let mut seen = BTreeSet::new();
        if !ops.iter().all(|op| seen.insert(op.key.as_str())) {
            return duplicate(entity);
        }
        check_entity(entity)?;
        let nothing = BTreeMap::new();
        let before = self.image().client_quotas.of(entity).unwrap_or(&nothing);
        let mut records = Vec::new();
        for op in ops {
            if !op.remove {
                check_quota(entity, op)?;
            }
            let wanted = (!op.remove).then_some(op.value);
            if before.get(&op.key).copied() == wanted {
                continue;
            }
            let part = |(kind, name): (&String, &Option<String>)| EntityData {
                entity_type: kind.clone(),
                entity_name: name.clone(),
            };
            let record = ClientQuotaRecord {
                entity: entity.iter().map(part).collect(),
                key: op.key.clone(),
                value: wanted.unwrap_or(0.0),
                remove: op.remove,
            };
            records.push(VersionedRecord::new(record, 0));
        }
        Ok(records)
    }
}

fn entity(entry: &AlterClientQuotasRequestEntryData) -> QuotaEntity {
    entry.entity.iter().map(|part| (part.entity_type.clone(), part.entity_name.clone())).collect()
}

fn duplicate<T>(entity: &QuotaEntity) -> Result<T, Refusal> {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "null".to_owned());
    let parts: Vec<String> = entity.iter().map(|(kind, part)| format!("{kind}={}", name(part))).collect();
    invalid_request(format!("Ignoring duplicate entity ClientQuotaEntity(entries={{{}}})", parts.join(", ")))
}

fn check_entity(entity: &QuotaEntity) -> Result<(), Refusal> {
    if entity.is_empty() {
        return invalid_request("Invalid empty client quota entity");
    }
    for (kind, name) in entity {
        match kind.as_str() {
            USER | CLIENT_ID | IP if name.as_deref() == Some("") => {
                return invalid_request(format!("Empty {kind} not supported"));
            }
            USER | CLIENT_ID | IP => {}
            _ => return invalid_request(format!("Unhandled client quota entity type: {kind}")),
        }
    }
    if !entity.contains_key(IP) {
        return Ok(());
    }
    if entity.len() > 1 {
        let text = "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId";
        return invalid_request(text);
    }
    match entity.get(IP) {
        Some(Some(address)) if !may_be_an_address(address) => {
            invalid_request(format!("{address} is not a valid IP or resolvable host."))
        }
        _ => Ok(()),
    }
}

/// An address, or a name as hosts have it; names are not looked up here.
fn may_be_an_address(address: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    address.parse::<IpAddr>().is_ok() || address.bytes().all(allowed)
}

fn check_quota(entity: &QuotaEntity, op: &OpData) -> Result<(), Refusal> {
    let (name, value) = (op.key.as_str(), op.value);
    let keys = if entity.contains_key(IP) { table::ADDRESS } else { table::USER_AND_CLIENT };
    // The credentials among them are set by another request.
    let is_quota = |key: &&ConfigKey| key.name == name && key.kind != Kind::String;
    let Some(key) = keys.iter().find(is_quota) else {
        return invalid_request(format!("Invalid configuration key {name}"));
    };
    // Written so that a NaN is refused, too.
    if !matches!(value.partial_cmp(&0.0), Some(std::cmp::Ordering::Greater)) {
        return invalid_request(format!("Quota {name} must be greater than 0"));
    }
    let (largest, kind) = match key.kind {
        Kind::Int => (f64::from(i32::MAX), "an INT"),
        Kind::Long => (i64::MAX as f64, "a LONG"),
        _ => return Ok(()),
    };
    if value > largest {
        return invalid_request(format!("Proposed value for {name} is too large for {kind}."));
    }
    if ((value + EPSILON).floor() - value).abs() > EPSILON {
        return invalid_request(format!("{name} cannot be a fractional value."));
    }
    Ok(())
}
