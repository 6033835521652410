//! Load of consumer groups on one broker: many groups whose members beat and commit, each on a connection of its own.
//! Prints one row of figures: the broker's CPU time and memory, and the latencies of heartbeats and commits.
//!
//! `perf-scripts/compare-groups` runs it against Jackdaw and Apache Kafka in turn.

mod classic;
mod consumer;
mod member;
mod meter;
mod options;
mod report;

use std::{cell::Cell, io::Error, net::SocketAddr, rc::Rc, time::Duration};

use jackdaw_bench::{connection::Connection, process::Usage};
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        CreateTopicsRequest, FindCoordinatorRequest, MetadataRequest, create_topics::CreatableTopic,
        metadata::MetadataRequestTopic,
    },
    uuid::Uuid,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver, now, sleep, sleep_until, spawn};
use member::{Shared, TOPIC};
use meter::Meter;
use options::Options;

/// Beyond the ramp.
const PATIENCE: Duration = Duration::from_secs(60);
/// For answers to what was due in the window.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--header"] {
        println!("{}", report::HEADER);
        return Ok(());
    }
    let options = Options::parse(&arguments).map_err(|error| format!("{error}\n{}", options::USAGE))?;
    // Many small answers at once.
    let config = UringConfig {
        entries: 4096,
        receive_buffers: 8192,
        receive_buffer_bytes: 2048,
        ..UringConfig::default()
    };
    let executor = Executor::new(Rc::new(UringDriver::new(&config)?));
    Ok(executor.run(load(options))?)
}

async fn load(options: Options) -> Result<(), Error> {
    let idle = Usage::of(options.process)?;
    let topic_id = prepare(options.bootstrap, options.members).await?;
    let meter = Meter::new().map_err(Error::other)?;
    let shared = Rc::new(Shared { options, meter, topic_id: Cell::new(topic_id) });
    let (options, meter) = (&shared.options, &shared.meter);
    let begun = now();
    for group in 0..options.groups {
        sleep_until(begun + options.ramp.mul_f64(group as f64 / options.groups as f64)).await;
        for _ in 0..options.members {
            spawn(member::run(Rc::clone(&shared), group));
        }
    }
    let all = options.groups * options.members;
    while meter.settled.get() < all && now() - begun < options.ramp + PATIENCE {
        sleep(Duration::from_millis(100)).await;
    }
    let settling = now() - begun;
    eprintln!("{} of {all} members settled after {:.1} s", meter.settled.get(), settling.as_secs_f64());
    sleep(options.warm_up).await;

    let own = std::process::id();
    let before = (Usage::of(options.process)?, Usage::of(own)?);
    let opened = now();
    meter.open_window(opened + options.window);
    sleep(options.window).await;
    let after = (Usage::of(options.process)?, Usage::of(own)?);
    let window = now() - opened;
    let settled = meter.settled.get();
    sleep(GRACE).await;
    let figures = report::Figures {
        settling,
        settled,
        window,
        idle,
        broker: (before.0, after.0),
        generator: (before.1, after.1),
    };
    println!("{}", report::row(&shared, &figures));
    eprintln!(
        "errors since the start: {}",
        Some(meter.errors()).filter(|text| !text.is_empty()).unwrap_or("none".into())
    );
    sleep(options.hold).await;
    Ok(())
}

/// A topic with a partition for each member of a group, and a coordinator that answers.
async fn prepare(bootstrap: SocketAddr, partitions: usize) -> Result<Uuid, Error> {
    let mut connection = Connection::open(bootstrap).await?;
    let create = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: TOPIC.to_owned(),
            num_partitions: i32::try_from(partitions).map_err(Error::other)?,
            replication_factor: 1,
            ..Default::default()
        }],
        timeout_ms: 30_000,
        ..Default::default()
    };
    for topic in connection.call(&create, 7).await?.topics {
        match ErrorCode::from_i16(topic.error_code) {
            ErrorCode::None | ErrorCode::TopicAlreadyExists => {}
            error => return Err(Error::other(format!("cannot create {TOPIC}: {}", error.name()))),
        }
    }
    let find = FindCoordinatorRequest { coordinator_keys: vec!["group-0".to_owned()], ..Default::default() };
    loop {
        let found = connection.call(&find, 6).await?.coordinators;
        if found.first().is_some_and(|coordinator| coordinator.error_code == 0) {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let describe = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { name: Some(TOPIC.to_owned()), ..Default::default() }]),
        ..Default::default()
    };
    let topics = connection.call(&describe, 12).await?.topics;
    topics.first().map(|topic| topic.topic_id).ok_or_else(|| Error::other(format!("no topic {TOPIC}")))
}
