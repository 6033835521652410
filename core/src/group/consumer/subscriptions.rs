//! What the members of a group ask for, counted: a heartbeat looks it up here, and walks no members.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, regex::ResolvedRegex};

/// How many ask for each name; no name without anybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts(BTreeMap<String, usize>);

impl Counts {
    /// Whether it is the first.
    fn add(&mut self, name: &str) -> bool {
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
            return false;
        }
        self.0.insert(name.to_owned(), 1);
        true
    }

    /// Whether it was the last.
    fn remove(&mut self, name: &str) -> bool {
        let Some(count) = self.0.get_mut(name) else { return false };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.0.remove(name);
        true
    }

    pub(super) fn count(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// In order of names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

/// Changed with the members and the resolved expressions, by the records alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Subscriptions {
    /// By name, and once by each expression in use that stands for the topic.
    pub(super) topics: Counts,
    /// Members by expression.
    pub(super) regexes: Counts,
    /// Members by the assignor that they ask for.
    pub(super) assignors: Counts,
    /// Classic members by protocol.
    pub(super) protocols: Counts,
    classic_members: usize,
}

type Resolved = BTreeMap<String, ResolvedRegex>;

impl Subscriptions {
    pub(super) fn classic_members(&self) -> usize {
        self.classic_members
    }

    pub(super) fn add(&mut self, member: &Member, resolved: &Resolved) {
        for name in &member.subscribed_topic_names {
            self.topics.add(name);
        }
        let regex = &member.subscribed_topic_regex;
        if !regex.is_empty() && self.regexes.add(regex) {
            self.add_topics(resolved.get(regex));
        }
        if let Some(assignor) = &member.server_assignor {
            self.assignors.add(assignor);
        }
        for protocol in protocols(member) {
            self.protocols.add(protocol);
        }
        self.classic_members += usize::from(member.classic.is_some());
    }

    pub(super) fn remove(&mut self, member: &Member, resolved: &Resolved) {
        for name in &member.subscribed_topic_names {
            self.topics.remove(name);
        }
        let regex = &member.subscribed_topic_regex;
        if !regex.is_empty() && self.regexes.remove(regex) {
            self.remove_topics(resolved.get(regex));
        }
        if let Some(assignor) = &member.server_assignor {
            self.assignors.remove(assignor);
        }
        for protocol in protocols(member) {
            self.protocols.remove(protocol);
        }
        self.classic_members -= usize::from(member.classic.is_some());
    }

    /// An expression stands for other topics than before.
    pub(super) fn change_regex(
        &mut self,
        regex: &str,
        old: Option<&ResolvedRegex>,
        new: Option<&ResolvedRegex>,
    ) {
        if self.regexes.count(regex) > 0 {
            self.remove_topics(old);
            self.add_topics(new);
        }
    }

    fn add_topics(&mut self, resolved: Option<&ResolvedRegex>) {
        for topic in resolved.into_iter().flat_map(|resolved| &resolved.topics) {
            self.topics.add(topic);
        }
    }

    fn remove_topics(&mut self, resolved: Option<&ResolvedRegex>) {
        for topic in resolved.into_iter().flat_map(|resolved| &resolved.topics) {
            self.topics.remove(topic);
        }
    }
}

/// Those of a classic member, each once.
fn protocols(member: &Member) -> BTreeSet<&str> {
    let protocols = member.classic.iter().flat_map(|classic| &classic.supported_protocols);
    protocols.map(|protocol| protocol.name.as_str()).collect()
}
