//! What the broker's process used while something ran, background work included, as a line of JSON.

use std::time::Duration;

use jackdaw_bench::process::Usage;
use jackdaw_ring::{Instant, now, sleep};
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;

/// A broker that uses less of a CPU than this does nothing that a load has left to do.
const IDLE_SHARE: f64 = 0.05;
const IDLE_STEP: Duration = Duration::from_millis(500);
const IDLE_PATIENCE: Duration = Duration::from_secs(15);

/// Whose use is measured, and what the line says of itself.
pub(crate) struct Subject {
    process: Option<u32>,
    label: String,
    row: String,
    note: String,
}

/// A measurement that has begun.
pub(crate) struct Begun {
    at: Instant,
    broker: Option<Usage>,
    own: Usage,
}

/// A measurement that has ended.
pub(crate) struct Used {
    seconds: f64,
    own: Usage,
    broker: Option<Usage>,
    /// How long the broker went on before it was idle, and what it had used by then.
    settling: Option<(Duration, Usage)>,
}

impl Subject {
    pub(crate) fn parse(arguments: &mut Arguments, row: &str) -> Result<Self, String> {
        Ok(Self {
            process: arguments.optional("--pid")?,
            label: arguments.text("--label", "broker"),
            row: arguments.text("--row", row),
            note: arguments.text("--note", ""),
        })
    }

    pub(crate) fn begin(&self) -> Result<Begun, std::io::Error> {
        Ok(Begun { at: now(), broker: self.usage()?, own: Usage::of(std::process::id())? })
    }

    fn usage(&self) -> Result<Option<Usage>, std::io::Error> {
        self.process.map(Usage::of).transpose()
    }

    /// What was used until now.
    pub(crate) fn at_end(&self, begun: &Begun) -> Result<Used, std::io::Error> {
        let own = Usage::of(std::process::id())? - begun.own;
        let broker = match (self.usage()?, begun.broker) {
            (Some(after), Some(before)) => Some(after - before),
            _ => None,
        };
        Ok(Used { seconds: (now() - begun.at).as_secs_f64(), own, broker, settling: None })
    }

    /// What was used until now and from now on, until the broker is idle.
    pub(crate) async fn at_idle(&self, begun: &Begun) -> Result<Used, std::io::Error> {
        let mut used = self.at_end(begun)?;
        let settled_after = self.settle().await?;
        if let (Some(after), Some(before)) = (self.usage()?, begun.broker) {
            used.settling = Some((settled_after, after - before));
        }
        Ok(used)
    }

    /// The line: what `result` has first, then what was used.
    pub(crate) fn print(&self, used: Used, result: Value) {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("row", json!(self.row));
        put("label", json!(self.label));
        put("note", json!(self.note));
        put("seconds", json!(used.seconds));
        put("generator_cpu_s", json!(used.own.cpu_seconds()));
        put("generator_waited_s", json!(used.own.waited_seconds));
        if let Some(in_load) = used.broker {
            put("cpu_s_in_load", json!(in_load.cpu_seconds()));
            put("rss_kib", json!(in_load.resident_kib));
            let (idle_after, all) = used.settling.unwrap_or((Duration::ZERO, in_load));
            put("idle_after_s", json!(idle_after.as_secs_f64()));
            line.extend(fields_of(&all));
        }
        if let Value::Object(fields) = result {
            line.extend(fields);
        }
        println!("{}", Value::Object(line));
    }

    /// For how long the broker went on before it was idle.
    async fn settle(&self) -> Result<Duration, std::io::Error> {
        let begun = now();
        while let Some(before) = self.usage()? {
            let step = now();
            sleep(IDLE_STEP).await;
            let Some(after) = self.usage()? else { break };
            let share = (after - before).run_seconds / (now() - step).as_secs_f64();
            if share < IDLE_SHARE || now() - begun > IDLE_PATIENCE {
                return Ok(step - begun);
            }
        }
        Ok(Duration::ZERO)
    }
}

fn fields_of(used: &Usage) -> Map<String, Value> {
    let fields = [
        ("cpu_s", used.cpu_seconds()),
        ("user_s", used.user_seconds),
        ("system_s", used.system_seconds),
        ("run_s", used.run_seconds),
        ("waited_s", used.waited_seconds),
        ("written_bytes", used.written_bytes),
        ("voluntary_switches", used.voluntary_switches),
        ("forced_switches", used.forced_switches),
        ("stolen_s", used.stolen_seconds),
        ("rss_peak_kib", used.resident_peak_kib as f64),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}
