//! The values of all broker keys: what was set, parsed; the table's default otherwise.

use std::collections::BTreeMap;

use super::error::ConfigError;
use super::settings::Settings;
use super::table::broker_key;
use super::value::Value;

/// Parsed settings over the table's defaults. Getters take the name of a key that the table has with that
/// type and panic otherwise: a wrong name is a mistake in this crate, and a test meets every call.
#[derive(Clone, Debug)]
pub(super) struct Values {
    alone: bool,
    set: BTreeMap<&'static str, Value>,
}

impl Values {
    /// Parses every known key that was set. All errors are collected, not only the first.
    pub(super) fn parse(settings: &Settings, errors: &mut Vec<ConfigError>) -> Values {
        let cluster_keys =
            ["process.roles", "controller.quorum.voters", "controller.quorum.bootstrap.servers"];
        let alone = cluster_keys.iter().all(|key| settings.get(key).is_none());
        let mut set = BTreeMap::new();
        for (name, setting) in settings.iter() {
            let Some(key) = broker_key(name) else { continue };
            match key.parse(&setting.value) {
                Ok(value) => {
                    set.insert(key.name, value);
                }
                Err(refusal) => errors.push(ConfigError::value(key, setting, refusal)),
            }
        }
        Values { alone, set }
    }

    /// Nothing was said about a cluster.
    pub(super) fn alone(&self) -> bool {
        self.alone
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// What was set, if anything was.
    pub(super) fn set_value(&self, name: &str) -> Option<&Value> {
        self.set.get(name)
    }

    /// The value in effect; `None` is Kafka's null.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let Some(key) = broker_key(name) else { panic!("the table has no key {name}") };
        if let Some(value) = self.set.get(name) {
            return Some(value.clone());
        }
        let default = key.default_for(self.alone)?;
        match key.parse(default) {
            Ok(value) => Some(value),
            Err(refusal) => panic!("the table's default of {name} is bad: {refusal}"),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Boolean(value)) => value,
            other => mismatch(name, "boolean", &other),
        }
    }

    pub(super) fn int(&self, name: &str) -> i32 {
        match self.get(name) {
            Some(Value::Int(value)) => value,
            Some(Value::Short(value)) => value.into(),
            other => mismatch(name, "int", &other),
        }
    }

    pub(super) fn long(&self, name: &str) -> i64 {
        self.long_or_null(name).unwrap_or_else(|| mismatch(name, "long", &None))
    }

    /// An int counts as a long.
    pub(super) fn long_or_null(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Long(value)) => Some(value),
            Some(Value::Int(value)) => Some(value.into()),
            None => None,
            other => mismatch(name, "long", &other),
        }
    }

    pub(super) fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Double(value)) => value,
            other => mismatch(name, "double", &other),
        }
    }

    pub(super) fn text_or_null(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::Text(value)) => Some(value),
            None => None,
            other => mismatch(name, "string", &other),
        }
    }

    /// Null counts as empty.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::List(value)) => value,
            Some(Value::Text(value)) => value.split(',').map(|part| part.trim().to_owned()).collect(),
            None => Vec::new(),
            other => mismatch(name, "list", &other),
        }
    }
}

fn mismatch(name: &str, wanted: &str, found: &Option<Value>) -> ! {
    panic!("the table's {name} is not a {wanted}: {found:?}")
}
