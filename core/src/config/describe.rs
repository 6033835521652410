//! What DescribeConfigs shows: every key's value, where it comes from and what stands behind it.

use std::collections::BTreeMap;

use super::broker::BrokerConfig;
use super::row::{ConfigKey, Kind, Scope};
use super::table::{self, broker_key};
use super::topic::{DynamicBroker, inherited};

/// Where a value comes from, with Kafka's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

/// One link of the chain behind a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedSynonym {
    pub name: String,
    /// `None` for a password.
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// One key as DescribeConfigs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConfig {
    pub name: String,
    /// `None` for null, and for passwords and unknown keys, which are never shown.
    pub value: Option<String>,
    pub read_only: bool,
    pub source: ConfigSource,
    pub sensitive: bool,
    /// Strongest first.
    pub synonyms: Vec<DescribedSynonym>,
    /// `None` for an unknown key.
    pub kind: Option<Kind>,
    pub documentation: &'static str,
}

impl BrokerConfig {
    /// All keys of this broker, internal ones only where they are set; then the unknown keys of the
    /// operator, without their values, as Kafka does.
    pub fn describe(&self, dynamic: DynamicBroker<'_>) -> Vec<DescribedConfig> {
        let known = table::broker_keys()
            .filter(|key| !key.internal || self.values.is_set(key.name))
            .map(|key| self.describe_key(key, dynamic));
        let unknown =
            self.settings.iter().filter(|(key, _)| broker_key(key).is_none()).map(|(key, _)| unknown(key));
        known.chain(unknown).collect()
    }

    /// One key of this broker.
    fn describe_key(&self, key: &'static ConfigKey, dynamic: DynamicBroker<'_>) -> DescribedConfig {
        let synonyms = self.chain(key.name, dynamic);
        let (value, source) = strongest(&synonyms).unwrap_or((None, ConfigSource::Default));
        DescribedConfig { read_only: key.scope == Scope::ReadOnly, ..described(key, value, source, synonyms) }
    }

    /// Every key of a topic that sets `overrides`; internal ones only where they are set. As in Kafka the
    /// chain shows the first synonym alone, and a value that comes through another one counts as default.
    pub fn describe_topic(
        &self,
        dynamic: DynamicBroker<'_>,
        overrides: &BTreeMap<String, String>,
    ) -> Vec<DescribedConfig> {
        let shown = table::TOPIC.iter().filter(|key| !key.internal || overrides.contains_key(key.name));
        shown
            .map(|key| {
                let own = overrides.get(key.name).map(|value| DescribedSynonym {
                    name: key.name.to_owned(),
                    value: Some(value.clone()),
                    source: ConfigSource::Topic,
                });
                let from_broker = key.synonyms.first().map(|first| self.chain(first.name, dynamic));
                let synonyms: Vec<_> = own.into_iter().chain(from_broker.into_iter().flatten()).collect();
                let (value, source) = strongest(&synonyms).unwrap_or_else(|| {
                    let value = inherited(key, &self.values, dynamic);
                    (value.map(|value| value.to_string()), ConfigSource::Default)
                });
                described(key, value, source, synonyms)
            })
            .collect()
    }

    /// The values of one broker key, strongest first; none where all of them are null.
    fn chain(&self, name: &'static str, dynamic: DynamicBroker<'_>) -> Vec<DescribedSynonym> {
        let Some(key) = broker_key(name) else { return Vec::new() };
        let layers = [
            (dynamic.own, ConfigSource::DynamicBroker),
            (dynamic.cluster, ConfigSource::DynamicDefaultBroker),
        ];
        let dynamic =
            layers.into_iter().filter_map(|(layer, source)| Some((layer?.get(name)?.clone(), source)));
        let fixed = self.values.set_value(name).map(|value| (value.to_string(), ConfigSource::StaticBroker));
        let default =
            key.default_for(self.values.alone()).map(|default| (default.to_owned(), ConfigSource::Default));
        let hide = |value| (!key.sensitive()).then_some(value);
        let link = |(value, source)| DescribedSynonym { name: name.to_owned(), value: hide(value), source };
        dynamic.chain(fixed).chain(default).map(link).collect()
    }
}

fn strongest(synonyms: &[DescribedSynonym]) -> Option<(Option<String>, ConfigSource)> {
    synonyms.first().map(|first| (first.value.clone(), first.source))
}

fn described(
    key: &'static ConfigKey,
    value: Option<String>,
    source: ConfigSource,
    synonyms: Vec<DescribedSynonym>,
) -> DescribedConfig {
    DescribedConfig {
        name: key.name.to_owned(),
        value,
        read_only: false,
        source,
        sensitive: key.sensitive(),
        synonyms,
        kind: Some(key.kind),
        documentation: key.doc,
    }
}

/// A key that nobody knows may hold a secret: it is shown without its value.
fn unknown(name: &str) -> DescribedConfig {
    let source = ConfigSource::StaticBroker;
    DescribedConfig {
        name: name.to_owned(),
        value: None,
        read_only: true,
        source,
        sensitive: true,
        synonyms: vec![DescribedSynonym { name: name.to_owned(), value: None, source }],
        kind: None,
        documentation: "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Settings;
    use super::*;

    fn broker(text: &str) -> BrokerConfig {
        let mut settings = Settings::default();
        settings.read_file("s", text).unwrap();
        BrokerConfig::new(settings).unwrap().0
    }

    /// `value source [synonym=value source, ...]`, the form of the expectations below.
    fn show(all: &[DescribedConfig], name: &str) -> String {
        let entry = all.iter().find(|entry| entry.name == name).unwrap();
        let shown = |value: &Option<String>| value.clone().unwrap_or("null".to_owned());
        let synonyms: Vec<_> = entry
            .synonyms
            .iter()
            .map(|link| format!("{}={} {}", link.name, shown(&link.value), link.source as i8))
            .collect();
        format!("{} {} [{}]", shown(&entry.value), entry.source as i8, synonyms.join(", "))
    }

    /// Values, sources and chains are those that Kafka 4.4.0 showed with these settings.
    #[test]
    fn a_broker_is_described_as_kafka_describes_it() {
        let config = broker(
            "log.retention.hours=24\nlog.flush.scheduler.interval.ms=1000\nlog.segment.bytes=2097152\n\
             num.io.threads=4\nbogus.key=5\nssl.key.password=secret",
        );
        let all = config.describe(DynamicBroker::default());
        let cases = [
            ("log.retention.hours", "24 4 [log.retention.hours=24 4, log.retention.hours=168 5]"),
            ("log.retention.ms", "null 5 []"),
            ("log.flush.interval.ms", "null 5 []"),
            ("log.roll.hours", "168 5 [log.roll.hours=168 5]"),
            ("num.io.threads", "4 4 [num.io.threads=4 4, num.io.threads=8 5]"),
            ("bogus.key", "null 4 [bogus.key=null 4]"),
            ("ssl.key.password", "null 4 [ssl.key.password=null 4]"),
        ];
        for (name, shown) in cases {
            assert_eq!(show(&all, name), shown, "{name}");
        }
        assert!(all.iter().all(|entry| entry.name != "unstable.api.versions.enable"));
        let flags =
            |name: &str| all.iter().find(|e| e.name == name).map(|e| (e.read_only, e.sensitive)).unwrap();
        assert_eq!(flags("bogus.key"), (true, true));
        assert_eq!(flags("ssl.key.password"), (false, true));
        assert_eq!(flags("log.retention.hours"), (true, false));
        assert_eq!(flags("log.segment.bytes"), (false, false));
    }

    #[test]
    fn a_topic_is_described_as_kafka_describes_it() {
        let config = broker("log.flush.scheduler.interval.ms=1000\nlog.segment.bytes=2097152");
        let overrides = BTreeMap::from([("retention.ms".to_owned(), "5000".to_owned())]);
        let cluster = BTreeMap::from([("min.insync.replicas".to_owned(), "1".to_owned())]);
        let all = config.describe_topic(DynamicBroker { own: None, cluster: Some(&cluster) }, &overrides);
        let cases = [
            ("retention.ms", "5000 1 [retention.ms=5000 1]"),
            ("segment.bytes", "2097152 4 [log.segment.bytes=2097152 4, log.segment.bytes=1073741824 5]"),
            ("flush.ms", "1000 5 []"),
            ("segment.ms", "604800000 5 []"),
            ("min.insync.replicas", "1 3 [min.insync.replicas=1 3, min.insync.replicas=1 5]"),
            ("errors.deadletterqueue.group.enable", "false 5 []"),
            ("preallocate", "false 5 [log.preallocate=false 5]"),
        ];
        for (name, shown) in cases {
            assert_eq!(show(&all, name), shown, "{name}");
        }
        assert_eq!(all.len(), 37);
    }
}
