//! DeleteTopics (20): by name, and from version 6 by name or id.

use std::collections::BTreeMap;

use super::{Context, Controller, Outcome};
use crate::{
    error_code::ErrorCode,
    metadata::{Topic, VersionedRecord},
    protocol::{
        messages::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse},
        records::metadata::RemoveTopicRecord,
    },
    uuid::Uuid,
};

/// A topic as the client names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Name(String),
    Id(Uuid),
    Both(String, Uuid),
    Neither,
}

impl Named {
    fn new(name: Option<String>, id: Uuid) -> Self {
        match (name, id.is_zero()) {
            (Some(name), true) => Self::Name(name),
            (Some(name), false) => Self::Both(name, id),
            (None, false) => Self::Id(id),
            (None, true) => Self::Neither,
        }
    }

    fn result(&self, error: ErrorCode, message: &str) -> DeletableTopicResult {
        let (name, topic_id) = match self {
            Self::Name(name) => (Some(name.clone()), Uuid::ZERO),
            Self::Id(id) => (None, *id),
            Self::Both(name, id) => (Some(name.clone()), *id),
            Self::Neither => (None, Uuid::ZERO),
        };
        let error_message = Some(message.to_owned());
        DeletableTopicResult { name, topic_id, error_code: error.code(), error_message }
    }
}

/// Whether an id's topic is named once too: the name's answer stands for both, and nothing is deleted.
fn is_also_named(topic: &Topic, named: &Named, counts: &BTreeMap<Named, usize>) -> bool {
    matches!(named, Named::Id(_)) && counts.get(&Named::Name(topic.name.clone())) == Some(&1)
}

/// Whether a name's topic is also meant by an id.
fn is_also_meant(topic: &Topic, named: &Named, counts: &BTreeMap<Named, usize>) -> bool {
    matches!(named, Named::Name(_)) && counts.contains_key(&Named::Id(topic.id))
}

impl Controller {
    pub(super) fn delete_topics(
        &self,
        _context: &Context,
        request: &DeleteTopicsRequest,
    ) -> Outcome<DeleteTopicsResponse> {
        let by_name = request.topic_names.iter().map(|name| Named::new(Some(name.clone()), Uuid::ZERO));
        let by_state = request.topics.iter().map(|state| Named::new(state.name.clone(), state.topic_id));
        let mut counts: BTreeMap<Named, usize> = BTreeMap::new();
        for named in by_name.chain(by_state) {
            *counts.entry(named).or_default() += 1;
        }
        let mut records: Vec<VersionedRecord> = Vec::new();
        let mut responses = Vec::new();
        for (named, count) in &counts {
            match self.find(named, *count) {
                Ok(topic) if is_also_named(topic, named, &counts) => {}
                Ok(topic) if is_also_meant(topic, named, &counts) => {
                    let both = Named::Both(topic.name.clone(), topic.id);
                    responses.push(both.result(
                        ErrorCode::InvalidRequest,
                        "The provided topic name maps to an ID that was already supplied.",
                    ));
                }
                Ok(topic) => {
                    records.push(VersionedRecord::new(RemoveTopicRecord { topic_id: topic.id }, 0));
                    responses.push(DeletableTopicResult {
                        name: Some(topic.name.clone()),
                        topic_id: topic.id,
                        error_code: ErrorCode::None.code(),
                        error_message: None,
                    });
                }
                Err(result) => responses.push(result),
            }
        }
        Outcome::with(records, DeleteTopicsResponse { responses, ..Default::default() }).in_parts()
    }

    fn find(&self, named: &Named, count: usize) -> Result<&Topic, DeletableTopicResult> {
        let topics = &self.image().topics;
        let refuse = |error, message| Err(named.result(error, message));
        match named {
            Named::Neither => refuse(ErrorCode::InvalidRequest, "Neither topic name nor id were specified."),
            Named::Both(..) => {
                refuse(ErrorCode::InvalidRequest, "You may not specify both topic name and topic id.")
            }
            Named::Name(_) if count > 1 => refuse(ErrorCode::InvalidRequest, "Duplicate topic name."),
            Named::Id(_) if count > 1 => refuse(ErrorCode::InvalidRequest, "Duplicate topic id."),
            Named::Name(name) => topics.by_name(name).ok_or_else(|| {
                let text = "This server does not host this topic-partition.";
                named.result(ErrorCode::UnknownTopicOrPartition, text)
            }),
            Named::Id(id) => topics.by_id(*id).ok_or_else(|| {
                named.result(ErrorCode::UnknownTopicId, "This server does not host this topic ID.")
            }),
        }
    }
}
