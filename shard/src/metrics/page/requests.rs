//! Requests: how many, and where their time goes.

use std::{collections::BTreeMap, io};

use jackdaw_core::{
    metrics::{Exposition, Family, Snapshot, inventory::requests},
    protocol::ApiKey,
};

use super::{NodeSamples, Page};
use crate::metrics::requests::{SPANS, STAGES, Span, Stage};

const QUANTILES: [(&str, f64); 6] =
    [("0.50", 0.5), ("0.75", 0.75), ("0.95", 0.95), ("0.98", 0.98), ("0.99", 0.99), ("0.999", 0.999)];

const OF_SPANS: [(&Family, Span); SPANS] = [
    (&requests::TOTAL, Span::Total),
    (&requests::QUEUE, Span::Queue),
    (&requests::LOCAL, Span::Local),
    (&requests::REMOTE, Span::Remote),
    (&requests::RESPONSE_SEND, Span::Send),
];

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

/// One API of all shards.
#[derive(Default)]
struct Api {
    versions: BTreeMap<i16, u64>,
    spans: [Snapshot; SPANS],
}

pub(super) async fn write(page: &mut Page<'_>, samples: &NodeSamples) -> io::Result<()> {
    let apis = by_name(samples);
    let versions =
        apis.iter().flat_map(|(name, api)| api.versions.iter().map(move |version| (*name, version)));
    page.each(&requests::REQUESTS, versions, |text, (name, (version, count))| {
        text.sample(&requests::REQUESTS, &[name, &version.to_string()], *count);
    })
    .await?;
    for (family, span) in OF_SPANS {
        page.each(family, apis.iter(), |text, (name, api)| {
            summary(text, family, &[name], &api.spans[span as usize], NS_PER_MS);
        })
        .await?;
    }
    stages(page, samples);
    Ok(())
}

/// Kafka tells fetches of consumers from those of followers, which there are none of.
fn by_name(samples: &NodeSamples) -> BTreeMap<&'static str, Api> {
    let mut apis: BTreeMap<&'static str, Api> = BTreeMap::new();
    for sample in samples.shards.iter().flat_map(|shard| &shard.requests) {
        let names: &[&'static str] = match sample.key {
            ApiKey::Fetch => &["Fetch", "FetchConsumer"],
            key => &[key.info().name],
        };
        for name in names {
            let api = apis.entry(name).or_default();
            for (version, count) in &sample.versions {
                *api.versions.entry(*version).or_default() += count;
            }
            api.spans.iter_mut().zip(&sample.spans).for_each(|(sum, span)| sum.merge(span));
        }
    }
    apis
}

fn stages(page: &mut Page<'_>, samples: &NodeSamples) {
    let text = &mut page.text;
    text.head(&requests::STAGE);
    let mut flushes = Snapshot::default();
    for (number, shard) in samples.shards.iter().enumerate() {
        for (stage, name) in STAGES {
            let snapshot = &shard.stages[stage as usize];
            summary(text, &requests::STAGE, &[&number.to_string(), name], snapshot, NS_PER_S);
        }
        flushes.merge(&shard.stages[Stage::Flush as usize]);
    }
    text.head(&requests::FLUSH);
    summary(text, &requests::FLUSH, &[], &flushes, NS_PER_MS);
}

fn summary(text: &mut Exposition, family: &Family, labels: &[&str], snapshot: &Snapshot, ns_per_unit: f64) {
    let in_units = |ns: u64| ns as f64 / ns_per_unit;
    let quantiles =
        QUANTILES.map(|(name, share)| (name, snapshot.quantile(share).map_or(f64::NAN, in_units)));
    text.summary(family, labels, quantiles, in_units(snapshot.sum), snapshot.count);
}
