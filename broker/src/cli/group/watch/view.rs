//! One look at a group as a screen, as plain lines, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::rates::{Rates, rate_text};
use crate::cli::group::cell;
use crate::cli::group::describe::{description_json, heading};
use crate::cli::group::progress::Progress;
use crate::cli::output::table::{Align, Table};
use crate::utc;

/// What there is to show.
pub(super) struct Look<'a> {
    pub(super) time_ms: i64,
    pub(super) progress: &'a Progress,
    /// In the order of the partitions.
    pub(super) rates: &'a [Rates],
    pub(super) sum: Rates,
}

impl Look<'_> {
    /// The lines of a screen, `height` at most: the table gives way, its first lines stay.
    pub(super) fn screen(&self, height: usize) -> Vec<String> {
        let mut lines = vec![heading(&self.progress.description).trim_end().to_owned(), String::new()];
        let table = self.table().to_text();
        let mut table: Vec<String> = table.lines().map(str::to_owned).collect();
        let mut sum = self.progress.sum().to_text();
        if self.sum != Rates::default() {
            let (consumed, produced) = (rate_text(self.sum.consumed), rate_text(self.sum.produced));
            sum = format!("{} Consumed {consumed}/s, produced {produced}/s.", sum.trim_end());
        }
        let end = [
            String::new(),
            sum.trim_end().to_owned(),
            format!("{}  (Ctrl-C ends)", utc::to_text(self.time_ms)),
        ];
        let room = height.saturating_sub(lines.len() + end.len()).max(2);
        if table.len() > room {
            let hidden = table.len() - room + 1;
            table.truncate(room - 1);
            table.push(format!("… and {hidden} more"));
        }
        lines.append(&mut table);
        lines.extend(end);
        lines
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("TOPIC", Align::Left),
            ("PARTITION", Align::Right),
            ("COMMITTED", Align::Right),
            ("LOG END", Align::Right),
            ("LAG", Align::Right),
            ("CONSUMED/S", Align::Right),
            ("PRODUCED/S", Align::Right),
            ("MEMBER", Align::Left),
        ]);
        for (partition, rates) in self.progress.partitions.iter().zip(self.rates) {
            let member = partition.member(&self.progress.description);
            table.row([
                partition.partition.topic.clone(),
                partition.partition.partition.to_string(),
                cell(partition.committed_offset()),
                cell(partition.log_end),
                cell(partition.lag()),
                rate_text(rates.consumed),
                rate_text(rates.produced),
                cell(member.map(|member| &member.member_id)),
            ]);
        }
        table
    }

    /// A line for each partition, and one for all.
    pub(super) fn plain(&self) -> String {
        let time = utc::to_text(self.time_ms);
        let mut text = String::new();
        // Writing into a string cannot fail.
        for (partition, rates) in self.progress.partitions.iter().zip(self.rates) {
            let _ = writeln!(
                text,
                "{time}  {}  committed {}  end {}  lag {}  consumed {}/s  produced {}/s",
                partition.partition,
                cell(partition.committed_offset()),
                cell(partition.log_end),
                cell(partition.lag()),
                rate_text(rates.consumed),
                rate_text(rates.produced),
            );
        }
        let sum = self.progress.sum();
        let _ = writeln!(
            text,
            "{time}  total  lag {}  largest {}  consumed {}/s  produced {}/s  state {}  members {}",
            sum.total,
            sum.max,
            rate_text(self.sum.consumed),
            rate_text(self.sum.produced),
            self.progress.description.state,
            self.progress.description.members.len(),
        );
        text
    }

    /// One object, on one line.
    pub(super) fn json(&self) -> String {
        let mut json = description_json(&self.progress.description);
        let sum = self.progress.sum();
        let partitions = self.progress.partitions.iter().zip(self.rates).map(|(partition, rates)| {
            let mut json = partition.to_json();
            let member = partition.member(&self.progress.description);
            json["member"] = json!(member.map(|member| &member.member_id));
            json["consumed_per_second"] = json!(rates.consumed);
            json["produced_per_second"] = json!(rates.produced);
            json
        });
        json["partitions"] = Value::Array(partitions.collect());
        json["time"] = json!(self.time_ms);
        json["total_lag"] = json!(sum.total);
        json["max_lag"] = json!(sum.max);
        json["consumed_per_second"] = json!(self.sum.consumed);
        json["produced_per_second"] = json!(self.sum.produced);
        format!("{json}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::group::progress::tests as sample;

    fn with_look<T>(show: impl FnOnce(&Look<'_>) -> T) -> T {
        let progress = sample::progress();
        let mut rates = vec![Rates::default(); progress.partitions.len()];
        rates[0] = Rates { consumed: Some(15.0), produced: Some(120.0) };
        let sum = rates[0];
        show(&Look { time_ms: 1_795_514_400_000, progress: &progress, rates: &rates, sum })
    }

    #[test]
    fn a_screen_has_no_more_lines_than_the_terminal() {
        let lines = with_look(|look| look.screen(50));
        assert_eq!(
            lines[2..6],
            [
                "TOPIC   PARTITION  COMMITTED  LOG END  LAG  CONSUMED/S  PRODUCED/S  MEMBER",
                "orders          0         10      100   90        15.0         120  app-a",
                "orders          1          -        7    -           -           -  app-b",
                "orders          2         20       15   -5           -           -  -",
            ]
        );
        let low = with_look(|look| look.screen(8));
        assert_eq!(low.len(), 8);
        assert_eq!(low[3], lines[3]);
        assert_eq!(low[4], "… and 3 more");
        assert_eq!(low.last(), lines.last());
    }

    #[test]
    fn plain_lines_stand_alone() {
        let text = with_look(|look| look.plain());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "2026-11-24T10:00:00.000Z  orders:0  committed 10  end 100  lag 90  consumed 15.0/s  produced 120/s"
        );
        assert_eq!(
            lines[4],
            "2026-11-24T10:00:00.000Z  total  lag 90  largest 90  consumed 15.0/s  produced 120/s  \
             state Stable  members 2"
        );
    }

    #[test]
    fn json_is_one_line() {
        let text = with_look(|look| look.json());
        assert_eq!(text.lines().count(), 1);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["partitions"][0]["consumed_per_second"], 15.0);
        assert_eq!(json["partitions"][1]["consumed_per_second"], Value::Null);
        assert_eq!(json["time"], 1_795_514_400_000_i64);
    }
}
