//! How long a broker takes until it answers.

use std::{
    error::Error,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use jackdaw_bench::connection::Connection;
use jackdaw_core::protocol::messages::{MetadataRequest, MetadataResponse};
use jackdaw_ring::{now, sleep, timeout};
use serde_json::json;

use crate::{
    arguments::Arguments,
    topic::{METADATA_VERSION, describe, is_ready},
};

const STEP: Duration = Duration::from_millis(2);
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// Tells the seconds from `--since` (the moment when the broker was started, seconds since 1970) to its first answer.
pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let label = arguments.text("--label", "broker");
    let row = arguments.text("--row", "start");
    let note = arguments.text("--note", "");
    let topic: Option<String> = arguments.optional("--topic")?;
    let since: f64 = arguments.number("--since", unix_seconds())?;
    let patience = arguments.seconds("--seconds", 120.0)?;
    arguments.finish()?;
    let begun = now();
    loop {
        if let Ok(Ok(true)) = timeout(ANSWER_PATIENCE, answers(bootstrap, topic.as_deref())).await {
            let seconds = unix_seconds() - since;
            println!("{}", json!({ "row": row, "label": label, "note": note, "start_s": seconds }));
            return Ok(());
        }
        if now() - begun > patience {
            return Err(format!("no answer from {bootstrap} after {patience:?}").into());
        }
        sleep(STEP).await;
    }
}

/// Whether the broker answers, knows itself, and, where one is named, has leaders for a topic.
async fn answers(bootstrap: SocketAddr, topic: Option<&str>) -> Result<bool, std::io::Error> {
    let mut connection = Connection::open(bootstrap).await?;
    if let Some(topic) = topic {
        return Ok(describe(&mut connection, topic).await?.as_ref().is_some_and(is_ready));
    }
    let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let answer: MetadataResponse = connection.call(&request, METADATA_VERSION).await?;
    Ok(!answer.brokers.is_empty())
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
