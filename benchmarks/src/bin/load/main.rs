//! Load on one broker, speaking Kafka's protocol: producers, consumers, latency from the moment when a record was due.
//! Each command prints one line of JSON with what it saw and what the broker's process used.
//!
//! `perf-scripts/compare-kafka` runs it against Jackdaw and Apache Kafka in turn.

mod answer;
mod arguments;
mod consumer;
mod fetch;
mod goals;
mod idle;
mod latency;
mod measure;
mod open_loop;
mod plot;
mod produce;
mod records;
mod summary;
mod topic;
mod wait;

use std::rc::Rc;

use arguments::Arguments;
use jackdaw_ring::{Executor, UringConfig, UringDriver};

const USAGE: &str = "\
load COMMAND [--NAME VALUE]...     every command that loads a broker takes --bootstrap ADDRESS:PORT, and --pid PID of
                                   its process, whose CPU time and memory it then tells; --label, --row, --note
  produce   closed loop: each connection keeps some requests in flight
              [--connections 1] [--in-flight 5] [--record-bytes 1024] [--batch-bytes 1000000 | --batch-records N]
              [--codec none] [--acks 1] [--partitions 1] [--warm-up 3] [--seconds 10] [--bytes NO-LIMIT] [--flush no]
              [--keep no] [--ballast-bytes 0] [--ballast-in /tmp]    (page cache that is held until the broker
              writes: benchmarks/README.md)
  latency   open loop: records are due at a rate, whatever the broker does; a consumer receives them
              [--rate 500] [--record-bytes 100] [--partitions 10] [--producers 1] [--in-flight 5] [--acks all]
              [--warm-up 5] [--seconds 30] [--flush no] [--consumers 1] [--laggards 0]
              [--laggard-bytes 10000000]
  fetch     drains a topic from offset 0, again and again
              [--topic NAME, else it is filled first] [--fill-bytes 1000000000] [--connections 1] [--warm-up 3]
              [--seconds 10] [--max-bytes 1048576] [--partitions 1]
  idle      connections that do nothing    [--connections 1000] [--seconds 30]
  watch     what the broker uses while a program runs, or for a time    [--seconds 30] [--bytes N] [--records N] [--ballast-bytes 0]
              [--ballast-in /tmp] [-- PROGRAM...]
  topic     makes topics    --topic NAME [--topics 1] [--partitions 1] [--flush no]; with [--remove yes] removes them
  wait      until the broker answers, and says for how long    [--topic NAME] [--since UNIX-SECONDS] [--seconds 120]
  answer    a server that answers at once, for the generator's own floor    [--listen 127.0.0.1:0]
  summarise prints the table of the lines in files    --raw FILE
  plot      the same for the latencies, as SVG    --raw FILE";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = words.split_first() else { return Err(USAGE.into()) };
    let mut arguments = Arguments::parse(rest)?;
    match command.as_str() {
        "summarise" => return summary::print(&mut arguments),
        "plot" => return plot::print(&mut arguments),
        _ => {}
    }
    // A fetch of tens of megabytes goes straight into its own buffer, so the pool serves small frames.
    let config = UringConfig { receive_buffers: 4096, receive_buffer_bytes: 4096, ..UringConfig::default() };
    let executor = Executor::new(Rc::new(UringDriver::new(&config)?));
    let command = command.clone();
    executor.run(async move {
        match command.as_str() {
            "produce" => produce::run(arguments).await,
            "latency" => latency::run(arguments).await,
            "fetch" => fetch::run(arguments).await,
            "idle" => idle::run(arguments).await,
            "watch" => idle::watch(arguments).await,
            "topic" => topic::run(arguments).await,
            "wait" => wait::run(arguments).await,
            "answer" => answer::run(arguments).await,
            other => Err(format!("no command {other}\n{USAGE}").into()),
        }
    })
}
