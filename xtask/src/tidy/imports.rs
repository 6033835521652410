//! Who imports whom; every dependency is used, and every foreign one accounted for in docs/DEPENDENCIES.md.

use std::collections::BTreeSet;

use super::lexer::{has_word, split};
use super::tree::Tree;
use super::{Finding, Report};

/// Each directory, and which of ours it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("ring", &[]),
    ("raft", &["core"]),
    ("storage", &["core", "ring"]),
    ("net", &["core", "ring"]),
    ("shard", &["core", "raft", "ring", "storage", "net"]),
    ("sim", &["core", "raft", "ring", "storage", "net", "shard"]),
    ("broker", &["core", "raft", "ring", "storage", "net", "shard"]),
    ("benchmarks", &["core", "raft", "ring", "storage", "net", "shard"]),
    ("tests", &["core", "codec-tests"]),
    ("tests/codec", &["core"]),
    ("fuzz", &["core", "ring", "storage", "net", "sim", "codec-tests"]),
    ("tests/parity", &["core", "tests"]),
    ("xtask", &["core"]),
];

const PAGE: &str = "docs/DEPENDENCIES.md";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let mut imported = BTreeSet::new();
    for (path, text) in tree.files() {
        let Some(directory) = path.strip_suffix("/Cargo.toml") else { continue };
        let manifest: toml::Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                report.breaches.push(Finding::new(path, 0, format!("cannot be read: {error}")));
                continue;
            }
        };
        let package = name_of(&manifest).unwrap_or(directory).to_owned();
        for dependency in dependencies(&manifest) {
            if !is_used(tree, directory, &dependency) {
                let text = format!("{dependency} is not used");
                report.breaches.push(Finding::new(path, 0, text));
            }
            match dependency.strip_prefix("jackdaw-") {
                Some(ours) => check_ours(path, directory, ours, report),
                None => {
                    imported.insert((package.clone(), dependency, path.to_owned()));
                }
            }
        }
    }
    check_page(tree.get(PAGE).unwrap_or_default(), &imported, report);
}

fn name_of(manifest: &toml::Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// The crates of all dependency tables, those of targets too.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = std::iter::once(manifest)
        .chain(targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table)));
    tables
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Whether a source below the directory names the crate.
fn is_used(tree: &Tree, directory: &str, dependency: &str) -> bool {
    let word = dependency.replace('-', "_");
    let below = format!("{directory}/");
    tree.files()
        .filter(|(path, _)| path.starts_with(&below) && path.ends_with(".rs"))
        .any(|(_, text)| has_word(text, &word) && has_word(&split(text).code, &word))
}

fn check_ours(path: &str, directory: &str, ours: &str, report: &mut Report) {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == directory) else {
        let text = format!("{directory} has no row in the rules of xtask/src/tidy/imports.rs");
        return report.breaches.push(Finding::new(path, 0, text));
    };
    if !allowed.contains(&ours) {
        let text =
            format!("{directory} must not import {ours}: docs/ARCHITECTURE.md says who may import whom");
        report.breaches.push(Finding::new(path, 0, text));
    }
}

/// A heading `## package`, below it a table whose rows begin with a crate's name or several; what stands in
/// brackets is a remark. Rows and imports are the same set.
fn check_page(page: &str, imported: &BTreeSet<(String, String, String)>, report: &mut Report) {
    let mut rows = BTreeSet::new();
    let mut package = String::new();
    for (line, number) in page.lines().zip(1..) {
        if let Some(heading) = line.strip_prefix("## ") {
            package = first_word(heading);
        }
        let Some(cell) = line.strip_prefix('|').and_then(|row| row.split('|').next()) else { continue };
        for name in cell.split(',').map(first_word) {
            if name.is_empty() || name == "crate" || name.starts_with("--") {
                continue;
            }
            if !imported.iter().any(|(p, d, _)| *p == package && *d == name) {
                report.breaches.push(Finding::new(PAGE, number, format!("{package} does not import {name}")));
            }
            if !rows.insert((package.clone(), name.clone())) {
                let text = format!("{name} stands twice under {package}");
                report.breaches.push(Finding::new(PAGE, number, text));
            }
        }
    }
    for (package, dependency, path) in imported {
        if !rows.contains(&(package.clone(), dependency.clone())) {
            let text = format!("{dependency} has no row under `## {package}` in {PAGE}");
            report.breaches.push(Finding::new(path, 0, text));
        }
    }
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().trim_matches('`').to_owned()
}
