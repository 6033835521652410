//! What is produced and fetched, by topic.

use std::io;

use jackdaw_core::metrics::{Family, inventory::topics};

use super::{NodeSamples, Page};
use crate::metrics::TopicCount;

/// Counted of each topic, and of all together.
const BY_TOPIC: [(&Family, TopicCount); 8] = [
    (&topics::BYTES_IN, TopicCount::BytesIn),
    (&topics::BYTES_OUT, TopicCount::BytesOut),
    (&topics::MESSAGES_IN, TopicCount::MessagesIn),
    (&topics::BYTES_REJECTED, TopicCount::BytesRejected),
    (&topics::PRODUCE_REQUESTS, TopicCount::ProduceRequests),
    (&topics::FAILED_PRODUCE_REQUESTS, TopicCount::FailedProduceRequests),
    (&topics::FETCH_REQUESTS, TopicCount::FetchRequests),
    (&topics::FAILED_FETCH_REQUESTS, TopicCount::FailedFetchRequests),
];

/// Counted of all together only.
const OF_ALL: [(&Family, TopicCount); 4] = [
    (&topics::INVALID_MAGIC, TopicCount::InvalidMagic),
    (&topics::INVALID_CRC, TopicCount::InvalidCrc),
    (&topics::INVALID_SEQUENCE, TopicCount::InvalidSequence),
    (&topics::NO_KEY, TopicCount::NoKey),
];

pub(super) async fn write(page: &mut Page<'_>, samples: &NodeSamples) -> io::Result<()> {
    for (family, what) in BY_TOPIC {
        let all = std::iter::once(("", &samples.all_topics));
        let topics = all.chain(samples.topics.iter().map(|(topic, totals)| (&**topic, totals)));
        page.each(family, topics, |text, (topic, totals)| text.sample(family, &[topic], totals.get(what)))
            .await?;
    }
    for (family, what) in OF_ALL {
        page.text.single(family, samples.all_topics.get(what));
    }
    Ok(())
}
