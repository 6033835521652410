//! The group epoch: it is raised when members, what they ask for, or those topics change. Expressions are looked up
//! on the way: a new one at once, and otherwise the oldest that may stand for other topics by now, so that one
//! heartbeat looks up one expression.

use std::collections::BTreeMap;

use super::{
    Effect, Member, SeenImage, draft::Draft, metadata_hash::metadata_hash, records, regex::TopicRegex,
};
use crate::limits::GROUP_REGEX_REFRESH_MIN_MS;

impl Draft<'_> {
    /// Looks up the expressions that came with the changed members, or else one that has waited for it, and forgets
    /// those that nobody uses any more. `compiled` is the expression that came with the request. Returns whether any
    /// now stands for other topics.
    pub(super) fn update_regexes(&mut self, compiled: Option<&TopicRegex>) -> bool {
        let regex_of = |member| Some(regex_of(member)).filter(|regex| !regex.is_empty()).into_iter();
        let changes = self.changed_counts(regex_of);
        let uses =
            |regex: &str, change: isize| self.group.subscriptions.regexes.count(regex) as isize + change;
        let changes: Vec<(String, bool)> =
            changes.into_iter().map(|(regex, change)| (regex.to_owned(), uses(regex, change) > 0)).collect();
        let mut changed = false;
        let mut has_looked_up = false;
        for (regex, is_used) in &changes {
            if !is_used {
                changed |= self.drop_regex(regex);
            } else if self.resolved(regex).is_none() {
                changed |= self.resolve(regex, compiled);
                has_looked_up = true;
            }
        }
        if let Some(regex) = self.stale_regex().filter(|_| !has_looked_up)
            && changes.iter().all(|(changed, _)| *changed != regex)
        {
            let is_used = self.group.subscriptions.regexes.count(&regex) > 0;
            changed |= if is_used { self.resolve(&regex, None) } else { self.drop_regex(&regex) };
        }
        changed
    }

    fn drop_regex(&mut self, regex: &str) -> bool {
        let group_id = self.group.id.clone();
        self.effect(Effect::ForgetRegex { group_id, regex: regex.to_owned() });
        let was_resolved = self.resolved(regex).is_some();
        if was_resolved {
            self.record(records::regex_tombstone(&self.group.id, regex));
            self.regexes.insert(regex.to_owned(), None);
        }
        was_resolved
    }

    /// The expression that was looked up before all others, where the topics have changed since then, or long ago.
    fn stale_regex(&self) -> Option<String> {
        let context = self.scope.context;
        let (at_ms, regex) = self.scope.soft.oldest_regex(&self.group.id)?;
        let age_ms = context.now_ms.saturating_sub(at_ms);
        let interval_ms = self.scope.settings.broker.regex_refresh_interval_ms;
        let is_stale = age_ms >= u64::try_from(interval_ms).unwrap_or(u64::MAX)
            || (age_ms >= GROUP_REGEX_REFRESH_MIN_MS
                && !self.scope.soft.regex_has_seen(&self.group.id, regex, context.image));
        is_stale.then(|| regex.to_owned())
    }

    fn resolve(&mut self, regex: &str, compiled: Option<&TopicRegex>) -> bool {
        let context = self.scope.context;
        self.effect(Effect::LookedUpRegex {
            group_id: self.group.id.clone(),
            regex: regex.to_owned(),
            at_ms: context.now_ms,
            seen: SeenImage::new(context.image),
        });
        let resolve = |compiled: &TopicRegex| compiled.resolve(context.image, context.unix_ms);
        // It was valid when the member came with it; another release may know more.
        let resolved = match compiled.filter(|compiled| compiled.pattern() == regex) {
            Some(compiled) => resolve(compiled),
            None => TopicRegex::new(regex).map(|compiled| resolve(&compiled)).unwrap_or_default(),
        };
        let known = self.resolved(regex);
        let changed = known.is_none_or(|known| known.topics != resolved.topics);
        if changed {
            self.record(records::regex(&self.group.id, regex, &resolved));
            self.regexes.insert(regex.to_owned(), Some(resolved));
        }
        changed
    }

    /// The hash over all topics that a member asks for.
    fn metadata_hash(&mut self) -> i64 {
        let image = self.scope.context.image;
        let mut hashes = Vec::new();
        let hash = {
            let known = &self.group.subscriptions.topics;
            let changes = self.changed_topics();
            let change = |name: &str| changes.get(name).copied().unwrap_or(0);
            let asked = known.iter().filter(|(name, count)| *count as isize + change(name) > 0);
            let new = changes.iter().filter(|(name, change)| **change > 0 && known.count(name) == 0);
            let names = asked.map(|(name, _)| name).chain(new.map(|(name, _)| *name));
            metadata_hash(image, names, |topic_id| self.scope.soft.topic_hash(image, topic_id), &mut hashes)
        };
        if !hashes.is_empty() {
            self.effect(Effect::HashedTopics { seen: SeenImage::new(image), hashes });
        }
        hash
    }

    /// How many more or fewer ask for each topic than the group's own counts say.
    fn changed_topics(&self) -> BTreeMap<&str, isize> {
        let names = |member| topic_names_of(member).iter().map(String::as_str);
        let mut changes = self.changed_counts(names);
        let regex_of = |member| Some(regex_of(member)).filter(|regex| !regex.is_empty()).into_iter();
        let mut regexes = self.changed_counts(regex_of);
        for regex in self.regexes.keys() {
            regexes.entry(regex).or_default();
        }
        for (regex, change) in regexes {
            let uses = self.group.subscriptions.regexes.count(regex);
            let before = self.group.regexes.get(regex).filter(|_| uses > 0);
            let after = self.resolved(regex).filter(|_| uses as isize + change > 0);
            for (resolved, by) in [(before, -1), (after, 1)] {
                for topic in resolved.into_iter().flat_map(|resolved| &resolved.topics) {
                    *changes.entry(topic).or_default() += by;
                }
            }
        }
        changes
    }

    /// Raises the group epoch where `must`, or where the topics are not what they were.
    pub(super) fn update_epoch(&mut self, must: bool) {
        let image = self.scope.context.image;
        let seen = self.scope.soft.has_seen(&self.group.id, image);
        if !must && seen {
            return;
        }
        let hash = self.metadata_hash();
        if must || hash != self.group.metadata_hash {
            self.put_epoch(self.epoch + 1, hash);
        }
        if !seen {
            let seen = SeenImage::new(image);
            self.effect(Effect::SawImage { group_id: self.group.id.clone(), seen });
        }
    }

    fn put_epoch(&mut self, epoch: i32, metadata_hash: i64) {
        self.record(records::epoch(&self.group.id, epoch, metadata_hash));
        self.epoch = epoch;
    }
}

fn regex_of(member: &Member) -> &str {
    &member.subscribed_topic_regex
}

fn topic_names_of(member: &Member) -> &std::collections::BTreeSet<String> {
    &member.subscribed_topic_names
}
