//! A member of a KIP-848 group: all is said in ConsumerGroupHeartbeat, and the coordinator assigns.

use std::{collections::BTreeSet, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequestTopicPartitions,
    },
    uuid::Uuid,
};
use jackdaw_ring::{now, sleep};

use super::{
    Served,
    assignor::by_topic,
    broken,
    history::Place,
    member::{Member, Trouble},
    reached,
};
use crate::{marks, workload::connection::Connection};

const VERSION: i16 = 1;
/// The topics that groups consume, and some that they do not know of.
const REGEX: &str = "work-.*";
const LEAVES: i32 = -1;
const LEAVES_TO_COME_BACK: i32 = -2;

pub(super) async fn turn(member: &mut Member, connection: &mut Connection) -> Result<(), Trouble> {
    let has_news = member.joins || member.told.as_ref() != Some(&member.owned);
    if has_news || now().as_millis() >= member.heartbeat_due_ms {
        heartbeat(member, connection).await?;
    }
    if member.is_dead {
        // A heartbeat was taken from a member whose session was over.
        broken("a session ends", &format!("{} of {}", member.identity(), member.plan().name));
    }
    match member.work(connection).await {
        // The next heartbeat tells the epoch.
        Err(Trouble::Stale) => member.heartbeat_due_ms = 0,
        done => done?,
    }
    member.rest().await;
    Ok(())
}

fn owned_partitions(
    member: &Member,
    owned: &BTreeSet<Place>,
) -> Vec<ConsumerGroupHeartbeatRequestTopicPartitions> {
    let one = |(topic, partitions)| ConsumerGroupHeartbeatRequestTopicPartitions {
        topic_id: member.shared.topic_id(topic),
        partitions,
    };
    by_topic(owned).into_iter().map(one).collect()
}

async fn heartbeat(member: &mut Member, connection: &mut Connection) -> Result<(), Trouble> {
    let plan = member.plan().clone();
    if member.joins {
        member.lose_all();
        member.epoch = 0;
        if member.member_id.is_empty() {
            let bits = [member.random.next_u64(), member.random.next_u64()];
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&bits[0].to_be_bytes());
            bytes[8..].copy_from_slice(&bits[1].to_be_bytes());
            member.member_id = Uuid(bytes).to_string();
        }
        member.change_status(|status| status.joins += 1);
    }
    let tells_all = member.told.is_none();
    let says_owned = tells_all || member.told.as_ref() != Some(&member.owned);
    let topic_names = || member.shared.plan.topics.iter().map(|topic| topic.name.clone()).collect();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: plan.name.clone(),
        member_id: member.member_id.clone(),
        member_epoch: member.epoch,
        instance_id: member.instance(),
        rebalance_timeout_ms: if tells_all { plan.rebalance_ms as i32 } else { -1 },
        subscribed_topic_names: (tells_all && !plan.by_regex).then(topic_names),
        subscribed_topic_regex: (tells_all && plan.by_regex).then(|| REGEX.to_owned()),
        server_assignor: tells_all.then(|| plan.assignor.to_owned()),
        topic_partitions: says_owned.then(|| owned_partitions(member, &member.owned)),
        ..Default::default()
    };
    let said = member.owned.clone();
    let sent_ms = now().as_millis();
    // Until an answer is there nobody knows what the coordinator knows.
    member.told = None;
    let response = member.call::<ConsumerGroupHeartbeatRequest>(connection, &request, VERSION).await?;
    member.heartbeat_due_ms =
        now().as_millis() + member.random.between(1, 2) * response.heartbeat_interval_ms.max(1) as u64;
    if response.error_code != 0 {
        if ErrorCode::from_i16(response.error_code) == ErrorCode::UnreleasedInstanceId {
            sleep(Duration::from_millis(plan.session_ms / 8)).await;
        }
        return Err(member.trouble(response.error_code, "ConsumerGroupHeartbeat"));
    }
    member.on_alive(sent_ms);
    member.shared.saw(member.group, Served::Consumer);
    member.told = Some(said);
    reconcile(member, connection, &response).await
}

async fn reconcile(
    member: &mut Member,
    connection: &mut Connection,
    response: &ConsumerGroupHeartbeatResponse,
) -> Result<(), Trouble> {
    if response.member_epoch < member.epoch || response.member_epoch < 1 {
        broken("a member's epoch never goes back", &format!("{response:?} after {}", member.epoch));
    }
    if member.joins && response.assignment.is_none() {
        broken("who joins is told its assignment", &format!("{response:?}"));
    }
    member.joins = false;
    member.is_dead = false;
    member.epoch = response.member_epoch;
    if let Some(assignment) = &response.assignment {
        let mut target = BTreeSet::new();
        let mut strange = BTreeSet::new();
        for topic in &assignment.topic_partitions {
            let number = member.shared.topics.borrow().iter().position(|id| *id == Some(topic.topic_id));
            let Some(number) = number else {
                if member.plan().by_regex {
                    // A topic that comes and goes: nothing is done with it.
                    marks::reach(reached::FOUND_BY_REGEX);
                    strange.extend(topic.partitions.iter().map(|partition| (topic.topic_id, *partition)));
                    continue;
                }
                broken("an assignment names what is subscribed", &format!("{response:?}"))
            };
            target.extend(topic.partitions.iter().map(|partition| (number, *partition)));
        }
        if strange != member.strange {
            // The coordinator waits to hear that what went was given up.
            (member.strange, member.told) = (strange, None);
        }
        take(member, connection, target).await?;
    }
    let (epoch, owned) = (member.epoch, member.owned.clone());
    member.change_status(|status| (status.epoch, status.owned) = (Some(epoch), owned));
    Ok(())
}

async fn take(
    member: &mut Member,
    connection: &mut Connection,
    target: BTreeSet<Place>,
) -> Result<(), Trouble> {
    let identity = member.identity();
    let added: BTreeSet<Place> = target.difference(&member.owned).copied().collect();
    {
        let history = &mut *member.shared.history.borrow_mut();
        history.ownership.on_owned(member.group, &identity, &added, now().as_millis());
    }
    let revoked: BTreeSet<Place> = member.owned.difference(&target).copied().collect();
    member.tell(&format!("gets {added:?}, gives {revoked:?}"));
    member.owned.extend(added);
    if revoked.is_empty() {
        return Ok(());
    }
    member.change_status(|status| status.revoked.extend(&revoked));
    let committed = member.commit(connection, revoked.iter().copied().collect(), false).await;
    for place in &revoked {
        member.owned.remove(place);
        member.positions.remove(place);
    }
    member.shared.history.borrow_mut().ownership.on_released(member.group, &identity, &revoked);
    match committed {
        Err(Trouble::Stale) => Ok(()),
        done => done,
    }
}

/// Say goodbye; whether the coordinator has taken it.
pub(super) async fn leave(
    member: &mut Member,
    connection: &mut Connection,
    stays: bool,
) -> Result<bool, Trouble> {
    if member.member_id.is_empty() {
        return Ok(false);
    }
    let stays = stays && member.instance().is_some();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: member.plan().name.clone(),
        member_id: member.member_id.clone(),
        member_epoch: if stays { LEAVES_TO_COME_BACK } else { LEAVES },
        instance_id: member.instance(),
        ..Default::default()
    };
    let response = member.call::<ConsumerGroupHeartbeatRequest>(connection, &request, VERSION).await?;
    if response.error_code != 0 {
        // It was no member any more, or nobody knows.
        let _ = member.trouble(response.error_code, "leaving");
    }
    Ok(response.error_code == 0)
}
