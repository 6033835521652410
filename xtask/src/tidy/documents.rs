//! Documents: every link leads somewhere, decision records are numbered and have their parts.

use super::tree::Tree;
use super::{Finding, Report};

const ADR: &str = "docs/adr/";
const ADR_TEMPLATE: &str = "docs/adr/template.md";
const ADR_PARTS: &[&str] = &["## Status", "## Context", "## Decision", "## Consequences"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        links(tree, path, text, report);
    }
    decision_records(tree, report);
}

fn links(tree: &Tree, path: &str, text: &str, report: &mut Report) {
    for (line, number) in outside_code_blocks(text) {
        for target in targets(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if let Err(problem) = resolve(tree, path, target) {
                report.breaches.push(Finding::new(path, number, format!("link to `{target}`: {problem}")));
            }
        }
    }
}

fn outside_code_blocks(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut in_block = false;
    text.lines().zip(1..).filter(move |(line, _)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    })
}

/// The targets of `[text](target)` in a line; what stands between back ticks is no link.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("](") {
        let in_ticks = line[..at].matches('`').count() % 2 == 1;
        let rest = &line[at + 2..];
        if let Some(end) = rest.find(')').filter(|_| !in_ticks) {
            found.push(rest[..end].split_whitespace().next().unwrap_or_default());
        }
    }
    found
}

fn resolve(tree: &Tree, from: &str, target: &str) -> Result<(), String> {
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path =
        if file.is_empty() { from.to_owned() } else { joined(from, file).ok_or("leads out of the tree")? };
    if !tree.has(&path) {
        return Err(format!("{path} is not there"));
    }
    match (anchor, tree.get(&path)) {
        (Some(anchor), Some(text)) if !headings(text).any(|heading| heading == anchor) => {
            Err(format!("{path} has no such heading"))
        }
        _ => Ok(()),
    }
}

/// A path relative to the directory of `from`.
fn joined(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Headings as anchors: lower case, spaces as dashes, other signs gone.
fn headings(text: &str) -> impl Iterator<Item = String> {
    outside_code_blocks(text).filter(|(line, _)| line.starts_with('#')).map(|(line, _)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title.replace(' ', "-").chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
    })
}

/// `NNNN-name.md` from 0001 without a gap, `# NNNN: title`, and the parts of the template.
fn decision_records(tree: &Tree, report: &mut Report) {
    let records = tree.files().filter(|(path, _)| path.starts_with(ADR) && *path != ADR_TEMPLATE);
    for ((path, text), expected) in records.zip(1..) {
        let number = format!("{expected:04}");
        if !path[ADR.len()..].starts_with(&format!("{number}-")) {
            report.breaches.push(Finding::new(
                path,
                0,
                format!("the next decision record is number {number}"),
            ));
        }
        if !text.starts_with(&format!("# {number}: ")) {
            report.breaches.push(Finding::new(path, 1, format!("begin with `# {number}: title`")));
        }
        for part in ADR_PARTS.iter().filter(|part| !text.lines().any(|line| line == **part)) {
            report.breaches.push(Finding::new(path, 0, format!("`{part}` is missing")));
        }
    }
}
