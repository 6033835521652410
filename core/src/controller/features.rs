//! The features that this release knows, and the levels a node must support to take part.

use std::ops::RangeInclusive;

use crate::metadata::{
    ELIGIBLE_LEADER_REPLICAS_VERSION, Features, GROUP_VERSION, KRAFT_VERSION, METADATA_VERSION,
    MetadataVersion, SHARE_VERSION, STREAMS_VERSION, TRANSACTION_VERSION,
};

/// A feature with the lowest and highest level that we run, and the level of a fresh cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupportedFeature {
    pub name: &'static str,
    pub min_level: i16,
    pub max_level: i16,
    /// What Kafka 4.4.0 writes into a fresh log; `None` where it writes nothing.
    pub bootstrap_level: Option<i16>,
}

const fn feature(
    name: &'static str,
    min_level: i16,
    max_level: i16,
    bootstrap_level: Option<i16>,
) -> SupportedFeature {
    SupportedFeature { name, min_level, max_level, bootstrap_level }
}

/// As a Kafka 4.4.0 node registers them, in the order of its bootstrap records.
pub const SUPPORTED_FEATURES: &[SupportedFeature] = &[
    feature(METADATA_VERSION, MetadataVersion::MIN.level(), MetadataVersion::MAX.level(), Some(33)),
    feature(ELIGIBLE_LEADER_REPLICAS_VERSION, 0, 1, Some(1)),
    feature(GROUP_VERSION, 0, 1, Some(1)),
    feature(KRAFT_VERSION, 0, 1, None),
    feature(SHARE_VERSION, 0, 2, Some(2)),
    feature(STREAMS_VERSION, 0, 1, Some(1)),
    feature(TRANSACTION_VERSION, 0, 2, Some(2)),
];

/// The first finalized feature that a node with these ranges cannot run.
pub(super) fn unsupported(
    features: &Features,
    range_of: impl Fn(&str) -> Option<RangeInclusive<i16>>,
) -> Option<&str> {
    features
        .iter()
        .find(|(name, level)| !range_of(name).unwrap_or(0..=0).contains(level))
        .map(|(name, _)| name)
}
