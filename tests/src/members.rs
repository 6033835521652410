//! Members of consumer groups in client programs (see "Groups" in `tests/clients/README.md`), and what they tell.

use std::sync::{Mutex, PoisonError};

use crate::group_view::Partition;
use crate::library::Library;
use crate::program::Program;

/// Long enough that no member of a busy machine is taken for dead; the least that brokers allow by default.
pub const SESSION_MS: u32 = 6_000;
const HEARTBEAT_MS: u32 = 300;

/// What a member told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Got(Partition, i64),
    Committed(Partition, i64),
    /// With the generation where the library tells it.
    Assigned(Option<i32>, Vec<Partition>),
    /// Handed back in good order, or lost: these, or all that it had.
    Revoked(Option<Vec<Partition>>),
    Left,
    /// What went wrong and passes: a commit in a rebalance, a broker that is away.
    Warned(String),
    /// The member ended.
    Failed(String),
}

/// A client program that hosts members, for several tests or threads at once.
pub struct Members {
    library: Library,
    program: Mutex<Program>,
}

impl Members {
    pub fn start(library: Library, bootstrap: &str) -> Self {
        Self { library, program: Mutex::new(library.start(bootstrap)) }
    }

    pub fn library(&self) -> Library {
        self.library
    }

    /// A member joins. `topic` may be a pattern, which begins with `^`; `options` are `key=value`.
    pub fn join(&self, member: &str, group: &str, topic: &str, protocol: &str, options: &[&str]) {
        let mut command = format!(
            "join {member} {group} {topic} protocol={protocol} session={SESSION_MS} heartbeat={HEARTBEAT_MS}"
        );
        options.iter().for_each(|option| command.extend([" ", option]));
        self.run(&command);
    }

    /// A member commits and leaves; `Left` tells when it is done.
    pub fn leave(&self, member: &str) {
        self.run(&format!("leave {member}"));
    }

    /// What the members of a group told since the last call, in order.
    pub fn events(&self, group: &str) -> Vec<(String, Event)> {
        self.run(&format!("events {group}")).iter().map(|line| parse(line)).collect()
    }

    /// Any other command of the program.
    pub fn run(&self, command: &str) -> Vec<String> {
        // A poisoned lock is another test's failure, and it tells its own reason.
        self.program.lock().unwrap_or_else(PoisonError::into_inner).run(command)
    }
}

fn parse(line: &str) -> (String, Event) {
    let wrong = || -> ! { panic!("not an event: {line:?}") };
    let (member, rest) = line.split_once(' ').unwrap_or_else(|| wrong());
    let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let words: Vec<&str> = rest.split(' ').collect();
    let event = match (kind, &words[..]) {
        ("got", &[topic, partition, offset]) => Event::Got(at(topic, partition), number(offset)),
        ("committed", &[topic, partition, offset]) => Event::Committed(at(topic, partition), number(offset)),
        ("assigned", &[generation, list]) => {
            Event::Assigned(generation.parse().ok(), listed(list).unwrap_or_else(|| wrong()))
        }
        ("revoked" | "lost", &[_, list]) => Event::Revoked(listed(list)),
        ("left", _) => Event::Left,
        ("failed", _) => Event::Failed(rest.to_owned()),
        ("uncommitted" | "unjoined" | "unfetched" | "warned", _) => Event::Warned(format!("{kind} {rest}")),
        _ => wrong(),
    };
    (member.to_owned(), event)
}

fn at(topic: &str, partition: &str) -> Partition {
    (topic.to_owned(), partition.parse().expect("a partition"))
}

fn number(text: &str) -> i64 {
    text.parse().expect("an offset")
}

/// `TOPIC:PARTITION,...` or `none`; nothing for `all`.
fn listed(list: &str) -> Option<Vec<Partition>> {
    match list {
        "all" => None,
        "none" => Some(Vec::new()),
        _ => Some(list.split(',').filter_map(|name| name.rsplit_once(':')).map(|(t, p)| at(t, p)).collect()),
    }
}
