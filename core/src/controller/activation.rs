//! The first thing a new leader does: writes the bootstrap records into an empty log, or ends what its predecessor
//! left half done. Also what is due by the clock.

use super::{Context, Controller, Effect, Outcome, SUPPORTED_FEATURES};
use crate::{
    metadata::{Loader, ResourceType, VersionedRecord},
    protocol::records::{
        MetadataRecord,
        metadata::{
            AbortTransactionRecord, BeginTransactionRecord, ConfigRecord, EndTransactionRecord,
            FeatureLevelRecord, NoOpRecord,
        },
    },
};

/// What a directory formatted with defaults holds: the feature levels of Kafka 4.4.0. They stand in
/// `00000000000000000000-0000000000.checkpoint`, from where the first leader copies them into the log.
pub fn default_bootstrap_records() -> Vec<MetadataRecord> {
    let record =
        |name: &str, feature_level| FeatureLevelRecord { name: name.to_owned(), feature_level }.into();
    SUPPORTED_FEATURES
        .iter()
        .filter_map(|feature| Some(record(feature.name, feature.bootstrap_level?)))
        .collect()
}

impl Controller {
    /// The records a new leader writes before it serves. `bootstrap` is what the directory was formatted with.
    pub fn activate(&self, bootstrap: &[MetadataRecord]) -> Outcome<()> {
        let records = if self.loader.is_in_transaction() {
            let reason = Some("The controller that began this transaction did not end it.".to_owned());
            vec![VersionedRecord::new(AbortTransactionRecord { reason }, 0)]
        } else if self.image().is_empty() {
            self.bootstrap(bootstrap)
        } else {
            Vec::new()
        };
        Outcome::with(records, ())
    }

    fn bootstrap(&self, bootstrap: &[MetadataRecord]) -> Vec<VersionedRecord> {
        // What the bootstrap records lead to decides about what else is written with them.
        let mut loader = Loader::new();
        for record in bootstrap {
            // A record that cannot be applied is met again, and reported, when it is replayed from the log.
            let _ = loader.replay(0, 0, record);
        }
        let features = &loader.image().features;
        let mut records: Vec<VersionedRecord> =
            bootstrap.iter().map(|record| VersionedRecord { record: record.clone(), version: 0 }).collect();
        if features.has_eligible_leader_replicas() {
            // With ELR the minimum decides about elections: it must be one value for the cluster, in the log.
            let value = self.settings.broker.topic_defaults.min_insync_replicas.to_string();
            let record = ConfigRecord {
                resource_type: ResourceType::Broker as i8,
                resource_name: String::new(),
                name: "min.insync.replicas".to_owned(),
                value: Some(value),
            };
            records.push(VersionedRecord::new(record, 0));
        }
        if features.metadata_version().has_transactions() {
            let name = Some("Bootstrap records".to_owned());
            records.insert(0, VersionedRecord::new(BeginTransactionRecord { name }, 0));
            records.push(VersionedRecord::new(EndTransactionRecord {}, 0));
        }
        records
    }

    /// What is due: a broker whose session ended is fenced; an idle log gets a NoOp record, so that everybody can
    /// tell a quiet leader from a dead one. Call again at `next_timeout_ms`.
    pub fn poll(&self, context: &Context) -> Outcome<()> {
        if let Some(broker_id) = self.expired_broker(context.now_ms) {
            return Outcome::with(self.fence_broker(broker_id), ()).in_parts();
        }
        let idle_at_ms = self.idle_at_ms();
        if idle_at_ms.is_some_and(|at_ms| at_ms <= context.now_ms) {
            let record = VersionedRecord::new(NoOpRecord {}, 0);
            return Outcome::with(vec![record], ());
        }
        Outcome::only(())
    }

    /// When `poll` has something to do; `None` where only a request can change that.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        let expiry_ms = self.next_expiry_ms();
        expiry_ms.into_iter().chain(self.idle_at_ms()).min()
    }

    fn idle_at_ms(&self) -> Option<u64> {
        let interval_ms = u64::try_from(self.settings.broker.metadata_log.max_idle_interval_ms).ok()?;
        (interval_ms > 0).then(|| self.sessions.last_write_ms() + interval_ms)
    }

    /// Tells the clock that records were written outside of an outcome.
    pub fn note_written(&mut self, now_ms: u64) {
        self.sessions.accept(now_ms, &Effect::Written);
    }
}
