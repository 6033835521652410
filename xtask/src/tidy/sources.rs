//! What may stand in a source: `unsafe` and `io_uring` only in ring/, no marks of unfinished work, no
//! registry hosts, no paths of one machine, a `//!` sentence at the top, names that say something.

use super::lexer::{has_word, split};
use super::tree::{Tree, is_generated};
use super::{Finding, Report};

/// Words that stand in ring/ alone.
const RING_ONLY: &[&str] = &["unsafe", "io_uring"];

/// Marks of work that was left. Put together here so that this file does not break its own rule.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Hosts of package registries, which only their clients need to know, and the paths of one machine.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("repo1.", "maven.org"),
    concat!("repo.maven.", "apache.org"),
    concat!("proxy.", "golang.org"),
    concat!("deb.", "debian.org"),
    concat!("/wo", "rk/"),
];

/// Cargo writes its registry's name there itself.
const HOSTS_EXEMPT: &[&str] = &["Cargo.lock"];

/// File names that say nothing.
const EMPTY_NAMES: &[&str] = &["manager", "util", "utils", "helper", "helpers", "common", "misc"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.files() {
        hosts(path, text, report);
        if path.ends_with(".rs") {
            rust(path, text, report);
        } else {
            for (line, number) in text.lines().zip(1..) {
                marks(path, line, number, report);
            }
        }
    }
}

fn rust(path: &str, text: &str, report: &mut Report) {
    let parts = split(text);
    for (line, number) in parts.comments.lines().zip(1..) {
        marks(path, line, number, report);
    }
    if !path.starts_with("ring/") {
        for (line, number) in parts.code.lines().zip(1..) {
            for word in RING_ONLY.iter().filter(|word| has_word(line, word)) {
                report.breaches.push(Finding::new(path, number, format!("`{word}` stands outside ring/")));
            }
        }
    }
    if !is_generated(text) && !text.starts_with("//!") {
        let said = "begin the file with a `//!` sentence that says what is inside";
        report.breaches.push(Finding::new(path, 1, said));
    }
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    let directory = path.rsplit('/').nth(1).unwrap_or_default();
    for name in [stem, directory] {
        if EMPTY_NAMES.contains(&name) {
            report.breaches.push(Finding::new(path, 0, format!("`{name}` does not say what is inside")));
        }
    }
}

fn marks(path: &str, line: &str, number: usize, report: &mut Report) {
    if let Some(mark) = MARKS.iter().find(|mark| has_word(line, mark)) {
        let said = format!("{mark}: do it, or open an issue");
        report.breaches.push(Finding::new(path, number, said));
    }
}

fn hosts(path: &str, text: &str, report: &mut Report) {
    let exempt = HOSTS_EXEMPT.iter().any(|name| path == *name || path.ends_with(&format!("/{name}")));
    if exempt {
        return;
    }
    for (line, number) in text.lines().zip(1..) {
        if let Some(host) = HOSTS.iter().find(|host| stands_alone(line, host)) {
            report.breaches.push(Finding::new(path, number, format!("`{host}` does not belong into a file")));
        }
    }
}

/// `docs/work/x` is not the path of a machine.
fn stands_alone(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        !host.starts_with('/')
            || !line[..at]
                .ends_with(|character: char| character.is_alphanumeric() || "._-".contains(character))
    })
}
