//! Connections that do nothing, and what a broker uses while a program runs that is not ours.

use std::{error::Error, time::Duration};

use jackdaw_bench::connection::Connection;
use jackdaw_ring::sleep;
use serde_json::json;

use crate::{arguments::Arguments, measure::Subject, topic};

const POLL: Duration = Duration::from_millis(20);

/// Each connection asks once, as clients do, and then is silent.
pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let subject = Subject::parse(&mut arguments, "idle connections")?;
    let count: usize = arguments.number("--connections", 1000)?;
    let seconds = arguments.seconds("--seconds", 30.0)?;
    arguments.finish()?;
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(bootstrap).await?;
        topic::describe(&mut connection, "load-none").await?;
        connections.push(connection);
    }
    sleep(Duration::from_secs(2)).await;
    let begun = subject.begin()?;
    sleep(seconds).await;
    subject.print(subject.at_end(&begun)?, json!({ "connections": count }));
    Ok(())
}

/// A program's load, or nobody's.
pub(crate) async fn watch(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // It loads nothing itself; the other commands need the address.
    arguments.bootstrap()?;
    let subject = Subject::parse(&mut arguments, "idle")?;
    let seconds = arguments.seconds("--seconds", 30.0)?;
    let bytes: Option<u64> = arguments.optional("--bytes")?;
    let records: Option<u64> = arguments.optional("--records")?;
    let ballast = arguments.ballast()?;
    let program = arguments.program();
    arguments.finish()?;
    let begun = subject.begin()?;
    let Some((name, rest)) = program.split_first() else {
        sleep(seconds).await;
        subject.print(subject.at_end(&begun)?, json!({}));
        return Ok(());
    };
    // What a program writes is not known while it runs.
    ballast.follow(u64::MAX);
    let mut child =
        std::process::Command::new(name).args(rest).stdout(std::process::Stdio::null()).spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(POLL).await;
    };
    if !status.success() {
        return Err(format!("{name}: {status}").into());
    }
    subject.print(
        subject.at_idle(&begun).await?,
        json!({ "bytes": bytes, "records": records, "program": name }),
    );
    Ok(())
}
