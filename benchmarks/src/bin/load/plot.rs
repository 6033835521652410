//! The plot: latency by quantile, a panel a row, a line a run.

use std::{
    error::Error,
    fmt::{self, Write},
};

use serde_json::Value;

use crate::{
    arguments::Arguments,
    summary::{Runs, parse},
};

const PANEL_WIDTH: f64 = 360.0;
const PANEL_HEIGHT: f64 = 260.0;
const MARGIN: f64 = 48.0;
const PANELS_A_LINE: usize = 2;
/// Quantiles from none to five nines, as powers of ten of what is left above.
const NINES: f64 = 5.0;
/// Milliseconds, as powers of ten.
const LOWEST: f64 = -1.0;
const HIGHEST: f64 = 4.0;
const COLOURS: [(&str, &str); 2] = [("jackdaw", "#1f5fbf"), ("kafka", "#d0532b")];

pub(crate) fn print(arguments: &mut Arguments) -> Result<(), Box<dyn Error>> {
    let raw: String = arguments.optional("--raw")?.ok_or("--raw is missing")?;
    arguments.finish()?;
    print!("{}", svg(&parse(&std::fs::read_to_string(raw)?)?)?);
    Ok(())
}

fn svg(runs: &Runs) -> Result<String, fmt::Error> {
    let has_latencies = |lines: &Vec<Value>| lines.iter().any(|line| line["e2e_distribution"].is_array());
    let mut rows: Vec<&str> =
        runs.iter().filter(|(_, lines)| has_latencies(lines)).map(|((row, _), _)| row.as_str()).collect();
    rows.dedup();
    let width = PANEL_WIDTH * PANELS_A_LINE as f64;
    let height = PANEL_HEIGHT * rows.len().div_ceil(PANELS_A_LINE) as f64;
    let mut text = format!(
        "<svg xmlns=\"{}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        "http://www.w3.org/2000/svg"
    );
    for (index, row) in rows.iter().enumerate() {
        let left = PANEL_WIDTH * (index % PANELS_A_LINE) as f64;
        let top = PANEL_HEIGHT * (index / PANELS_A_LINE) as f64;
        writeln!(text, "<g transform=\"translate({left} {top})\">")?;
        axes(&mut text, row)?;
        for (label, colour) in COLOURS {
            let lines = runs.get(&((*row).to_owned(), label.to_owned()));
            for line in lines.into_iter().flatten() {
                curve(&mut text, &line["e2e_distribution"], colour)?;
            }
        }
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn axes(text: &mut String, row: &str) -> fmt::Result {
    let (right, bottom) = (PANEL_WIDTH - MARGIN / 2.0, PANEL_HEIGHT - MARGIN);
    writeln!(text, "<text x=\"{MARGIN}\" y=\"16\" font-weight=\"bold\">{row}: ms by quantile</text>")?;
    for (index, (label, colour)) in COLOURS.iter().enumerate() {
        let x = right - 90.0 + 50.0 * index as f64;
        writeln!(text, "<text x=\"{x}\" y=\"16\" fill=\"{colour}\">{label}</text>")?;
    }
    for power in LOWEST as i32..=HIGHEST as i32 {
        let y = y_of(10f64.powi(power));
        writeln!(text, "<path d=\"M{MARGIN} {y:.1}H{right}\" stroke=\"#ddd\"/>")?;
        let milliseconds = 10f64.powi(power);
        writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{milliseconds}</text>",
            MARGIN - 4.0,
            y + 4.0
        )?;
    }
    for (nines, name) in ["0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"].iter().enumerate() {
        let x = x_of(1.0 - 10f64.powi(-i32::try_from(nines).unwrap_or(0)));
        writeln!(text, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", bottom + 16.0)?;
    }
    Ok(())
}

fn curve(text: &mut String, points: &Value, colour: &str) -> fmt::Result {
    let points = points.as_array().into_iter().flatten();
    let mut path = String::new();
    for point in points {
        let (Some(quantile), Some(us)) = (point[0].as_f64(), point[1].as_f64()) else { continue };
        let command = if path.is_empty() { 'M' } else { 'L' };
        write!(path, "{command}{:.1} {:.1}", x_of(quantile), y_of(us / 1000.0))?;
    }
    writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>")
}

fn x_of(quantile: f64) -> f64 {
    let nines = -(1.0 - quantile).max(10f64.powf(-NINES)).log10();
    MARGIN + nines / NINES * (PANEL_WIDTH - 1.5 * MARGIN)
}

fn y_of(milliseconds: f64) -> f64 {
    let power = milliseconds.max(1e-9).log10().clamp(LOWEST, HIGHEST);
    let height = PANEL_HEIGHT - 1.5 * MARGIN;
    MARGIN / 2.0 + (HIGHEST - power) / (HIGHEST - LOWEST) * height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_a_row_and_a_line_a_run() {
        let run = |label: &str| {
            format!(
                "{{\"row\":\"e2e-500\",\"label\":\"{label}\",\"e2e_distribution\":[[0.0,100.0],[0.5,900.0],[1.0,9000.0]]}}\n"
            )
        };
        let raw = run("jackdaw")
            + &run("kafka")
            + &run("kafka")
            + "{\"row\":\"large\",\"label\":\"kafka\",\"bytes\":1}";
        let svg = svg(&parse(&raw).expect("JSON")).expect("text");
        assert_eq!(svg.matches("<g ").count(), 1);
        assert_eq!(svg.matches("stroke=\"#d0532b\"").count(), 2);
        assert_eq!(svg.matches("stroke=\"#1f5fbf\"").count(), 1);
    }

    #[test]
    fn more_nines_are_further_right_and_more_time_is_higher() {
        assert!(x_of(0.99) < x_of(0.999) && x_of(1.0) == x_of(0.999_99));
        assert!(y_of(10.0) < y_of(1.0));
    }
}
