//! All cases at all versions, on both brokers at once.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::brokers::Brokers;
use crate::case::Case;
use crate::catalog::Catalog;
use crate::compare::{Lines, View, differences};
use crate::connection::Outcome;
use crate::fill::Variables;
use crate::findings::{Findings, Found};
use crate::rules::Rules;
use crate::script::{Played, Target, play};

/// What a run needs to know.
pub(crate) struct Run<'a> {
    pub(crate) brokers: &'a Brokers,
    pub(crate) catalog: &'a Catalog,
    pub(crate) rules: &'a Rules,
    pub(crate) jackdaw: &'a BTreeMap<String, (i16, i16)>,
    pub(crate) kafka: &'a BTreeMap<String, (i16, i16)>,
    /// Whether every field of Kafka's answers is printed.
    pub(crate) show: bool,
}

impl Run<'_> {
    /// Plays every case at every version that both brokers serve.
    pub(crate) fn all(&self, cases: &[Case]) -> Findings {
        let mut findings = Findings::default();
        let now_ms = now_ms();
        let newest = self.newest();
        let target = |address| Target { address, newest: &newest, catalog: self.catalog };
        let (kafka, jackdaw) = (target(self.brokers.kafka.as_str()), target(self.brokers.jackdaw.as_str()));
        for (index, case) in cases.iter().enumerate() {
            let versions = self.versions(case);
            if versions.is_empty() {
                findings
                    .broken
                    .push(format!("{} ({}): both serve none of its versions", case.api, case.name));
            }
            for version in versions {
                // Unique among the runs of a day against the same brokers.
                let name = format!("p{}c{index}v{version}", now_ms / 1000 % 1_000_000);
                let variables = Variables { name, now_ms, saved: BTreeMap::new() };
                let both = std::thread::scope(|scope| {
                    let theirs = scope.spawn(|| play(&kafka, case, version, variables.clone()));
                    let ours = play(&jackdaw, case, version, variables.clone());
                    (theirs.join(), ours)
                });
                let broken = |broker: &str, error: String| {
                    format!("{} {version} ({}): {broker}: {error}", case.api, case.name)
                };
                match both {
                    (Ok(Ok(theirs)), Ok(ours)) => {
                        self.compare(&mut findings, case, index, version, &theirs, &ours)
                    }
                    (theirs, ours) => {
                        if let Ok(Err(error)) = theirs {
                            findings.broken.push(broken("Kafka", error));
                        }
                        if let Err(error) = ours {
                            findings.broken.push(broken("Jackdaw", error));
                        }
                    }
                }
            }
        }
        findings
    }

    fn newest(&self) -> BTreeMap<String, i16> {
        let both = self.jackdaw.iter().filter_map(|(api, (_, ours))| {
            self.kafka.get(api).map(|(_, theirs)| (api.clone(), *ours.min(theirs)))
        });
        both.collect()
    }

    fn versions(&self, case: &Case) -> Vec<i16> {
        let (Some(ours), Some(theirs)) = (self.jackdaw.get(&case.api), self.kafka.get(&case.api)) else {
            return Vec::new();
        };
        // Versions that are advertised for old clients alone have no schema.
        let parsed = self.catalog.get(&case.api).map(|api| api.request.versions.first).unwrap_or_default();
        let first = ours.0.max(theirs.0).max(parsed);
        (first..=ours.1.min(theirs.1)).filter(|version| case.versions.contains(*version)).collect()
    }

    fn compare(
        &self,
        findings: &mut Findings,
        case: &Case,
        index: usize,
        version: i16,
        (theirs, their_variables): &(Vec<Played<'_>>, Variables),
        (ours, our_variables): &(Vec<Played<'_>>, Variables),
    ) {
        *findings.compared.entry(case.api.clone()).or_default().entry(version).or_default() += 1;
        for (kafka, jackdaw) in theirs.iter().zip(ours) {
            findings.answers += 1;
            let lines = |played: &Played<'_>, variables| {
                let view = View { api: played.api, rules: self.rules, variables, only: &case.only };
                lines(&view, &played.outcome)
            };
            let expected = lines(kafka, their_variables);
            if self.show {
                println!("{} {version} ({}): {}", case.api, case.name, kafka.api);
                expected.iter().for_each(|(path, text)| println!("    {path} = {text}"));
            }
            let found = differences(&expected, &lines(jackdaw, our_variables));
            for difference in found {
                match self.rules.declared.iter().position(|rule| rule.holds(kafka.api, &difference)) {
                    Some(rule) => *findings.by_rule.entry(rule).or_default() += 1,
                    None => findings.found.push(Found { case: index, version, difference }),
                }
            }
        }
    }
}

fn lines(view: &View<'_>, outcome: &Outcome) -> Lines {
    let instead = |text: &str| vec![("answer".to_owned(), text.to_owned())];
    match outcome {
        Outcome::Answer(answer) => view.lines(answer),
        Outcome::Closed => instead("the connection is closed"),
        Outcome::Silence => instead("none"),
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
