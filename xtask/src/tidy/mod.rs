//! `cargo xtask tidy`: the rules of the house, each in a file of its own.

mod documents;
mod functions;
mod imports;
mod lexer;
mod sources;
mod tree;

use std::path::Path;

use tree::Tree;

/// One breach of a rule: where and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// 0: the whole file.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, text: text.into() }
    }

    fn shown(&self) -> String {
        match self.line {
            0 => format!("{}: {}", self.path, self.text),
            line => format!("{}:{line}: {}", self.path, self.text),
        }
    }
}

/// What a look at the tree brings: breaches, and remarks that fail nothing.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) breaches: Vec<Finding>,
    pub(crate) remarks: Vec<Finding>,
}

pub(crate) fn run() -> Result<(), String> {
    let mut report = check(&crate::root())?;
    for generated in [crate::codegen::run(&["--check"]), crate::docs::run(&["--check"])] {
        if let Err(text) = generated {
            report.breaches.push(Finding::new("generated files", 0, text));
        }
    }
    for remark in &report.remarks {
        eprintln!("note: {}", remark.shown());
    }
    for breach in &report.breaches {
        eprintln!("{}", breach.shown());
    }
    match report.breaches.len() {
        0 => Ok(()),
        count => Err(format!("tidy: {count} breaches of the rules, see CONTRIBUTING.md")),
    }
}

/// All rules that need only the tree.
fn check(root: &Path) -> Result<Report, String> {
    let tree = Tree::read(root)?;
    let mut report = Report::default();
    imports::check(&tree, &mut report);
    sources::check(&tree, &mut report);
    functions::check(&tree, &mut report);
    documents::check(&tree, &mut report);
    report.breaches.sort();
    Ok(report)
}

#[cfg(test)]
mod tests;
