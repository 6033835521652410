//! A group of one library's members on a topic of its own: joins, leaves, waits, with all consumption checked.

use std::time::{Duration, Instant};

use crate::checks::topic;
use crate::consumption::Consumption;
use crate::group_view::{GroupView, committed, describe};
use crate::load::Load;
use crate::members::{Event, Members};
use crate::requests::{self, Topic};
use crate::wire::Connection;

pub const PARTITIONS: i32 = 12;

/// Many groups at once on a small machine; nothing waits that long when all is well.
const DEADLINE: Duration = Duration::from_secs(90);

/// One group.
pub struct Scene<'a> {
    bootstrap: String,
    members: &'a Members,
    pub protocol: String,
    pub group: String,
    pub topic: Topic,
    pub connection: Connection,
    pub consumption: Consumption,
    /// Everything that was told, in order.
    pub told: Vec<(String, Event)>,
    load: Option<Load>,
}

impl<'a> Scene<'a> {
    /// Makes the topic. `name` is part of the group's and the topic's.
    pub fn open(bootstrap: &str, members: &'a Members, protocol: &str, name: &str) -> Self {
        let group = topic(&format!("{name}-{}-{protocol}", members.library().name()).replace('+', "-"));
        let mut connection = Connection::open(bootstrap);
        let topic = requests::create(&mut connection, &group, PARTITIONS);
        Self {
            bootstrap: bootstrap.to_owned(),
            members,
            protocol: protocol.to_owned(),
            consumption: Consumption::of(&group),
            group,
            topic,
            connection,
            told: Vec::new(),
            load: None,
        }
    }

    pub fn start_load(&mut self) {
        assert!(self.load.is_none(), "one load at a time");
        self.load = Some(Load::start(&self.bootstrap, &self.topic, PARTITIONS));
    }

    /// How many records each partition has.
    pub fn stop_load(&mut self) -> i64 {
        self.load.take().expect("a load").stop()
    }

    /// The name of a member in the program: other groups have theirs there too.
    pub fn named(&self, member: &str) -> String {
        format!("{}-{member}", self.group)
    }

    pub fn join(&self, member: &str, options: &[&str]) {
        self.join_as(member, &self.protocol, options);
    }

    /// With another protocol than the scene's.
    pub fn join_as(&self, member: &str, protocol: &str, options: &[&str]) {
        self.members.join(&self.named(member), &self.group, &self.topic.name, protocol, options);
    }

    /// Subscribes to every topic whose name begins with the scene's.
    pub fn join_pattern(&self, member: &str, options: &[&str]) {
        let pattern = format!("^{}.*", self.topic.name);
        self.members.join(&self.named(member), &self.group, &pattern, &self.protocol, options);
    }

    pub fn leave(&self, member: &str) {
        self.members.leave(&self.named(member));
    }

    /// Waits until a member has left.
    pub fn await_left(&mut self, member: &str) {
        let name = self.named(member);
        self.await_that(&format!("{member} has left"), |scene| scene.consumption.has_left(&name));
    }

    /// After the broker's restart.
    pub fn reconnect(&mut self) {
        self.connection = Connection::open(&self.bootstrap);
    }

    /// Takes in what the members told.
    pub fn follow(&mut self) {
        let events = self.members.events(&self.group);
        self.told.extend(events.iter().cloned());
        self.consumption.follow(events);
    }

    /// Waits for a condition, following what is told.
    pub fn await_that(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.follow();
            if holds(self) {
                return;
            }
            if Instant::now() > deadline {
                self.fail(what);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn fail(&mut self, what: &str) -> ! {
        let (view, warnings) = (self.view(), self.consumption.warnings());
        let last = &self.told[self.told.len().saturating_sub(5)..];
        let next = self.consumption.next_offsets(&self.topic.name, PARTITIONS);
        let warnings = &warnings[warnings.len().saturating_sub(20)..];
        panic!("{}: not in time: {what}\n{view:#?}\n{next:?}\n{warnings:#?}\n{last:#?}", self.group);
    }

    pub fn view(&mut self) -> Option<GroupView> {
        describe(&mut self.connection, &self.group, &self.protocol)
    }

    /// Waits until the group is stable and its members have so many partitions, in ascending order.
    pub fn await_shares(&mut self, shares: &[usize]) {
        self.await_that(&format!("a stable group with {shares:?}"), |scene| {
            scene.view().and_then(|view| view.shares()).is_some_and(|found| found == shares)
        });
    }

    /// Waits until something more came from every partition.
    pub fn await_progress(&mut self) {
        self.follow();
        let before = self.next_offsets();
        self.await_that("progress in every partition", |scene| {
            scene.next_offsets().iter().zip(&before).all(|(now, before)| now > before)
        });
    }

    /// Waits until everything was consumed and committed: nothing is lost.
    pub fn await_end(&mut self, end: i64) {
        let all = vec![end; PARTITIONS as usize];
        self.await_that(&format!("all {end} records of every partition"), |scene| {
            scene.next_offsets() == all
        });
        self.await_that(&format!("offset {end} committed of every partition"), |scene| {
            scene.committed().is_some_and(|offsets| offsets == all)
        });
    }

    pub fn next_offsets(&self) -> Vec<i64> {
        self.consumption.next_offsets(&self.topic.name, PARTITIONS)
    }

    /// As the broker has them.
    pub fn committed(&mut self) -> Option<Vec<i64>> {
        committed(&mut self.connection, &self.group, &self.topic.name, PARTITIONS)
    }

    /// Waits until nobody is in the group.
    pub fn await_empty(&mut self) {
        self.await_that("an empty group", |scene| {
            scene.view().is_some_and(|view| view.state == "Empty" && view.members.is_empty())
        });
    }
}
