//! What a run found: answers that were compared, differences, and cases that could not be played.

use std::collections::BTreeMap;

use crate::case::{Case, Declared};
use crate::compare::Difference;
use crate::rules::matches;

/// So many differing fields of a case are told one by one.
const MOST_OF_A_CASE: usize = 10;
const MORE: usize = MOST_OF_A_CASE + 1;

/// One field of one answer of a case at a version.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) case: usize,
    pub(crate) version: i16,
    pub(crate) difference: Difference,
}

/// Everything that a run found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Answers of the cases' own requests, by API and version.
    pub(crate) compared: BTreeMap<String, BTreeMap<i16, usize>>,
    /// All answers, those of further steps too.
    pub(crate) answers: usize,
    pub(crate) found: Vec<Found>,
    /// How often each of the rules' wanted differences was met.
    pub(crate) by_rule: BTreeMap<usize, usize>,
    pub(crate) broken: Vec<String>,
}

impl Findings {
    /// The differences that no case declares.
    pub(crate) fn undeclared<'a>(&'a self, cases: &'a [Case]) -> impl Iterator<Item = &'a Found> {
        self.found
            .iter()
            .filter(|found| cases[found.case].declared.iter().all(|declared| !is_declared(declared, found)))
    }

    /// Each declared difference with those that it declares.
    pub(crate) fn declared<'a>(&'a self, case: usize, declared: &'a Declared) -> Vec<&'a Found> {
        self.found.iter().filter(|found| found.case == case && is_declared(declared, found)).collect()
    }

    /// What must be looked into, as lines for people; empty when all is well.
    pub(crate) fn complaints(&self, cases: &[Case]) -> Vec<String> {
        let mut complaints = self.broken.clone();
        // A field that differs at each version is one line.
        let mut grouped: BTreeMap<(usize, String, String), Vec<i16>> = BTreeMap::new();
        for found in self.undeclared(cases) {
            let Difference { path, kafka, jackdaw } = &found.difference;
            let absent = || "(absent)".to_owned();
            let text = format!(
                "Kafka {}, Jackdaw {}",
                kafka.clone().unwrap_or_else(absent),
                jackdaw.clone().unwrap_or_else(absent)
            );
            grouped.entry((found.case, path.clone(), text)).or_default().push(found.version);
        }
        let mut told = 0;
        let mut last = None;
        for ((case, path, text), versions) in grouped {
            told = if last == Some(case) { told + 1 } else { 1 };
            last = Some(case);
            let Case { api, name, .. } = &cases[case];
            match told {
                ..=MOST_OF_A_CASE => {
                    complaints.push(format!("{api} {} ({name}): {path}: {text}", ranges(&versions)));
                }
                MORE => complaints.push(format!("{api} ({name}): and more")),
                _ => {}
            }
        }
        for (index, case) in cases.iter().enumerate() {
            for declared in &case.declared {
                if self.declared(index, declared).is_empty() && self.was_played(case, declared) {
                    let Case { api, name, .. } = case;
                    complaints
                        .push(format!("{api} ({name}): {} is declared and does not differ", declared.path));
                }
            }
        }
        complaints
    }

    fn was_played(&self, case: &Case, declared: &Declared) -> bool {
        let versions = self.compared.get(&case.api);
        versions.is_some_and(|all| {
            all.keys().any(|v| declared.versions.contains(*v) && case.versions.contains(*v))
        })
    }
}

fn is_declared(declared: &Declared, found: &Found) -> bool {
    let path: Vec<String> = found.difference.path.split('.').map(str::to_owned).collect();
    declared.versions.contains(found.version) && matches(&declared.path, &path)
}

/// `0 to 3, 5` of sorted or unsorted versions.
pub(crate) fn ranges(versions: &[i16]) -> String {
    let mut sorted = versions.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(i16, i16)> = Vec::new();
    for version in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == version => *last = version,
            _ => ranges.push((version, version)),
        }
    }
    let text = ranges.into_iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first} to {last}"),
    });
    text.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_as_ranges() {
        assert_eq!(ranges(&[3, 0, 1, 5, 1]), "0 to 1, 3, 5");
        assert_eq!(ranges(&[]), "");
    }
}
