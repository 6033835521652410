//! A member of a classic group: JoinGroup, SyncGroup, Heartbeat, eager or cooperative.

use std::collections::BTreeSet;

use bytes::Bytes;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
        join_group::JoinGroupRequestProtocol, sync_group::SyncGroupRequestAssignment,
    },
};
use jackdaw_ring::now;

use super::{
    Served,
    assignor::{self, Candidate},
    broken,
    member::{Member, Trouble},
    plan::Protocol,
    reached,
};
use crate::{marks, workload::connection::Connection};

const PROTOCOL_TYPE: &str = "consumer";

pub(super) async fn turn(member: &mut Member, connection: &mut Connection) -> Result<(), Trouble> {
    if member.joins {
        prepare(member, connection).await?;
        let Some(joined) = join(member, connection).await? else { return Ok(()) };
        sync(member, connection, &joined).await?;
        return Ok(());
    }
    if now().as_millis() >= member.heartbeat_due_ms {
        heartbeat(member, connection).await?;
    }
    if member.is_dead {
        // A heartbeat was taken from a member whose session was over.
        broken("a session ends", &format!("{} of {}", member.identity(), member.plan().name));
    }
    member.work(connection).await?;
    member.rest().await;
    Ok(())
}

fn is_cooperative(member: &Member) -> bool {
    member.protocol == Protocol::Cooperative
}

/// Before a rebalance: an eager member commits and gives up all; a cooperative one keeps what it has.
async fn prepare(member: &mut Member, connection: &mut Connection) -> Result<(), Trouble> {
    if is_cooperative(member) && member.random.one_in(2) {
        return Ok(());
    }
    let owned = member.owned.iter().copied().collect();
    match member.commit(connection, owned, false).await {
        Ok(()) | Err(Trouble::Rebalance | Trouble::Retry) => {}
        Err(trouble @ (Trouble::Lost | Trouble::Dies | Trouble::Fenced)) => return Err(trouble),
        Err(trouble) => {
            // Others may have what it had.
            member.lose_all();
            return if trouble == Trouble::Expelled { Err(trouble) } else { Ok(()) };
        }
    }
    if !is_cooperative(member) {
        let epoch = member.epoch;
        member.lose_all();
        member.epoch = epoch;
    }
    Ok(())
}

async fn join(
    member: &mut Member,
    connection: &mut Connection,
) -> Result<Option<JoinGroupResponse>, Trouble> {
    let plan = member.plan().clone();
    let version = member.versions.join;
    let topics = &member.shared.plan.topics;
    let metadata = assignor::subscription(topics, &member.owned, member.epoch, member.versions.subscription);
    let name = plan.classic_name();
    let request = JoinGroupRequest {
        group_id: plan.name.clone(),
        session_timeout_ms: plan.session_ms as i32,
        rebalance_timeout_ms: plan.rebalance_ms as i32,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance(),
        protocol_type: PROTOCOL_TYPE.to_owned(),
        protocols: vec![JoinGroupRequestProtocol { name: name.to_owned(), metadata: metadata.clone() }],
        ..Default::default()
    };
    member.change_status(|status| {
        status.joins += 1;
        status.epoch = None;
        status.is_settled = false;
    });
    let said = |member: &Member| {
        let mut history = member.shared.history.borrow_mut();
        history.ownership.on_joining(member.group, &member.identity(), &metadata);
    };
    said(member);
    let response = member.call::<JoinGroupRequest>(connection, &request, version).await?;
    match ErrorCode::from_i16(response.error_code) {
        ErrorCode::None => {}
        ErrorCode::MemberIdRequired => {
            if response.member_id.is_empty() || version < 4 || request.group_instance_id.is_some() {
                broken("a member gets its id", &format!("{version}: {response:?}"));
            }
            member.member_id = response.member_id;
            return Ok(None);
        }
        _ => return Err(member.trouble(response.error_code, "JoinGroup")),
    }
    if response.member_id.is_empty() || response.generation_id < 1 {
        broken("a member gets its id", &format!("{response:?}"));
    }
    if response.protocol_name.as_deref() != Some(name) {
        broken("a protocol is chosen that the members have", &format!("{response:?}"));
    }
    member.member_id = response.member_id.clone();
    member.is_dead = false;
    member
        .shared
        .saw(member.group, if response.leader.is_empty() { Served::Consumer } else { Served::Classic });
    if response.leader.is_empty() {
        marks::reach(reached::CLASSIC_IN_CONSUMER);
    }
    // What a member without an id has said belongs to the id it has got.
    said(member);
    let history = &mut *member.shared.history.borrow_mut();
    let instance = plan.slots[member.slot].instance.as_deref();
    history.ownership.on_joined(member.group, response.generation_id, &member.member_id, instance);
    Ok(Some(response))
}

/// The leader shares out; then everybody is told.
async fn sync(
    member: &mut Member,
    connection: &mut Connection,
    joined: &JoinGroupResponse,
) -> Result<(), Trouble> {
    let generation = joined.generation_id;
    let version = member.versions.sync;
    let mut request = SyncGroupRequest {
        group_id: member.plan().name.clone(),
        generation_id: generation,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance(),
        ..Default::default()
    };
    if version >= 5 {
        request.protocol_type = Some(PROTOCOL_TYPE.to_owned());
        request.protocol_name = joined.protocol_name.clone();
    }
    if joined.leader == joined.member_id && !joined.skip_assignment {
        request.assignments = share_out(member, joined);
    }
    if member.shared.is_serving() && member.random.one_in(6) {
        // A slow leader, or a slow follower.
        let slow_ms = member.plan().session_ms.min(member.plan().rebalance_ms);
        let pause_ms = member.random.scaled(1, slow_ms);
        member.shared.sleep_serving(pause_ms).await;
    }
    let sent_ms = now().as_millis();
    let response = member.call::<SyncGroupRequest>(connection, &request, version).await?;
    if response.error_code != 0 {
        return Err(member.trouble(response.error_code, "SyncGroup"));
    }
    member.on_alive(sent_ms);
    take_assignment(member, connection, generation, &response.assignment).await
}

fn share_out(member: &Member, joined: &JoinGroupResponse) -> Vec<SyncGroupRequestAssignment> {
    let topics = &member.shared.plan.topics;
    let history = &mut *member.shared.history.borrow_mut();
    let mut candidates = Vec::new();
    let mut known = BTreeSet::new();
    for other in &joined.members {
        let identity = other.group_instance_id.clone().unwrap_or_else(|| other.member_id.clone());
        if !known.insert(identity.clone()) {
            broken("a leader sees the members as they are", &format!("{identity} twice: {joined:?}"));
        }
        let instance = other.group_instance_id.as_deref();
        history.ownership.on_joined(member.group, joined.generation_id, &other.member_id, instance);
        history.ownership.check_metadata(member.group, &identity, &other.metadata);
        let owned = assignor::read_subscription(topics, &other.metadata);
        candidates.push(Candidate { member: other.member_id.clone(), owned });
    }
    if !joined.members.iter().any(|other| other.member_id == member.member_id) {
        broken("a leader sees the members as they are", &format!("itself is missing: {joined:?}"));
    }
    let places = member.shared.places();
    let shares = match member.protocol {
        Protocol::Cooperative => assignor::keep(&candidates, &places),
        _ => assignor::deal(&candidates, &places),
    };
    let bytes = shares.iter().map(|(name, places)| (name.clone(), assignor::assignment(topics, places)));
    let bytes: Vec<(String, Bytes)> = bytes.collect();
    history.ownership.on_assigning(member.group, joined.generation_id, bytes.iter().cloned().collect());
    let one = |(member_id, assignment)| SyncGroupRequestAssignment { member_id, assignment };
    bytes.into_iter().map(one).collect()
}

async fn take_assignment(
    member: &mut Member,
    connection: &mut Connection,
    generation: i32,
    bytes: &Bytes,
) -> Result<(), Trouble> {
    let assigned = assignor::read_assignment(&member.shared.plan.topics, bytes);
    {
        let history = &mut *member.shared.history.borrow_mut();
        let identity = member.identity();
        if member.plan().owns_by_time() {
            let added = assigned.difference(&member.owned).copied().collect();
            history.ownership.on_owned(member.group, &identity, &added, now().as_millis());
        } else {
            history.ownership.on_assigned(member.group, generation, &identity, bytes, &assigned);
        }
    }
    member.epoch = generation;
    member.joins = false;
    set_heartbeat(member);
    let revoked: Vec<_> = member.owned.difference(&assigned).copied().collect();
    member.tell(&format!("has {assigned:?}, gives {revoked:?}"));
    if !revoked.is_empty() {
        member.change_status(|status| status.revoked.extend(&revoked));
        let committed = member.commit(connection, revoked.clone(), false).await;
        for place in &revoked {
            member.owned.remove(place);
            member.positions.remove(place);
        }
        let gone: BTreeSet<_> = revoked.iter().copied().collect();
        let identity = member.identity();
        member.shared.history.borrow_mut().ownership.on_released(member.group, &identity, &gone);
        // The next generation gives to others what this one took.
        member.joins = true;
        committed?;
    }
    member.owned = assigned;
    let (epoch, owned) = ((!member.joins).then_some(generation), member.owned.clone());
    member.change_status(|status| (status.epoch, status.owned) = (epoch, owned));
    Ok(())
}

fn set_heartbeat(member: &mut Member) {
    let interval_ms = member.plan().session_ms / member.random.between(3, 5);
    member.heartbeat_due_ms = now().as_millis() + interval_ms;
}

async fn heartbeat(member: &mut Member, connection: &mut Connection) -> Result<(), Trouble> {
    let request = HeartbeatRequest {
        group_id: member.plan().name.clone(),
        generation_id: member.epoch,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance(),
    };
    let newest = member.shared.history.borrow().ownership.newest(member.group);
    let version = member.versions.heartbeat;
    let sent_ms = now().as_millis();
    let response = member.call::<HeartbeatRequest>(connection, &request, version).await?;
    set_heartbeat(member);
    if response.error_code != 0 {
        return Err(member.trouble(response.error_code, "Heartbeat"));
    }
    member.on_alive(sent_ms);
    if newest > member.epoch && !member.plan().owns_by_time() {
        let detail = format!("{} of {}", member.identity(), member.plan().name);
        broken("a generation ends", &format!("{detail}: {} although there is {newest}", member.epoch));
    }
    Ok(())
}
