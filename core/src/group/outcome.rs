//! What comes out of a decision.

use std::sync::Arc;

use super::{GroupRecord, Response, classic, consumer, sweep::SweepProgress};

/// The host's number for a call that it has passed in and not yet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What a decision leads to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// To be appended, in order.
    pub records: Vec<GroupRecord>,
    /// All records have to be in one batch. Otherwise any prefix of them is a valid state, and they may be cut into
    /// several.
    pub atomic: bool,
    pub effects: Vec<Effect>,
    /// To be sent when the records, and all before them, are committed.
    pub responses: Vec<(CallId, Response)>,
}

/// A change of soft state, which is in no log. Only the coordinator that made it can read it.
#[derive(Clone, Debug)]
pub struct Effect(pub(crate) SoftChange);

#[derive(Clone, Debug)]
pub(crate) enum SoftChange {
    Classic {
        group_id: Arc<str>,
        changes: Vec<classic::Change>,
    },
    Consumer(consumer::Effect),
    /// A consumer group is one of the classic protocol from now on; its records follow.
    BecameClassic {
        group_id: Arc<str>,
        group: Box<classic::ClassicGroup>,
    },
    /// How far the search for expired offsets has come.
    Swept(SweepProgress),
    /// How far the search for offsets of deleted topics has come: the next group, `None` at the end.
    SweptDeletedTopics(Option<Arc<str>>),
}

impl Effect {
    pub(crate) fn classic(group_id: &Arc<str>, changes: Vec<classic::Change>) -> Self {
        Self(SoftChange::Classic { group_id: Arc::clone(group_id), changes })
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self { records: Vec::new(), atomic: true, effects: Vec::new(), responses: Vec::new() }
    }
}

impl Outcome {
    /// An answer that changes nothing.
    pub fn answer(call: CallId, response: Response) -> Self {
        Self { responses: vec![(call, response)], ..Self::default() }
    }

    /// Whether there is nothing to carry out.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty() && self.responses.is_empty()
    }
}
