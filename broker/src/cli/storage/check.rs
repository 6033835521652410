//! `jackdaw storage check`: what is wrong in the directories of a stopped server.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use jackdaw_storage::{
    StorageError,
    check::{Finding, Progress, Report, Severity, check},
};
use serde_json::{Value, json};

use super::{
    super::{
        error::CommandError,
        options::{Format, FormatOptions},
        output::{
            count, print, print_json,
            table::{Align, Table},
        },
    },
    on_a_ring,
};

/// A check that takes longer says how far it is this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
#[command(
    after_help = "Findings are `damage` (something that was written is gone, changed, or contradicted) or \
`unfinished` (left by a stop that was not clean; the next start deals with it).

Exit codes: 0 nothing is damaged, 1 damage was found or the check failed.

Examples:
  jackdaw storage check /data
  jackdaw storage check /data1 /data2          all of log.dirs of one server
  jackdaw storage check /data --format json | jq '.findings[] | select(.severity == \"damage\")'"
)]
pub(crate) struct CheckStorage {
    /// Log directories of one server that does not run
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,

    #[command(flatten)]
    format: FormatOptions,
}

impl CheckStorage {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let dirs = self.dirs;
        let checked = on_a_ring(async move {
            let mut teller = Teller::new();
            check(&dirs, &mut |progress| teller.hear(progress)).await
        })?;
        let report = checked.map_err(failed)?;
        match self.format.format {
            Format::Text => print(&text(&report))?,
            Format::Json => print_json(&to_json(&report))?,
        }
        if report.count(Severity::Damage) > 0 { Err(CommandError::Reported) } else { Ok(()) }
    }
}

fn failed(error: StorageError) -> CommandError {
    let advice = match error {
        StorageError::Locked(_) => "The files of a running server change under the check.",
        _ => "Name the directories of log.dirs, and run this as the server's user.",
    };
    CommandError::Failed { what: format!("cannot check: {error}"), advice }
}

/// Says on stderr how far a long check is.
struct Teller {
    last: Instant,
    /// A line is begun that the next one overwrites.
    is_in_line: bool,
}

impl Drop for Teller {
    fn drop(&mut self) {
        if self.is_in_line {
            let _ = writeln!(std::io::stderr());
        }
    }
}

impl Teller {
    fn new() -> Self {
        Self { last: Instant::now(), is_in_line: false }
    }

    fn hear(&mut self, progress: Progress) {
        if self.last.elapsed() < PROGRESS_INTERVAL {
            return;
        }
        self.last = Instant::now();
        let percent = progress.done_bytes.saturating_mul(100) / progress.total_bytes.max(1);
        let mut stderr = std::io::stderr().lock();
        self.is_in_line = stderr.is_terminal();
        let end = if self.is_in_line { "\r" } else { "\n" };
        // Where stderr is closed nobody listens.
        let _ = write!(
            stderr,
            "checked {} of {} ({percent} %){end}",
            size(progress.done_bytes),
            size(progress.total_bytes)
        );
    }
}

fn size(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    if !report.findings.is_empty() {
        let columns = [
            ("SEVERITY", Align::Left),
            ("FILE", Align::Left),
            ("BYTE", Align::Right),
            ("OFFSET", Align::Right),
            ("WHAT", Align::Left),
        ];
        let mut table = Table::new(&columns);
        for finding in &report.findings {
            let number = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            table.row([
                finding.severity.name().to_owned(),
                finding.path.display().to_string(),
                number(finding.position.map(|position| position.to_string())),
                number(finding.offset.map(|offset| offset.to_string())),
                finding.text.clone(),
            ]);
        }
        text = table.to_whole_text();
        text.push('\n');
    }
    text + &summary(report)
}

fn summary(report: &Report) -> String {
    let stop = if report.clean_dir_count == report.dir_count {
        "The last stop was clean."
    } else {
        "The last stop was not clean: the next start checks the logs from their recovery points on."
    };
    format!(
        "{}, {}, {}, {}, {} bytes. {stop}\n{}, {} unfinished.\n",
        count(report.partition_count as usize, "partition"),
        count(report.segment_count as usize, "segment"),
        if report.batch_count == 1 {
            "1 batch".to_owned()
        } else {
            format!("{} batches", report.batch_count)
        },
        count(report.record_count as usize, "record"),
        report.size_bytes,
        match report.count(Severity::Damage) {
            0 => "No damage".to_owned(),
            number => count(number, "finding") + " of damage",
        },
        report.count(Severity::Unfinished),
    )
}

fn to_json(report: &Report) -> Value {
    json!({
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "damage_count": report.count(Severity::Damage),
        "unfinished_count": report.count(Severity::Unfinished),
        "partition_count": report.partition_count,
        "segment_count": report.segment_count,
        "batch_count": report.batch_count,
        "record_count": report.record_count,
        "size_bytes": report.size_bytes,
        "is_clean_stop": report.clean_dir_count == report.dir_count,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.name(),
        "path": finding.path.display().to_string(),
        "position": finding.position,
        "offset": finding.offset,
        "text": finding.text,
    })
}
