//! Consumers that drain a topic from offset 0, again and again: what is in the page cache, sent.

use std::{cell::Cell, error::Error, rc::Rc, time::Duration};

use jackdaw_bench::ballast::Ballast;
use jackdaw_core::records::Codec;
use jackdaw_ring::{now, spawn};
use serde_json::json;

use crate::{
    arguments::Arguments,
    consumer::Consumer,
    measure::Subject,
    produce::{self, Load},
    records::BatchShape,
    topic::{self, Shape},
};

/// What is drained, if the topic has to be filled first.
const FILLING: BatchShape = BatchShape { record_bytes: 1024, records: 960, codec: Codec::None };
const FILL_PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let subject = Subject::parse(&mut arguments, "fetch")?;
    let name: Option<String> = arguments.optional("--topic")?;
    let fill_bytes: u64 = arguments.number("--fill-bytes", 1_000_000_000)?;
    let partitions: i32 = arguments.number("--partitions", 1)?;
    let connections: usize = arguments.number("--connections", 1)?;
    let max_bytes: i32 = arguments.number("--max-bytes", 1 << 20)?;
    let (warm_up, seconds) = (arguments.seconds("--warm-up", 3.0)?, arguments.seconds("--seconds", 10.0)?);
    arguments.finish()?;

    let topic = match &name {
        Some(name) => topic::find(bootstrap, name).await?,
        None => {
            let shape = Shape { partitions, flush: false };
            let topic = topic::create(bootstrap, &topic::new_name("fetch"), shape).await?;
            let connections = usize::try_from(partitions)?;
            let load = Load { connections, in_flight: 2, batch: FILLING, acks: 1 };
            let requests = fill_bytes.div_ceil(FILLING.payload_bytes());
            produce::drive(bootstrap, &topic, &load, FILL_PATIENCE, requests, Ballast::default()).await?;
            topic
        }
    };
    let mut consumers = Vec::new();
    for _ in 0..connections {
        consumers.push(Consumer::open(bootstrap, topic.clone(), max_bytes).await?);
    }
    let (consumers, _) = drain(consumers, warm_up).await?;
    let begun = subject.begin()?;
    let (_, counts) = drain(consumers, seconds).await?;
    let result = json!({ "requests": counts.requests.get(), "bytes": counts.bytes.get(),
        "connections": connections, "rewinds": counts.rewinds.get() });
    subject.print(subject.at_idle(&begun).await?, result);
    if name.is_none() {
        topic::remove(bootstrap, &topic.name).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    requests: Cell<u64>,
    bytes: Cell<u64>,
    rewinds: Cell<u64>,
}

async fn drain(
    consumers: Vec<Consumer>,
    duration: Duration,
) -> Result<(Vec<Consumer>, Rc<Counts>), Box<dyn Error>> {
    let counts = Rc::new(Counts::default());
    let end = now() + duration;
    let mut tasks = Vec::new();
    for mut consumer in consumers {
        let counts = Rc::clone(&counts);
        tasks.push(spawn(async move {
            // At the end of the log a fetch would wait: it begins again before it asks there.
            while now() < end {
                let bytes = consumer.fetch(|_| {}).await.map_err(|error| error.to_string())?;
                add(&counts.requests, 1);
                add(&counts.bytes, bytes);
                if consumer.is_at_end() || bytes == 0 {
                    consumer.rewind();
                    add(&counts.rewinds, 1);
                }
            }
            Ok::<Consumer, String>(consumer)
        }));
    }
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await?);
    }
    Ok((back, counts))
}

fn add(cell: &Cell<u64>, count: u64) {
    cell.set(cell.get() + count);
}
