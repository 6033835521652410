//! What a heartbeat has to look like, whatever the group.

use super::{
    GroupSettings, Refusal,
    member::{JOIN_EPOCH, STATIC_LEAVE_EPOCH},
    regex::TopicRegex,
};
use crate::{
    error_code::ErrorCode, protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest,
};

/// From this version on the client makes its member id.
const CLIENT_MAKES_MEMBER_ID: i16 = 1;

/// In Kafka's order, with Kafka's texts; an expression comes last ([`compile_regex`]).
pub(super) fn validate(
    settings: &GroupSettings<'_>,
    version: i16,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let is_empty = |text: &Option<String>| text.as_deref().is_some_and(is_blank);
    let joins = request.member_epoch == JOIN_EPOCH;
    if is_blank(&request.group_id) {
        return Err(Refusal::invalid("GroupId can't be empty."));
    }
    if is_blank(&request.member_id) && (version >= CLIENT_MAKES_MEMBER_ID || !joins) {
        return Err(Refusal::invalid("MemberId can't be empty."));
    }
    if is_empty(&request.instance_id) {
        return Err(Refusal::invalid("InstanceId can't be empty."));
    }
    if is_empty(&request.rack_id) {
        return Err(Refusal::invalid("RackId can't be empty."));
    }
    if joins {
        validate_join(request)?;
    } else if request.member_epoch == STATIC_LEAVE_EPOCH {
        if request.instance_id.is_none() {
            return Err(Refusal::invalid("InstanceId can't be null."));
        }
    } else if request.member_epoch < STATIC_LEAVE_EPOCH {
        return Err(Refusal::invalid("MemberEpoch is invalid."));
    }
    if let Some(assignor) = &request.server_assignor
        && !settings.has_assignor(assignor)
    {
        let known = settings.broker.assignors.join(", ");
        let message = format!("ServerAssignor {assignor} is not supported. Supported assignors: {known}.");
        return Err(Refusal::new(ErrorCode::UnsupportedAssignor, message));
    }
    Ok(())
}

/// As Java trims: nothing but blanks and control characters.
fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character <= ' ')
}

/// The expression that comes with the request, compiled; `None` where there is none.
///
/// # Errors
/// INVALID_REGULAR_EXPRESSION.
pub(super) fn compile_regex(request: &ConsumerGroupHeartbeatRequest) -> Result<Option<TopicRegex>, Refusal> {
    let Some(regex) = request.subscribed_topic_regex.as_deref().filter(|regex| !regex.is_empty()) else {
        return Ok(None);
    };
    TopicRegex::new(regex).map(Some).map_err(|error| {
        let message = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {error}.");
        Refusal::new(ErrorCode::InvalidRegularExpression, message)
    })
}

fn validate_join(request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    if request.rebalance_timeout_ms == -1 {
        return Err(Refusal::invalid("RebalanceTimeoutMs must be provided in first request."));
    }
    if request.topic_partitions.as_ref().is_none_or(|partitions| !partitions.is_empty()) {
        return Err(Refusal::invalid("TopicPartitions must be empty when (re-)joining."));
    }
    if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        return Err(Refusal::invalid(
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ));
    }
    Ok(())
}
