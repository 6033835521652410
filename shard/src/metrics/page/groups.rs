//! Consumer groups: their lag, their states.

use std::{collections::BTreeMap, io};

use jackdaw_core::{
    group::{GroupOffset, GroupSummary},
    metrics::{Family, inventory::groups},
};

use super::{NodeSamples, Page};

/// The states of a classic group, with their counts' names.
const CLASSIC_STATES: [(&Family, &str); 5] = [
    (&groups::STABLE, "Stable"),
    (&groups::EMPTY, "Empty"),
    (&groups::PREPARING, "PreparingRebalance"),
    (&groups::COMPLETING, "CompletingRebalance"),
    (&groups::DEAD, "Dead"),
];

const CONSUMER_STATES: [&str; 5] = ["Empty", "Assigning", "Reconciling", "Stable", "Dead"];

pub(super) async fn write(page: &mut Page<'_>, samples: &NodeSamples) -> io::Result<()> {
    offsets(page, samples).await?;
    let all = &samples.groups.groups;
    page.each(&groups::MEMBERS, all.iter(), |text, group| {
        text.sample(&groups::MEMBERS, &[&group.group_id], group.member_count);
    })
    .await?;
    page.each(&groups::STATE, all.iter(), |text, group| {
        text.sample(&groups::STATE, &[&group.group_id, group.protocol, group.state], true);
    })
    .await?;
    counts(page, samples);
    Ok(())
}

async fn offsets(page: &mut Page<'_>, samples: &NodeSamples) -> io::Result<()> {
    let all = || {
        samples.groups.groups.iter().flat_map(|group| group.offsets.iter().map(move |offset| (group, offset)))
    };
    page.each(&groups::CURRENT_OFFSET, all(), |text, (group, offset)| {
        let partition = offset.partition.to_string();
        text.sample(&groups::CURRENT_OFFSET, &[&group.group_id, &offset.topic, &partition], offset.offset);
    })
    .await?;
    let lags = all().filter_map(|(group, offset)| Some((group, offset, lag(samples, offset)?)));
    page.each(&groups::LAG, lags, |text, (group, offset, lag)| {
        let partition = offset.partition.to_string();
        text.sample(&groups::LAG, &[&group.group_id, &offset.topic, &partition], lag);
    })
    .await?;
    let sums = samples.groups.groups.iter().flat_map(|group| {
        by_topic(group, |offset| Some(offset.offset)).into_iter().map(move |(topic, sum)| (group, topic, sum))
    });
    page.each(&groups::CURRENT_OFFSET_SUM, sums, |text, (group, topic, sum)| {
        text.sample(&groups::CURRENT_OFFSET_SUM, &[&group.group_id, topic], sum);
    })
    .await?;
    let sums = samples.groups.groups.iter().flat_map(|group| {
        by_topic(group, |offset| lag(samples, offset))
            .into_iter()
            .map(move |(topic, sum)| (group, topic, sum))
    });
    page.each(&groups::LAG_SUM, sums, |text, (group, topic, sum)| {
        text.sample(&groups::LAG_SUM, &[&group.group_id, topic], sum);
    })
    .await
}

/// What a group has still to read; `None` where the partition is not known here.
fn lag(samples: &NodeSamples, offset: &GroupOffset) -> Option<i64> {
    let end = samples.high_watermark(offset)?;
    Some((end - offset.offset).max(0))
}

fn by_topic(group: &GroupSummary, value: impl Fn(&GroupOffset) -> Option<i64>) -> BTreeMap<&str, i64> {
    let mut sums = BTreeMap::new();
    for offset in &group.offsets {
        if let Some(value) = value(offset) {
            *sums.entry(&*offset.topic).or_default() += value;
        }
    }
    sums
}

fn counts(page: &mut Page<'_>, samples: &NodeSamples) {
    let text = &mut page.text;
    let mut states: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for group in &samples.groups.groups {
        *states.entry((group.protocol, group.state)).or_default() += 1;
    }
    let of_state = |protocol, state| states.get(&(protocol, state)).copied().unwrap_or(0);
    let of_protocol = |protocol: &str| {
        let states = states.iter().filter(|((of, _), _)| *of == protocol);
        states.map(|(_, count)| count).sum::<u64>()
    };
    text.single(&groups::COUNT, samples.groups.groups.len());
    text.single(&groups::OFFSETS, samples.groups.offset_count + samples.groups.left_out_count);
    for (family, state) in CLASSIC_STATES {
        text.single(family, of_state("classic", state));
    }
    text.head(&groups::COUNT_BY_PROTOCOL);
    for protocol in ["classic", "consumer"] {
        text.sample(&groups::COUNT_BY_PROTOCOL, &[protocol], of_protocol(protocol));
    }
    text.head(&groups::CONSUMER_COUNT);
    for state in CONSUMER_STATES {
        text.sample(&groups::CONSUMER_COUNT, &[&state.to_lowercase()], of_state("consumer", state));
    }
    text.single(&groups::LOADING, samples.groups.loading_count);
    text.single(&groups::LEFT_OUT, samples.groups.left_out_count);
}
