//! The two brokers: started for this run, or running ones.

use std::collections::BTreeMap;

use jackdaw_tests::broker::{Broker, Kind, Options};

use crate::catalog::Catalog;
use crate::connection::{Connection, Outcome};
use crate::value::Value;

/// What both are told, so that their answers can be equal, and groups need no waiting.
const SETTINGS: [&str; 8] = [
    "offsets.topic.num.partitions=2",
    "group.initial.rebalance.delay.ms=0",
    "group.consumer.min.heartbeat.interval.ms=300",
    "group.consumer.heartbeat.interval.ms=300",
    "group.consumer.assignment.interval.ms=0",
    "group.min.session.timeout.ms=1000",
    "num.partitions=1",
    "node.id=1",
];

/// Where both answer. They live as long as this does.
pub(crate) struct Brokers {
    pub(crate) jackdaw: String,
    pub(crate) kafka: String,
    _started: Vec<Broker>,
}

impl Brokers {
    /// Starts those that are not given.
    pub(crate) fn new(jackdaw: Option<String>, kafka: Option<String>) -> Self {
        let mut started = Vec::new();
        let mut address = |given: Option<String>, kind: Kind| {
            given.unwrap_or_else(|| {
                let broker = Broker::start_kind(kind, Options::shards(2).with(&SETTINGS));
                started.push(broker);
                started[started.len() - 1].bootstrap().to_owned()
            })
        };
        let (kafka, jackdaw) = (address(kafka, Kind::Apache), address(jackdaw, Kind::Jackdaw));
        Self { jackdaw, kafka, _started: started }
    }
}

/// The versions that a broker advertises, by API.
pub(crate) fn advertised(address: &str, catalog: &Catalog) -> Result<BTreeMap<String, (i16, i16)>, String> {
    let api = catalog.get("ApiVersions")?;
    let mut connection = Connection::open(address)?;
    connection.send(api, 0, &[]);
    let Outcome::Answer(answer) = connection.receive()? else {
        return Err(format!("{address} does not answer ApiVersions"));
    };
    let Some(Value::List(keys)) = answer.field("ApiKeys") else { return Err("no ApiKeys".to_owned()) };
    let mut versions = BTreeMap::new();
    for of in keys {
        let number = |name: &str| match of.field(name) {
            Some(Value::Int(number)) => i16::try_from(*number).map_err(|error| error.to_string()),
            _ => Err(format!("no {name} in ApiVersions")),
        };
        let key = number("ApiKey")?;
        let name = catalog.by_key(key).map_or_else(|| format!("API {key}"), |api| api.name().to_owned());
        versions.insert(name, (number("MinVersion")?, number("MaxVersion")?));
    }
    Ok(versions)
}
