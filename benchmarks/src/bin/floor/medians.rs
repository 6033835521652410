//! The table of the floor: medians over the rounds of each figure.

use std::error::Error;

use serde_json::Value;

pub(crate) fn table(raw: &str) -> Result<String, Box<dyn Error>> {
    // In the order in which the program names them.
    let mut figures: Vec<(String, Vec<Value>)> = Vec::new();
    for line in raw.lines().filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line)?;
        let name = line["figure"].as_str().unwrap_or_default().to_owned();
        match figures.iter_mut().find(|(figure, _)| *figure == name) {
            Some((_, lines)) => lines.push(line),
            None => figures.push((name, vec![line])),
        }
    }
    let mut text = String::new();
    for (figure, lines) in &figures {
        let values = [
            ("CPU s a GB", "cpu_s_per_gb", 3),
            ("MB/s", "mb_per_s", 0),
            ("CPU us a request", "cpu_us_per_request", 2),
            ("requests/s", "requests_per_s", 0),
            ("CPU us a record", "cpu_us_per_record", 2),
            ("records/s", "records_per_s", 0),
            ("us a flush", "flush_us", 0),
        ];
        let shown: Vec<String> = values
            .iter()
            .filter_map(|(unit, field, places)| Some(format!("{:.*} {unit}", places, median(lines, field)?)))
            .collect();
        text.push_str(&format!("{figure:<54} {}\n", shown.join(", ")));
    }
    Ok(text)
}

fn median(lines: &[Value], field: &str) -> Option<f64> {
    let mut values: Vec<f64> = lines.iter().filter_map(|line| line[field].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_each_figure_is_shown() {
        let raw = "{\"figure\":\"b\",\"mb_per_s\":1}\n{\"figure\":\"a\",\"flush_us\":7}\n{\"figure\":\"b\",\"mb_per_s\":9}\n\
                   {\"figure\":\"b\",\"mb_per_s\":3}\n";
        let table = table(raw).expect("JSON");
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("b ") && lines[0].ends_with(" 3 MB/s"), "{table}");
        assert!(lines[1].starts_with("a ") && lines[1].ends_with(" 7 us a flush"), "{table}");
    }
}
