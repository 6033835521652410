//! IncrementalAlterConfigs (44): single values are set or removed, elements of lists added or taken away.

use super::{
    Context, Controller, Outcome,
    config_change::{Refusal, change_each, check_keys, invalid_config, invalid_request},
};
use crate::{
    config::{ConfigKey, Kind, Overrides, table},
    error_code::ErrorCode,
    metadata::{ResourceType, VersionedRecord},
    protocol::messages::incremental_alter_configs::{
        AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
        IncrementalAlterConfigsResponse,
    },
};

/// The levels of a node's loggers; there are none here that a client may change.
const BROKER_LOGGER: i8 = 8;

/// A list may grow to what a string on the wire can carry.
const VALUE_BYTES_MAX: usize = i16::MAX as usize;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

impl Controller {
    pub(super) fn incremental_alter_configs(
        &self,
        _context: &Context,
        request: &IncrementalAlterConfigsRequest,
    ) -> Outcome<IncrementalAlterConfigsResponse> {
        let (records, refusals) = change_each(
            &request.resources,
            |resource| (resource.resource_type, &resource.resource_name),
            request.validate_only,
            |resource| self.alter_resource(resource),
        );
        let responses = request.resources.iter().zip(refusals).map(|(resource, refusal)| {
            let (error, error_message) = refusal.unzip();
            AlterConfigsResourceResponse {
                error_code: error.unwrap_or(ErrorCode::None).code(),
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            }
        });
        let response =
            IncrementalAlterConfigsResponse { responses: responses.collect(), ..Default::default() };
        Outcome::with(records, response).in_parts()
    }

    fn alter_resource(&self, resource: &AlterConfigsResource) -> Result<Vec<VersionedRecord>, Refusal> {
        let (configs, name) = (&resource.configs, resource.resource_name.as_str());
        let nulls =
            configs.iter().filter(|config| config.value.is_none() && config.config_operation != DELETE);
        check_keys(
            nulls.map(|config| config.name.as_str()),
            configs.iter().map(|config| config.name.as_str()),
        )?;
        if resource.resource_type == BROKER_LOGGER {
            self.check_broker(name, "node id. E", ())?;
            return match configs.first() {
                Some(config) => invalid_config(format!("Logger {} does not exist!", config.name)),
                None => Ok(Vec::new()),
            };
        }
        let kind = self.config_resource(resource.resource_type, name)?;
        let mut wanted = self.overrides(kind, name);
        for config in configs {
            operate(kind, config, &mut wanted)?;
        }
        self.change_overrides(kind, name, &wanted, configs.iter().map(|config| config.name.as_str()))
    }
}

fn operate(kind: ResourceType, config: &AlterableConfig, wanted: &mut Overrides) -> Result<(), Refusal> {
    let (name, operation) = (config.name.as_str(), config.config_operation);
    let value = config.value.as_deref().unwrap_or_default();
    match operation {
        SET => {
            wanted.insert(name.to_owned(), value.to_owned());
        }
        DELETE => {
            wanted.remove(name);
        }
        APPEND | SUBTRACT => {
            let key = list_key(kind, name, operation)?;
            let before = wanted.get(name).map(String::as_str).or(key.default).unwrap_or_default();
            let list = match operation {
                APPEND => append(before, value),
                _ => subtract(before, value),
            };
            if list.len() > VALUE_BYTES_MAX {
                return invalid_config(format!(
                    "The configuration value cannot be added because it exceeds the maximum value size of \
                     {VALUE_BYTES_MAX} bytes."
                ));
            }
            wanted.insert(name.to_owned(), list);
        }
        other => return invalid_request(format!("Unknown operation {other} on {name}")),
    }
    Ok(())
}

/// The key, if its value is a list that may be changed by elements.
fn list_key(kind: ResourceType, name: &str, operation: i8) -> Result<&'static ConfigKey, Refusal> {
    let is_list = |key: &&ConfigKey| key.kind == Kind::List;
    if kind == ResourceType::Broker {
        let word = if operation == APPEND { "append" } else { "subtract" };
        return match table::broker_key(name) {
            None => invalid_config(format!("Unknown config name: {name}")),
            Some(key) if is_list(&key) => Ok(key),
            Some(_) => invalid_config(format!("Config value {word} is not allowed for config key: {name}")),
        };
    }
    let word = if operation == APPEND { "APPEND" } else { "SUBTRACT" };
    // Kafka's controller knows the types of no other resource's keys.
    let key = table::topic_key(name).filter(|_| kind == ResourceType::Topic).filter(is_list);
    match key {
        Some(key) => Ok(key),
        None => invalid_config(format!("Can't {word} to key {name} because its type is not LIST.")),
    }
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|element| !element.is_empty())
}

fn append(before: &str, added: &str) -> String {
    let mut list: Vec<&str> = elements(before).collect();
    for element in elements(added) {
        if !list.contains(&element) {
            list.push(element);
        }
    }
    list.join(",")
}

fn subtract(before: &str, taken: &str) -> String {
    let taken: Vec<&str> = elements(taken).collect();
    let left: Vec<&str> = elements(before).filter(|element| !taken.contains(element)).collect();
    left.join(",")
}
