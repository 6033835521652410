//! The image as the records of a snapshot: the shortest log that leads to it.

use super::{Image, VersionedRecord};
use crate::protocol::records::metadata::{ConfigRecord, FeatureLevelRecord, TopicRecord};

impl Image {
    /// The records of a snapshot in Kafka's order, feature levels first, each in the version that the finalized
    /// `metadata.version` allows.
    pub fn to_records(&self) -> Vec<VersionedRecord> {
        let mut records = Vec::new();
        self.write_features(&mut records);
        self.write_cluster(&mut records);
        self.write_topics(&mut records);
        self.write_configs(&mut records);
        let plain = |record| VersionedRecord { record, version: 0 };
        records.extend(self.client_quotas.to_records().map(|record| plain(record.into())));
        records.extend(self.producer_ids.to_record().map(|record| plain(record.into())));
        records.extend(self.acls.iter().map(|record| plain(record.clone().into())));
        records.extend(self.scram_credentials.iter().map(|record| plain(record.clone().into())));
        records.extend(self.delegation_tokens.iter().map(|record| plain(record.clone().into())));
        records
    }

    fn write_features(&self, records: &mut Vec<VersionedRecord>) {
        if self.features.epoch < 0 {
            return;
        }
        records.extend(self.features.iter().map(|(name, feature_level)| {
            VersionedRecord::new(FeatureLevelRecord { name: name.to_owned(), feature_level }, 0)
        }));
    }

    fn write_cluster(&self, records: &mut Vec<VersionedRecord>) {
        let metadata_version = self.features.metadata_version();
        records.extend(self.cluster.brokers().map(|broker| broker.to_record(metadata_version)));
        if metadata_version.has_controller_registration() {
            records.extend(self.cluster.controllers().map(|controller| controller.to_record()));
        }
    }

    fn write_topics(&self, records: &mut Vec<VersionedRecord>) {
        let metadata_version = self.features.metadata_version();
        for topic in self.topics.iter() {
            let record = TopicRecord { name: topic.name.clone(), topic_id: topic.id };
            records.push(VersionedRecord::new(record, 0));
            let partitions = topic.partitions();
            records.extend(
                partitions.map(|(id, partition)| partition.to_record(topic.id, id, metadata_version)),
            );
        }
    }

    fn write_configs(&self, records: &mut Vec<VersionedRecord>) {
        for (resource, values) in self.configs.iter() {
            records.extend(values.iter().map(|(name, value)| {
                let record = ConfigRecord {
                    resource_type: resource.kind as i8,
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                };
                VersionedRecord::new(record, 0)
            }));
        }
    }
}
