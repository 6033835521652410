//! The check of values that are set at run time: of brokers, groups and client metrics. Topics have their own in
//! `topic.rs`. Texts and their order are Kafka 4.4's.

use std::collections::BTreeMap;

use super::broker::{BrokerConfig, LogCleanerConfig};
use super::row::{ConfigKey, Scope};
use super::table::{self, BROKER_QUOTA, broker_key};
use super::topic::DynamicBroker;
use super::value::Value;

/// Everything that a resource sets, by name.
pub type Overrides = BTreeMap<String, String>;

/// Why values are refused: which error code, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigRefusal {
    /// INVALID_CONFIG.
    Config(String),
    /// INVALID_REQUEST.
    Request(String),
}

/// Secrets and stores of TLS belong to a listener, not to the broker.
const OF_A_LISTENER: &[&str] = &[
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// Kafka changes these while it runs; here a listener is opened at start only.
const AT_START_HERE: &[&str] = &["listeners", "listener.security.protocol.map"];

/// The broker's key of this name, quotas that are set only at run time among them.
pub(super) fn dynamic_broker_key(name: &str) -> Option<&'static ConfigKey> {
    broker_key(name).or_else(|| BROKER_QUOTA.iter().find(|key| key.name == name))
}

/// The nearest value that was set at run time, if one was.
fn set_at_run_time(name: &str, dynamic: DynamicBroker<'_>) -> Option<Value> {
    let key = broker_key(name)?;
    let layers = [dynamic.own, dynamic.cluster].into_iter().flatten();
    layers.filter_map(|layer| key.parse(layer.get(name)?).ok()).next()
}

impl BrokerConfig {
    /// Checks all that is set at run time for one broker (`is_cluster` false) or for all of them. Unknown keys
    /// belong to plug-ins and are taken.
    ///
    /// # Errors
    /// Names that must not be set here, or the first value that its key does not take.
    pub fn check_dynamic(&self, values: &Overrides, is_cluster: bool) -> Result<(), ConfigRefusal> {
        let refuse = |text: &str, names: &[&str]| match names {
            [] => Ok(()),
            names => Err(ConfigRefusal::Request(format!("{text}: [{}]", names.join(", ")))),
        };
        let names = |is_meant: &dyn Fn(&str, &ConfigKey) -> bool| -> Vec<&str> {
            let known = values.keys().filter_map(|name| Some((name.as_str(), dynamic_broker_key(name)?)));
            known.filter(|(name, key)| is_meant(name, key)).map(|(name, _)| name).collect()
        };
        let read_only = names(&|_, key| key.scope == Scope::ReadOnly);
        refuse("Cannot update these configs dynamically", &read_only)?;
        let of_a_listener = names(&|name, _| OF_A_LISTENER.contains(&name));
        refuse(
            "These security configs can be dynamically updated only per-listener using the listener prefix",
            &of_a_listener,
        )?;
        for (name, value) in values {
            if let Some(key) = dynamic_broker_key(name) {
                key.parse(value)
                    .map_err(|refusal| ConfigRefusal::Request(refusal.kafka_text(name, value)))?;
            }
        }
        if is_cluster {
            let per_broker = names(&|_, key| key.scope == Scope::PerBroker);
            let text = "Cannot update these configs at default cluster level, broker id must be specified";
            refuse(text, &per_broker)?;
        }
        let at_start = names(&|name, _| AT_START_HERE.contains(&name));
        refuse("Cannot update these configs dynamically", &at_start)
    }

    /// The value in effect of a key of type int or short.
    ///
    /// # Panics
    /// If the table has no such key of that type.
    pub fn int_in_effect(&self, name: &str, dynamic: DynamicBroker<'_>) -> i32 {
        match set_at_run_time(name, dynamic) {
            Some(Value::Int(value)) => value,
            Some(Value::Short(value)) => value.into(),
            _ => self.values.int(name),
        }
    }

    /// The value of a broker's text in effect; empty where it has none.
    ///
    /// # Panics
    /// If the table has no such key of that type.
    pub fn text_in_effect(&self, name: &str, dynamic: DynamicBroker<'_>) -> String {
        match set_at_run_time(name, dynamic) {
            Some(Value::Text(value)) => value,
            _ => self.values.text_or_null(name).unwrap_or_default(),
        }
    }

    /// What compaction goes by now.
    pub fn cleaner_in_effect(&self, dynamic: DynamicBroker<'_>) -> LogCleanerConfig {
        let long = |name: &str| match set_at_run_time(name, dynamic) {
            Some(Value::Long(value)) => value,
            _ => self.values.long(name),
        };
        let double = |name: &str| match set_at_run_time(name, dynamic) {
            Some(Value::Double(value)) => value,
            _ => self.values.double(name),
        };
        LogCleanerConfig {
            enable: self.values.boolean("log.cleaner.enable"),
            io_max_bytes_per_second: double("log.cleaner.io.max.bytes.per.second"),
            dedupe_buffer_size: long("log.cleaner.dedupe.buffer.size"),
            io_buffer_size: self.int_in_effect("log.cleaner.io.buffer.size", dynamic),
            io_buffer_load_factor: double("log.cleaner.io.buffer.load.factor"),
            backoff_ms: long("log.cleaner.backoff.ms"),
        }
    }

    /// Checks all that a group sets.
    ///
    /// # Errors
    /// The first unknown name, the first value that its key does not take, or the first that is outside the range
    /// that the broker's own configuration gives.
    pub fn check_group(&self, values: &Overrides) -> Result<(), ConfigRefusal> {
        let refuse = |text| Err(ConfigRefusal::Config(text));
        if let Some(name) = values.keys().find(|name| table::group_key(name).is_none()) {
            return refuse(format!("Unknown group config name: {name}"));
        }
        let set = || table::GROUP.iter().filter_map(|key| Some((key, values.get(key.name)?)));
        for (key, value) in set() {
            if let Err(refusal) = key.parse(value) {
                return refuse(refusal.kafka_text(key.name, value));
            }
        }
        for (key, value) in set() {
            match key.parse(value) {
                Ok(Value::Int(number)) => self.check_group_range(key.name, number)?,
                Ok(Value::Text(text)) => self.check_group_text(key.name, &text)?,
                _ => {}
            }
        }
        self.check_group_timeouts(values)
    }

    fn check_group_range(&self, name: &str, number: i32) -> Result<(), ConfigRefusal> {
        let bound = |which: &str| -> Option<i32> {
            let (protocol, rest) = name.split_once('.')?;
            let rest = rest.strip_prefix("num.").unwrap_or(rest);
            let key = broker_key(&format!("group.{protocol}.{which}.{rest}"))?;
            Some(self.values.int(key.name))
        };
        let text = match (bound("min"), bound("max")) {
            (Some(min), Some(max)) if !(min..=max).contains(&number) => {
                format!("{name} must be in the range {min} to {max} inclusive.")
            }
            (None, Some(max)) if number > max => format!("{name} must be less than or equal to {max}"),
            (Some(min), None) if number < min => format!("{name} must be greater than or equal to {min}"),
            _ => return Ok(()),
        };
        Err(ConfigRefusal::Config(text))
    }

    fn check_group_text(&self, name: &str, text: &str) -> Result<(), ConfigRefusal> {
        let refusal = match name {
            "errors.deadletterqueue.topic.name" if text.starts_with("__") => {
                format!("{name}: DLQ topic name must not start with '__'")
            }
            "streams.assignor.name" => {
                let registered = self.values.list("group.streams.assignors");
                if registered.iter().any(|assignor| assignor == text) {
                    return Ok(());
                }
                let registered = registered.join(", ");
                format!(
                    "{name} '{text}' is not a registered task assignor. Registered assignors are: [{registered}]."
                )
            }
            _ => return Ok(()),
        };
        Err(ConfigRefusal::Config(refusal))
    }

    /// A member that is put out before its next heartbeat is due could never stay.
    fn check_group_timeouts(&self, values: &Overrides) -> Result<(), ConfigRefusal> {
        for protocol in ["consumer", "share", "streams"] {
            let names =
                ["session.timeout.ms", "heartbeat.interval.ms"].map(|key| format!("{protocol}.{key}"));
            if names.iter().all(|name| !values.contains_key(name)) {
                continue;
            }
            let in_effect = |name: &String| match values.get(name).map(|value| value.trim().parse::<i32>()) {
                Some(Ok(number)) => number,
                _ => table::broker_key_of_group(name).map_or(0, |key| self.values.int(key.name)),
            };
            let [session, heartbeat] = &names;
            if in_effect(session) <= in_effect(heartbeat) {
                return Err(ConfigRefusal::Config(format!("{session} must be greater than {heartbeat}")));
            }
        }
        Ok(())
    }
}

/// What a client may be chosen by.
const SELECTORS: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Checks all that a subscription to client metrics sets.
///
/// # Errors
/// The first unknown name or bad value.
pub fn check_client_metrics(values: &Overrides) -> Result<(), ConfigRefusal> {
    if let Some(name) = values.keys().find(|name| table::client_metrics_key(name).is_none()) {
        return Err(ConfigRefusal::Request(format!("Unknown client metrics configuration: {name}")));
    }
    if let Some(value) = values.get("interval.ms") {
        let interval: i32 = value.trim().parse().map_err(|_| {
            let text =
                format!("Invalid value {value} for configuration interval.ms: Not a number of type INT");
            ConfigRefusal::Config(text)
        })?;
        if !(100..=3_600_000).contains(&interval) {
            return Err(ConfigRefusal::Request(format!(
                "Invalid value {interval} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
            )));
        }
    }
    let patterns = values.get("match").map(String::as_str).unwrap_or_default();
    let is_pattern = |pattern: &str| {
        pattern.split_once('=').is_some_and(|(selector, _)| SELECTORS.contains(&selector.trim()))
    };
    let mut patterns = patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    match patterns.find(|pattern| !is_pattern(pattern)) {
        None => Ok(()),
        Some(pattern) => Err(ConfigRefusal::Config(format!("Illegal client matching pattern: {pattern}"))),
    }
}

#[cfg(test)]
mod tests;
