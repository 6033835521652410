//! Looking through a stopped log directory without changing anything in it: every batch, and whether the files beside
//! them say the same.
//!
//! What is found is *damage* where something that was written is gone, changed, or said differently by two files; and
//! *unfinished* where a stop that was not clean has left what the next start removes, cuts off or makes anew.

mod indexes;
mod log_dir;
mod metadata;
mod partition;
mod segment;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jackdaw_core::{metadata::Image, uuid::Uuid};
use jackdaw_ring::{File, file};

use crate::{
    error::{During, Result},
    layout, log_dir as locking,
};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Records or state were lost, changed, or cannot be relied on.
    Damage,
    /// What a stop that was not clean left; the next start deals with it.
    Unfinished,
}

impl Severity {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Damage => "damage",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub severity: Severity,
    /// The file, or directory, that it is about.
    pub path: PathBuf,
    /// The byte in the file, where it can be told.
    pub position: Option<u64>,
    /// The offset of the record, where it can be told.
    pub offset: Option<i64>,
    pub text: String,
}

/// What was looked through, and what was found.
#[derive(Clone, Default, Debug)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub partition_count: u64,
    pub segment_count: u64,
    pub batch_count: u64,
    pub record_count: u64,
    pub size_bytes: u64,
    /// Directories that were stopped cleanly, of how many.
    pub clean_dir_count: usize,
    pub dir_count: usize,
}

impl Report {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// How far a check is, in bytes of segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// A check that runs: the report as it grows, and who hears of its progress.
struct Check<'a> {
    report: Report,
    progress: Progress,
    on_progress: &'a mut dyn FnMut(Progress),
    /// What the metadata log says, where one of the directories has it.
    image: Option<Image>,
    /// The directory of each partition that was met: two must not hold the same one.
    seen: BTreeMap<(String, i32), PathBuf>,
    directory_ids: BTreeMap<Uuid, PathBuf>,
    cluster: Option<(String, i32, PathBuf)>,
}

/// Look through all log directories of a stopped node. They are locked meanwhile, and not written to.
///
/// # Errors
/// `Locked` where a broker runs on one of them, `Layout` where one is no log directory, `Io`.
pub async fn check(dirs: &[PathBuf], on_progress: &mut dyn FnMut(Progress)) -> Result<Report> {
    let locks: Vec<Option<File>> = dirs.iter().map(|dir| lock_existing(dir)).collect::<Result<_>>()?;
    let total_bytes = dirs.iter().map(|dir| segment_bytes(dir)).sum::<Result<u64>>()?;
    let mut check = Check {
        report: Report { dir_count: dirs.len(), ..Report::default() },
        progress: Progress { done_bytes: 0, total_bytes },
        on_progress,
        image: None,
        seen: BTreeMap::new(),
        directory_ids: BTreeMap::new(),
        cluster: None,
    };
    for dir in dirs {
        metadata::check(&mut check, dir).await?;
    }
    for dir in dirs {
        log_dir::check(&mut check, dir).await?;
    }
    drop(locks);
    check.report.findings.sort_by(|a, b| (&a.path, a.position).cmp(&(&b.path, b.position)));
    Ok(check.report)
}

/// The lock of a directory that has one; a copy of a directory may have none.
fn lock_existing(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(layout::LOCK);
    match file::metadata(&path).during("look up", &path)? {
        Some(_) => locking::lock(dir).map(Some),
        None => Ok(None),
    }
}

fn segment_bytes(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in file::list_directory(dir).during("list", dir)?.iter().filter(|entry| entry.is_dir) {
        let partition = dir.join(&entry.name);
        for found in file::list_directory(&partition).during("list", &partition)? {
            if found.name.ends_with(".log") {
                let path = partition.join(&found.name);
                total += file::metadata(&path).during("look up", &path)?.map_or(0, |found| found.size_bytes);
            }
        }
    }
    Ok(total)
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn damage(&mut self, path: &Path, text: impl Into<String>) {
        self.find(Finding::new(Severity::Damage, path, text));
    }

    fn unfinished(&mut self, path: &Path, text: impl Into<String>) {
        self.find(Finding::new(Severity::Unfinished, path, text));
    }

    /// The outcome of reading a file; what cannot be understood is a finding, what cannot be read an error.
    fn read<T>(&mut self, path: &Path, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(crate::StorageError::Layout { reason, .. } | crate::StorageError::Corrupt { reason, .. }) => {
                self.damage(path, reason);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.progress.done_bytes += bytes;
        (self.on_progress)(self.progress);
    }
}

impl Finding {
    fn new(severity: Severity, path: &Path, text: impl Into<String>) -> Self {
        Self { severity, path: path.to_path_buf(), position: None, offset: None, text: text.into() }
    }

    fn at(mut self, position: u64) -> Self {
        self.position = Some(position);
        self
    }

    fn offset(mut self, offset: i64) -> Self {
        self.offset = Some(offset);
        self
    }
}

#[cfg(test)]
mod tests;
