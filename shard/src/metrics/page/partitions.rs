//! Each partition: its log, its replicas.

use std::{collections::BTreeMap, io};

use jackdaw_core::metrics::{Family, Value, inventory::partitions};

use super::{NodeSamples, Page};
use crate::metrics::samples::PartitionSample;

type Read = fn(&PartitionSample) -> Value;

const OF_EACH: [(&Family, Read); 17] = [
    (&partitions::LOG_SIZE, |sample| sample.size_bytes.into()),
    (&partitions::LOG_SEGMENTS, |sample| sample.segment_count.into()),
    (&partitions::LOG_START, |sample| sample.log_start_offset.into()),
    (&partitions::LOG_END, |sample| sample.log_end_offset.into()),
    (&partitions::UNDER_REPLICATED, |sample| sample.is_under_replicated().into()),
    (&partitions::IN_SYNC, |sample| sample.isr_count.into()),
    (&partitions::REPLICAS, |sample| sample.replica_count.into()),
    (&partitions::UNDER_MIN_ISR, |sample| sample.is_under_min_isr().into()),
    (&partitions::AT_MIN_ISR, |sample| sample.is_at_min_isr().into()),
    (&partitions::LAST_STABLE_LAG, |sample| (sample.high_watermark - sample.last_stable_offset).into()),
    (&partitions::CURRENT_OFFSET, |sample| sample.high_watermark.into()),
    (&partitions::OLDEST_OFFSET, |sample| sample.log_start_offset.into()),
    (&partitions::EXPORTER_IN_SYNC, |sample| sample.isr_count.into()),
    (&partitions::EXPORTER_REPLICAS, |sample| sample.replica_count.into()),
    (&partitions::LEADER, |sample| sample.leader.into()),
    (&partitions::LEADER_IS_PREFERRED, |sample| sample.is_led_by_preferred.into()),
    (&partitions::EXPORTER_UNDER_REPLICATED, |sample| sample.is_under_replicated().into()),
];

pub(super) async fn write(page: &mut Page<'_>, samples: &NodeSamples) -> io::Result<()> {
    for (family, read) in OF_EACH {
        page.each(family, samples.partitions(), |text, sample| {
            text.sample(family, &[&sample.topic, &sample.partition.to_string()], read(sample));
        })
        .await?;
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for sample in samples.partitions() {
        *counts.entry(&sample.topic).or_default() += 1;
    }
    page.each(&partitions::PARTITIONS, counts.into_iter(), |text, (topic, count)| {
        text.sample(&partitions::PARTITIONS, &[topic], count);
    })
    .await
}
