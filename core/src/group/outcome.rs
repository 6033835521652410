//! What comes out of a decision.

use super::{GroupRecord, Response};

/// The host's number for a call that it has passed in and not yet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What a decision leads to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// To be appended as one batch: all of them or none.
    pub records: Vec<GroupRecord>,
    pub effects: Vec<Effect>,
    /// To be sent when the records, and all before them, are committed.
    pub responses: Vec<(CallId, Response)>,
}

/// A change of soft state, which is in no log.
#[derive(Clone, Debug)]
pub enum Effect {}

impl Outcome {
    /// An answer that changes nothing.
    pub fn answer(call: CallId, response: Response) -> Self {
        Self { responses: vec![(call, response)], ..Self::default() }
    }
}
