//! The section of docs/COMPATIBILITY.md that a run writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::findings::{Findings, Found, ranges};
use crate::rules::{Rule, Rules};

const BEGIN: &str = "<!-- parity: written by `cargo xtask parity`, do not edit -->\n";
const END: &str = "<!-- parity: end -->\n";

/// Versions that each broker advertises, by API.
type Advertised = BTreeMap<String, (i16, i16)>;

/// The page with the section of this run.
pub(crate) fn replaced(page: &str, section: &str) -> Result<String, String> {
    let begin = page.find(BEGIN).ok_or("docs/COMPATIBILITY.md has lost its marker of parity")?;
    let end =
        page.find(END).filter(|end| *end > begin).ok_or("docs/COMPATIBILITY.md has no end of parity")?;
    Ok(format!("{}{BEGIN}{section}{}", &page[..begin], &page[end..]))
}

/// The section, without its markers.
pub(crate) fn section(
    findings: &Findings,
    cases: &[Case],
    rules: &Rules,
    jackdaw: &Advertised,
    kafka: &Advertised,
) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "\n{} answers to {} cases, at each version that both serve. A case that is not valid stands in the last column.\n\n\
         | API | versions | valid requests | bad input |\n|---|---|---|---|\n",
        findings.answers,
        cases.len()
    );
    for api in jackdaw.keys() {
        let versions: Vec<i16> =
            findings.compared.get(api).map(|all| all.keys().copied().collect()).unwrap_or_default();
        let names = |valid: bool| names(cases, api, valid);
        let _ = writeln!(text, "| {api} | {} | {} | {} |", ranges(&versions), names(true), names(false));
    }
    missing(&mut text, jackdaw, kafka);
    text.push_str("\n### Where these answers differ, and why\n\n| API, versions | case | field | Kafka | here | why |\n|---|---|---|---|---|---|\n");
    for (index, case) in cases.iter().enumerate() {
        for declared in &case.declared {
            if let [first, ..] = findings.declared(index, declared).as_slice() {
                row(&mut text, case, first, &findings.declared(index, declared), &declared.why);
            }
        }
    }
    for declared in rules.declared.iter() {
        let Rule { api, path, why } = &declared.rule;
        let kafka = declared.kafka.as_deref().map_or_else(String::new, shortened);
        let _ = writeln!(text, "| {api} | any | {path} | {kafka} | | {} |", cell(why));
    }
    text.push_str("\n### What is not compared\n\nOf these only whether there is a value.\n\n");
    rules_table(&mut text, &rules.differs);
    text.push_str("\nThese lists are compared as sets: Kafka's order is that of a hash table.\n\n");
    rules_table(&mut text, &rules.unordered);
    text.push('\n');
    text
}

fn names(cases: &[Case], api: &str, valid: bool) -> String {
    let of_api = cases.iter().filter(|case| case.api == api && case.valid == valid);
    of_api.map(|case| cell(&case.name)).collect::<Vec<_>>().join("; ")
}

/// The APIs and versions that Kafka alone serves.
fn missing(text: &mut String, jackdaw: &Advertised, kafka: &Advertised) {
    let mut missing = Vec::new();
    for (api, (first, last)) in kafka {
        let all: Vec<i16> = (*first..=*last).collect();
        let lacks =
            |version: &i16| jackdaw.get(api).is_none_or(|(first, last)| !(first..=last).contains(&version));
        let lacking: Vec<i16> = all.iter().copied().filter(lacks).collect();
        if lacking.len() == all.len() {
            missing.push(api.clone());
        } else if !lacking.is_empty() {
            missing.push(format!("{api} {}", ranges(&lacking)));
        }
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "\nServed by Apache Kafka alone: {}.", missing.join(", "));
    }
}

fn row(text: &mut String, case: &Case, first: &Found, all: &[&Found], why: &str) {
    let versions: Vec<i16> = all.iter().map(|found| found.version).collect();
    let value = |value: &Option<String>| value.as_deref().map_or("absent".to_owned(), shortened);
    let difference = &first.difference;
    let _ = writeln!(
        text,
        "| {} {} | {} | {} | {} | {} | {} |",
        case.api,
        ranges(&versions),
        cell(&case.name),
        cell(&difference.path),
        value(&difference.kafka),
        value(&difference.jackdaw),
        cell(why)
    );
}

fn rules_table(text: &mut String, rules: &[Rule]) {
    text.push_str("| API | field | because |\n|---|---|---|\n");
    for Rule { api, path, why } in rules {
        let api = if api == "*" { "all" } else { api };
        let _ = writeln!(text, "| {api} | `{path}` | {} |", cell(why));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn shortened(value: &str) -> String {
    const MOST: usize = 120;
    let short: String = value.chars().take(MOST).collect();
    let dots = if short.len() < value.len() { "…" } else { "" };
    format!("`{}{dots}`", cell(&short).replace('`', "'"))
}
