//! Being a member of a classic group: join, assign as the leader, heartbeat, commit, leave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::heartbeat::HeartbeatRequest;
use jackdaw_core::protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
};
use jackdaw_core::protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use jackdaw_core::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use jackdaw_core::protocol::records::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
};

use super::super::Client;
use super::super::error::ClientError;
use super::super::metadata::TopicMetadata;
use super::super::positions::TopicPartition;
use super::classic::{self, encode_versioned};
use super::offsets::Committer;
use super::range::{self, Subscriber};
use super::{Assignment, PROTOCOL_TYPE_CONSUMER};

/// Kafka's default for consumers.
const SESSION_TIMEOUT_MS: i32 = 45_000;
/// How long the others wait for us to join again; we look at least every heartbeat.
const REBALANCE_TIMEOUT_MS: i32 = 60_000;
/// Kafka's default for consumers.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
/// How often the leader looks whether a topic got more partitions: nobody tells it.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// The assignor that every client library has.
const ASSIGNOR: &str = "range";
/// All versions have these fields, so that every member reads it.
const BLOB_VERSION: i16 = 0;

/// Whether we still belong to the generation that we joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Standing {
    Member,
    /// The partitions may be another's by now: join again.
    Out,
}

/// Our place in a group that reads one topic.
#[derive(Debug)]
pub(crate) struct Membership {
    group: String,
    topic: String,
    /// Empty until the coordinator gives one.
    member_id: String,
    generation: i32,
    next_heartbeat: Instant,
    /// How many partitions of each topic we shared out as the leader; `None` where another leads.
    shared_out: Option<BTreeMap<String, i32>>,
    next_refresh: Instant,
}

impl Membership {
    pub(crate) fn new(group: &str, topic: &str) -> Self {
        Self {
            group: group.to_owned(),
            topic: topic.to_owned(),
            member_id: String::new(),
            generation: -1,
            next_heartbeat: Instant::now(),
            shared_out: None,
            next_refresh: Instant::now(),
        }
    }

    /// Joins, or joins again: the partitions that are ours in the new generation.
    pub(crate) fn join(&mut self, client: &mut Client) -> Result<Vec<i32>, ClientError> {
        let mut retry = client.retry();
        loop {
            let answer = self.ask_to_join(client)?;
            let code = match ErrorCode::from_i16(answer.error_code) {
                ErrorCode::None => match self.take_place(client, answer)? {
                    Ok(partitions) => return Ok(partitions),
                    Err(code) => code,
                },
                ErrorCode::MemberIdRequired => {
                    self.member_id = answer.member_id;
                    continue;
                }
                code => code,
            };
            let error = self.refusal("cannot join", code);
            if self.standing(code) != Some(Standing::Out) {
                return Err(error);
            }
            retry.pause(error)?;
        }
    }

    /// Says that we live, if it is time to.
    pub(crate) fn heartbeat(&mut self, client: &mut Client) -> Result<Standing, ClientError> {
        if Instant::now() < self.next_heartbeat {
            return Ok(Standing::Member);
        }
        self.next_heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
        let request = |_| HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            ..HeartbeatRequest::default()
        };
        let group = self.group.clone();
        let code = client
            .call_coordinator(&group, i16::MAX, request, |answer| settled(&group, answer.error_code))?;
        self.standing(code).ok_or_else(|| self.refusal("cannot stay in", code))
    }

    /// Commits the next offsets to read.
    pub(crate) fn commit(
        &mut self,
        client: &mut Client,
        positions: &BTreeMap<i32, i64>,
    ) -> Result<Standing, ClientError> {
        let offsets: BTreeMap<TopicPartition, i64> = positions
            .iter()
            .map(|(&partition, &offset)| (TopicPartition::new(&self.topic, partition), offset))
            .collect();
        if offsets.is_empty() {
            return Ok(Standing::Member);
        }
        let committer = Committer { member_id: self.member_id.clone(), generation: self.generation };
        let outcomes = client.commit_offsets_as(&self.group, &committer, &offsets)?;
        let code = outcomes.into_values().find(|code| !code.is_ok()).unwrap_or(ErrorCode::None);
        self.standing(code).ok_or_else(|| self.refusal("cannot commit for", code))
    }

    /// As the leader, looks whether it is time to share out anew, because a topic has more partitions, or fewer. Others
    /// are always members: their leader looks.
    pub(crate) fn refresh(&mut self, client: &mut Client) -> Result<Standing, ClientError> {
        let Some(shared_out) = self.shared_out.as_ref().filter(|_| Instant::now() >= self.next_refresh)
        else {
            return Ok(Standing::Member);
        };
        self.next_refresh = Instant::now() + REFRESH_INTERVAL;
        let names: Vec<&str> = shared_out.keys().map(String::as_str).chain([self.topic.as_str()]).collect();
        match partition_counts(client, &names.into_iter().collect()) {
            Ok(counts) if is_outdated(shared_out, &counts) => Ok(Standing::Out),
            Ok(_) => Ok(Standing::Member),
            // The next look may have more luck.
            Err(error) if error.is_retriable() => {
                tracing::debug!(%error, "the topics' partitions are not told");
                Ok(Standing::Member)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives our partitions to the others at once.
    pub(crate) fn leave(self, client: &mut Client) -> Result<(), ClientError> {
        if self.member_id.is_empty() {
            return Ok(());
        }
        let request = |version| {
            let member_id = self.member_id.clone();
            if version >= 3 {
                let members = vec![MemberIdentity { member_id, ..MemberIdentity::default() }];
                LeaveGroupRequest { group_id: self.group.clone(), members, ..Default::default() }
            } else {
                LeaveGroupRequest { group_id: self.group.clone(), member_id, ..Default::default() }
            }
        };
        client.call_coordinator(&self.group, i16::MAX, request, |answer| {
            settled(&self.group, answer.error_code).map(drop)
        })
    }

    fn ask_to_join(&self, client: &mut Client) -> Result<JoinGroupResponse, ClientError> {
        let subscription =
            ConsumerProtocolSubscription { topics: vec![self.topic.clone()], ..Default::default() };
        let metadata = encode_versioned(BLOB_VERSION, &subscription)?;
        let request = |_| JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.member_id.clone(),
            protocol_type: PROTOCOL_TYPE_CONSUMER.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: ASSIGNOR.to_owned(),
                metadata: metadata.clone(),
            }],
            ..JoinGroupRequest::default()
        };
        client.call_coordinator(&self.group, i16::MAX, request, |answer| {
            settled(&self.group, answer.error_code)?;
            Ok(answer)
        })
    }

    /// Takes part in the generation that was joined: our partitions, or why the generation is over already.
    fn take_place(
        &mut self,
        client: &mut Client,
        joined: JoinGroupResponse,
    ) -> Result<Result<Vec<i32>, ErrorCode>, ClientError> {
        self.generation = joined.generation_id;
        self.member_id = joined.member_id;
        let is_leader = joined.leader == self.member_id && !joined.skip_assignment;
        self.shared_out = None;
        let mut assignments = Vec::new();
        if is_leader {
            let subscribers = subscribers(joined.members);
            let names =
                subscribers.iter().flat_map(|member| member.topics.iter().map(String::as_str)).collect();
            let counts = partition_counts(client, &names)?;
            assignments = assign(subscribers, &counts)?;
            self.shared_out = Some(counts);
            self.next_refresh = Instant::now() + REFRESH_INTERVAL;
        }
        let has_names = |version| version >= 5;
        let request = |version| SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            protocol_type: has_names(version).then(|| PROTOCOL_TYPE_CONSUMER.to_owned()),
            protocol_name: has_names(version).then(|| ASSIGNOR.to_owned()),
            assignments: assignments.clone(),
            ..SyncGroupRequest::default()
        };
        let (code, bytes) = client.call_coordinator(&self.group, i16::MAX, request, |answer| {
            Ok((settled(&self.group, answer.error_code)?, answer.assignment))
        })?;
        if !code.is_ok() {
            return Ok(Err(code));
        }
        self.next_heartbeat = Instant::now() + HEARTBEAT_INTERVAL;
        let mut assignment = classic::assignment(&bytes).unwrap_or_default();
        Ok(Ok(assignment.remove(&self.topic).unwrap_or_default()))
    }

    /// What an answer means for us; `None` for a refusal that joining again does not mend.
    fn standing(&mut self, code: ErrorCode) -> Option<Standing> {
        match code {
            ErrorCode::None => Some(Standing::Member),
            ErrorCode::RebalanceInProgress => Some(Standing::Out),
            ErrorCode::IllegalGeneration => Some(Standing::Out),
            ErrorCode::UnknownMemberId => {
                self.member_id.clear();
                Some(Standing::Out)
            }
            _ => None,
        }
    }

    fn refusal(&self, what: &str, code: ErrorCode) -> ClientError {
        ClientError::broker(format!("{what} group {:?}", self.group), code.code(), None)
    }
}

/// What the coordinator says of the group; what it says of itself is an error, to be tried again.
fn settled(group: &str, code: i16) -> Result<ErrorCode, ClientError> {
    match ErrorCode::from_i16(code) {
        ErrorCode::NotCoordinator
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::CoordinatorLoadInProgress => {
            Err(ClientError::broker(format!("group {group:?}"), code, None))
        }
        code => Ok(code),
    }
}

fn subscribers(members: Vec<JoinGroupResponseMember>) -> Vec<Subscriber> {
    let subscriber = |member: JoinGroupResponseMember| Subscriber {
        topics: classic::subscription(&member.metadata).map_or_else(Vec::new, |s| s.topics),
        member_id: member.member_id,
        instance_id: member.group_instance_id,
    };
    members.into_iter().map(subscriber).collect()
}

/// As the broker tells them now; a topic that it does not tell is not there.
fn partition_counts(
    client: &mut Client,
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<String, i32>, ClientError> {
    let topics = client.topics(&names.iter().copied().collect::<Vec<_>>())?;
    let count = |topic: TopicMetadata| i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    Ok(topics.into_iter().filter_map(|(name, topic)| Some((name, count(topic.ok()?)))).collect())
}

/// Whether a topic has another number of partitions than was shared out. One that is not told is not taken for gone.
fn is_outdated(shared_out: &BTreeMap<String, i32>, now: &BTreeMap<String, i32>) -> bool {
    now.iter().any(|(topic, count)| shared_out.get(topic) != Some(count))
}

/// Shares all subscribed topics among all members.
fn assign(
    subscribers: Vec<Subscriber>,
    partition_counts: &BTreeMap<String, i32>,
) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
    let assigned = range::assign(subscribers, partition_counts);
    let encoded = assigned.into_iter().map(|(member_id, assignment)| {
        Ok(SyncGroupRequestAssignment { member_id, assignment: encode_assignment(assignment)? })
    });
    encoded.collect()
}

fn encode_assignment(assignment: Assignment) -> Result<Bytes, ClientError> {
    let assigned_partitions = assignment
        .into_iter()
        .map(|(topic, partitions)| ConsumerProtocolAssignmentTopicPartition { topic, partitions })
        .collect();
    encode_versioned(BLOB_VERSION, &ConsumerProtocolAssignment { assigned_partitions, user_data: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shared_out_is_outdated_when_a_topic_has_another_number_of_partitions() {
        let counts = |counts: &[(&str, i32)]| counts.iter().map(|&(t, c)| (t.to_owned(), c)).collect();
        let shared_out: BTreeMap<String, i32> = counts(&[("t", 2), ("u", 1)]);
        let cases: [(&[(&str, i32)], bool); 6] = [
            (&[("t", 2), ("u", 1)], false),
            (&[("t", 3), ("u", 1)], true),
            (&[("t", 1), ("u", 1)], true),
            (&[("t", 2)], false),
            (&[], false),
            (&[("t", 2), ("u", 1), ("late", 1)], true),
        ];
        for (now, expected) in cases {
            assert_eq!(is_outdated(&shared_out, &counts(now)), expected, "{now:?}");
        }
    }
}
