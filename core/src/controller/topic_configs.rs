//! The configuration of topics as the controller needs it: checked on creation, resolved for elections, described in
//! answers.

use std::collections::BTreeMap;

use super::Controller;
use crate::{
    config::{DynamicBroker, TopicConfig},
    metadata::{ResourceType, Topic, VersionedRecord},
    protocol::{
        messages::create_topics::{CreatableTopicConfig, CreatableTopicConfigs},
        records::metadata::ConfigRecord,
    },
};

impl Controller {
    /// The values of a new topic, or why they are refused. Of a key that stands twice the last value counts.
    pub(super) fn check_topic_configs(
        &self,
        configs: &[CreatableTopicConfig],
    ) -> Result<BTreeMap<String, String>, String> {
        let keys: Vec<(&str, Option<&str>)> =
            configs.iter().map(|config| (config.name.as_str(), config.value.as_deref())).collect();
        TopicConfig::validate(&self.settings.broker, &keys).map_err(|error| error.to_string())?;
        let values = configs.iter().filter_map(|config| Some((config.name.clone(), config.value.clone()?)));
        Ok(values.collect())
    }

    pub(super) fn topic_config_records(
        &self,
        topic: &str,
        values: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = VersionedRecord> {
        values.iter().map(move |(name, value)| {
            let record = ConfigRecord {
                resource_type: ResourceType::Topic as i8,
                resource_name: topic.to_owned(),
                name: name.clone(),
                value: Some(value.clone()),
            };
            VersionedRecord::new(record, 0)
        })
    }

    /// What a new topic runs with, by name as Kafka tells it.
    pub(super) fn describe_topic_configs(
        &self,
        values: &BTreeMap<String, String>,
    ) -> Vec<CreatableTopicConfigs> {
        let mut described = self.settings.broker.describe_topic(self.dynamic(), values);
        described.sort_by(|left, right| left.name.cmp(&right.name));
        described
            .into_iter()
            .map(|config| CreatableTopicConfigs {
                name: config.name,
                value: config.value,
                read_only: config.read_only,
                config_source: config.source as i8,
                is_sensitive: config.sensitive,
            })
            .collect()
    }

    /// What the topic runs with, as the controller sees it.
    pub(super) fn topic_config(&self, topic: &Topic) -> TopicConfig {
        let nothing = BTreeMap::new();
        let overrides = self.image().configs.of_topic(&topic.name).unwrap_or(&nothing);
        TopicConfig::resolve(&self.settings.broker, self.dynamic(), overrides)
    }

    fn dynamic(&self) -> DynamicBroker<'_> {
        DynamicBroker { own: None, cluster: self.image().configs.of_all_brokers() }
    }
}
