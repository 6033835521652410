//! All cases at all versions, on both brokers at once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// So many cases are played at once; most of their time is waiting.
const WORKERS: usize = 6;

/// A case played on one broker.
type PlayedOut<'a> = Result<(Vec<Played<'a>>, Variables), String>;
/// The same on Kafka and on Jackdaw.
type Both<'a> = (PlayedOut<'a>, PlayedOut<'a>);

/// The newest versions that both brokers serve, by API.
pub(crate) fn newest(
    jackdaw: &BTreeMap<String, (i16, i16)>,
    kafka: &BTreeMap<String, (i16, i16)>,
) -> BTreeMap<String, i16> {
    let both = jackdaw
        .iter()
        .filter_map(|(api, (_, ours))| kafka.get(api).map(|(_, theirs)| (api.clone(), *ours.min(theirs))));
    both.collect()
}

/// What a run needs to know.
pub(crate) struct Run<'a> {
    pub(crate) brokers: &'a Brokers,
    pub(crate) catalog: &'a Catalog,
    pub(crate) rules: &'a Rules,
    pub(crate) jackdaw: &'a BTreeMap<String, (i16, i16)>,
    pub(crate) kafka: &'a BTreeMap<String, (i16, i16)>,
    /// What steps without a version are sent at, by API.
    pub(crate) newest: BTreeMap<String, i16>,
    /// Whether every field of Kafka's answers is printed.
    pub(crate) show: bool,
}

/// A case at a version.
type Job = (usize, i16);

impl Run<'_> {
    /// Plays every case at every version that both brokers serve: first those that must be alone, then several at once.
    pub(crate) fn all(&self, cases: &[Case]) -> Findings {
        let mut findings = Findings::default();
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for (index, case) in cases.iter().enumerate() {
            let jobs: Vec<Job> = self.versions(case).into_iter().map(|version| (index, version)).collect();
            if jobs.is_empty() {
                findings
                    .broken
                    .push(format!("{} ({}): both serve none of its versions", case.api, case.name));
            }
            if case.alone { &mut alone } else { &mut together }.extend(jobs);
        }
        let now_ms = now_ms();
        let mut outcomes = self.play_all(cases, &alone, 1, now_ms);
        outcomes.extend(self.play_all(cases, &together, WORKERS, now_ms));
        // A broker may see its own changes late. What differs counts when it does so alone, too.
        let doubtful: Vec<Job> = outcomes
            .iter()
            .filter(|(job, both)| self.differs(cases, **job, both))
            .map(|(job, _)| *job)
            .collect();
        outcomes.extend(self.play_all(cases, &doubtful, 1, self::now_ms()));
        for ((index, version), (theirs, ours)) in outcomes {
            self.take(&mut findings, cases, index, version, &theirs, &ours);
        }
        findings
    }

    /// In the order of the jobs.
    fn play_all<'a>(
        &'a self,
        cases: &'a [Case],
        jobs: &[Job],
        workers: usize,
        now_ms: i64,
    ) -> BTreeMap<Job, Both<'a>> {
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let both = self.play_both(&cases[job.0], *job, now_ms);
                        if let Ok(mut outcomes) = outcomes.lock() {
                            outcomes.insert(*job, both);
                        }
                    }
                });
            }
        });
        outcomes.into_inner().unwrap_or_default()
    }

    fn play_both<'a>(&'a self, case: &'a Case, (index, version): Job, now_ms: i64) -> Both<'a> {
        let target = |address| Target { address, newest: &self.newest, catalog: self.catalog };
        // Unique among the runs of some days against the same brokers.
        let name = format!("p{}c{index}v{version}", now_ms / 1000 % 1_000_000);
        let variables = Variables { name, now_ms, saved: BTreeMap::new() };
        let theirs = play(&target(&self.brokers.kafka), case, version, variables.clone());
        (theirs, play(&target(&self.brokers.jackdaw), case, version, variables))
    }

    /// Whether something differs that nobody has declared, or could not be played.
    fn differs(&self, cases: &[Case], (index, version): Job, (theirs, ours): &Both<'_>) -> bool {
        let mut findings = Findings::default();
        self.take(&mut findings, cases, index, version, theirs, ours);
        !findings.found.is_empty() || !findings.broken.is_empty()
    }

    fn take(
        &self,
        findings: &mut Findings,
        cases: &[Case],
        index: usize,
        version: i16,
        theirs: &PlayedOut<'_>,
        ours: &PlayedOut<'_>,
    ) {
        let case = &cases[index];
        let broken = |broker: &str, error: &String| {
            format!("{} {version} ({}): {broker}: {error}", case.api, case.name)
        };
        for (broker, outcome) in [("Kafka", theirs), ("Jackdaw", ours)] {
            findings.broken.extend(outcome.as_ref().err().map(|error| broken(broker, error)));
        }
        if let (Ok(theirs), Ok(ours)) = (theirs, ours) {
            self.compare(findings, case, index, version, theirs, ours);
        }
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
