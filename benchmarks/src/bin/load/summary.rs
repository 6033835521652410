//! The table: means over the runs of a row, Jackdaw's as a share of Kafka's, the goal, and what the machine did.

use std::{collections::BTreeMap, error::Error, fmt::Write};

use serde_json::Value;

use crate::{
    arguments::Arguments,
    goals::{Figure, Goal, GoalLine, LINES},
};

/// The lines of all runs, by row and broker.
pub(crate) type Runs = BTreeMap<(String, String), Vec<Value>>;

pub(crate) fn print(arguments: &mut Arguments) -> Result<(), Box<dyn Error>> {
    let raw: String = arguments.optional("--raw")?.ok_or("--raw is missing")?;
    arguments.finish()?;
    let runs = parse(&std::fs::read_to_string(raw)?)?;
    print!("{}\n{}", table(&runs)?, machine(&runs)?);
    Ok(())
}

pub(crate) fn parse(text: &str) -> Result<Runs, Box<dyn Error>> {
    let mut runs = Runs::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line)?;
        let name = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        runs.entry((name("row"), name("label"))).or_default().push(line);
    }
    Ok(runs)
}

/// A figure over the runs of one broker.
#[derive(Clone, Copy)]
struct Mean {
    mean: f64,
    /// The largest as a multiple of the smallest.
    spread: f64,
}

fn mean(runs: &Runs, row: &str, label: &str, figure: Figure) -> Option<Mean> {
    let lines = runs.get(&(row.to_owned(), label.to_owned()))?;
    let values: Vec<f64> = lines.iter().filter_map(|line| value(line, figure)).collect();
    let (smallest, largest) = values
        .iter()
        .fold((f64::MAX, 0.0), |(low, high): (f64, f64), value| (low.min(*value), high.max(*value)));
    let spread = if smallest > 0.0 { largest / smallest } else { 1.0 };
    (!values.is_empty()).then(|| Mean { mean: values.iter().sum::<f64>() / values.len() as f64, spread })
}

fn value(line: &Value, figure: Figure) -> Option<f64> {
    match figure {
        Figure::Field(name, unit) => Some(line[name].as_f64()? / unit),
        Figure::Per(name, unit, by) => {
            let by = line[by].as_f64().filter(|by| *by > 0.0)?;
            Some(line[name].as_f64()? / unit / by)
        }
    }
}

fn table(runs: &Runs) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "{:<50} {:>9} {:>9} {:>7}  {:<14} {:<7} {:>6} {:>8}\n",
        "", "Jackdaw", "Kafka", "J / K", "goal", "", "spread", "at once"
    );
    for line in LINES {
        let of = |label| mean(runs, line.row, label, line.figure);
        let (jackdaw, kafka) = (of("jackdaw"), of("kafka"));
        if jackdaw.is_none() && kafka.is_none() {
            continue;
        }
        let spread = [jackdaw, kafka].iter().flatten().map(|mean| mean.spread).fold(1.0, f64::max);
        let share = jackdaw.zip(kafka).filter(|(_, kafka)| kafka.mean > 0.0).map(|(j, k)| j.mean / k.mean);
        let (goal, verdict) = judge(runs, line, jackdaw.map(|mean| mean.mean), kafka.map(|mean| mean.mean));
        writeln!(
            text,
            "{:<50} {:>9} {:>9} {:>7}  {goal:<14} {verdict:<7} {spread:>6.2} {:>8}",
            line.text,
            shown(jackdaw.map(|mean| mean.mean)),
            shown(kafka.map(|mean| mean.mean)),
            shown(share),
            shown(of("answer").map(|mean| mean.mean)),
        )?;
    }
    text.push_str(
        "\nMeans of the runs. J / K: Jackdaw's as a multiple of Kafka's. spread: the largest run by the smallest, of the \
         broker\nwhose runs differ more. at once: the same load on a server that answers at once.\n",
    );
    Ok(text)
}

/// The goal in words, and whether it is met.
fn judge(runs: &Runs, line: &GoalLine, jackdaw: Option<f64>, kafka: Option<f64>) -> (String, &'static str) {
    let verdict = |is_met: Option<bool>| match is_met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let pair = jackdaw.zip(kafka);
    match line.goal {
        Goal::Share(share) => {
            (format!("<= {share:.3} x"), verdict(pair.map(|(jackdaw, kafka)| jackdaw <= share * kafka)))
        }
        Goal::Times(times) => {
            (format!(">= {times:.1} x"), verdict(pair.map(|(jackdaw, kafka)| jackdaw >= times * kafka)))
        }
        Goal::AtMost(most) => (format!("<= {most}"), verdict(jackdaw.map(|jackdaw| jackdaw <= most))),
        Goal::KafkaOf(row) => {
            let most = mean(runs, row, "kafka", line.figure).map(|mean| mean.mean);
            let text = most.map_or_else(String::new, |most| format!("<= {}", shown(Some(most))));
            (text, verdict(jackdaw.zip(most).map(|(jackdaw, most)| jackdaw <= most)))
        }
        Goal::None => (String::new(), ""),
    }
}

/// Three digits that count.
fn shown(value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let places = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

/// What stood between the brokers and the machine: for judging how much the table is worth.
fn machine(runs: &Runs) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "{:<18} {:<8} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}\n",
        "row",
        "",
        "runs",
        "user s",
        "system s",
        "waited s",
        "stolen s",
        "gen. s",
        "gen. wait",
        "written",
        "switches"
    );
    for ((row, label), lines) in runs.iter().filter(|(_, lines)| lines[0]["seconds"].is_number()) {
        let of = |name: &'static str, unit: f64| {
            mean(runs, row, label, Figure::Field(name, unit)).map_or(0.0, |mean| mean.mean)
        };
        writeln!(
            text,
            "{row:<18} {label:<8} {:>4} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>9.2} {:>6.0} MB {:>8.0}",
            lines.len(),
            of("user_s", 1.0),
            of("system_s", 1.0),
            of("waited_s", 1.0),
            of("stolen_s", 1.0),
            of("generator_cpu_s", 1.0),
            of("generator_waited_s", 1.0),
            of("written_bytes", 1e6),
            of("voluntary_switches", 1.0),
        )?;
    }
    text.push_str(
        "\nMeans a run, until the broker was idle again. waited: ready to run without a CPU. gen.: the load generator.\n",
    );
    let missing: f64 = runs
        .values()
        .flatten()
        .filter_map(|line| line["missing"].as_f64())
        .fold(0.0, |sum, missing| sum + missing);
    writeln!(text, "Records that a consumer never got, of all rows: {missing}.")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(raw: &str, row: &str) -> (String, &'static str) {
        let runs = parse(raw).expect("JSON");
        let line = LINES.iter().find(|line| line.row == row).expect("a line of the table");
        let of = |label| mean(&runs, row, label, line.figure).map(|mean| mean.mean);
        judge(&runs, line, of("jackdaw"), of("kafka"))
    }

    #[test]
    fn a_share_of_kafkas_mean_is_the_goal() {
        let run = |label: &str, cpu: f64| {
            format!("{{\"row\":\"large\",\"label\":\"{label}\",\"cpu_s\":{cpu},\"bytes\":1000000000}}\n")
        };
        let kafka = run("kafka", 1.0) + &run("kafka", 3.0);
        assert_eq!(judged(&(run("jackdaw", 0.7) + &kafka), "large").1, "met");
        assert_eq!(judged(&(run("jackdaw", 0.9) + &kafka), "large").1, "MISSED");
        assert_eq!(judged(&run("jackdaw", 0.9), "large").1, "");
    }

    #[test]
    fn a_row_of_kafka_can_be_the_goal_of_another() {
        let raw = r#"{"row":"e2e-500","label":"kafka","e2e_p50_us":0,"e2e_p99_us":2000}
{"row":"e2e-500-flush","label":"jackdaw","e2e_p99_us":1500}"#;
        let runs = parse(raw).expect("JSON");
        let line = LINES.iter().find(|line| line.goal == Goal::KafkaOf("e2e-500")).expect("such a line");
        assert_eq!(judge(&runs, line, Some(1.5), None), ("<= 2.00".to_owned(), "met"));
    }

    #[test]
    fn spread_is_of_the_runs() {
        let raw = "{\"row\":\"idle\",\"label\":\"kafka\",\"rss_kib\":100}\n{\"row\":\"idle\",\"label\":\"kafka\",\"rss_kib\":300}";
        let mean =
            mean(&parse(raw).expect("JSON"), "idle", "kafka", Figure::Field("rss_kib", 1.0)).expect("runs");
        assert_eq!((mean.mean, mean.spread), (200.0, 3.0));
    }
}
