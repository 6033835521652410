//! When nothing goes wrong any more: groups come to rest with everything owned and consumed, and stay at rest when a
//! static member restarts; and a cooperative rebalance takes only what moves.

use std::{rc::Rc, time::Duration};

use super::{Command, PATIENCE, Shared, Slot, Status, broken, plan::Protocol};
use crate::{Random, World, workload::broker::Broker};

/// Groups come to rest by themselves in less.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// No session and no rebalance takes longer.
const GHOSTS_ARE_GONE: Duration = Duration::from_secs(12);

/// The groups' slots as they are at rest.
type Rest = Vec<Vec<Status>>;

pub(super) fn run(world: &World, shared: &Rc<Shared>, random: &mut Random, broker: &Broker) {
    for slot in shared.groups.iter().flatten() {
        slot.is_out.set(false);
    }
    if wait(world, shared, broker).is_none() {
        return;
    }
    shared.server.host.comment("groups are at rest");
    let (restarts, mut leaves) = (random.one_in(2), random.one_in(2));
    // Offsets of a group that everybody has left may expire.
    leaves &= !shared.expires.get();
    if restarts || leaves {
        // Members that died before are still members until their sessions end.
        world.run_until(GHOSTS_ARE_GONE, || !broker.goes_on());
    }
    let Some(rest) = wait_stable(world, shared, broker) else { return };
    if restarts && restart_static(world, shared, random, broker, &rest).is_none() {
        return;
    }
    if leaves {
        leave_and_come_back(world, shared, random, broker);
    }
}

/// Wait until all groups are at rest; `None` when the node's life is over before.
fn wait(world: &World, shared: &Shared, broker: &Broker) -> Option<Rest> {
    if !world.run_until(LEFT_ALONE, || !broker.goes_on() || is_at_rest(shared)) {
        rejoin_cooperative(shared);
    }
    let in_time = world.run_until(PATIENCE, || !broker.goes_on() || is_at_rest(shared));
    if !broker.goes_on() {
        return None;
    }
    if !in_time {
        let statuses: Vec<Vec<Status>> = statuses(shared);
        broken("groups converge when faults stop", &format!("{statuses:?}"));
    }
    Some(statuses(shared))
}

/// A static member that dies after it has said what it owns, and comes back after the leader has taken some of it
/// away, has nothing to give up, so asks for no second rebalance: what was taken is nobody's until there is one. That
/// is the protocol's own, and the clients' of Kafka; whoever runs such a group has to make one.
fn rejoin_cooperative(shared: &Shared) {
    for (group, plan) in shared.plan.groups.iter().enumerate() {
        if matches!(plan.protocol, Protocol::Cooperative | Protocol::Mixed) && plan.is_static() {
            shared.server.host.comment(&format!("{} joins again", plan.name));
            shared.groups[group].iter().for_each(|slot| slot.command.set(Command::Rejoin));
        }
    }
}

/// Wait until all groups are at rest and stay so: a coordinator may put the next assignment off.
fn wait_stable(world: &World, shared: &Shared, broker: &Broker) -> Option<Rest> {
    let mut rest = wait(world, shared, broker)?;
    if shared.plan.groups.iter().all(|group| !group.owns_by_time()) {
        return Some(rest);
    }
    let hold_ms = shared.plan.assignment_interval_ms + 4 * shared.plan.heartbeat_ms();
    let epochs =
        |rest: &Rest| -> Vec<Option<i32>> { rest.iter().flatten().map(|status| status.epoch).collect() };
    loop {
        world.run_until(Duration::from_millis(hold_ms), || !broker.goes_on());
        let after = wait(world, shared, broker)?;
        if epochs(&after) == epochs(&rest) {
            return Some(after);
        }
        rest = after;
    }
}

fn statuses(shared: &Shared) -> Rest {
    shared
        .groups
        .iter()
        .map(|slots| slots.iter().map(|slot| slot.status.borrow().clone()).collect())
        .collect()
}

fn is_at_rest(shared: &Shared) -> bool {
    let places = shared.places();
    shared.groups.iter().enumerate().all(|(group, slots)| {
        let members: Vec<&Slot> = slots.iter().filter(|slot| !slot.is_out.get()).collect();
        let has_come = |slot: &&Slot| slot.command.get() == Command::None;
        let epoch = members.first().and_then(|slot| slot.status.borrow().epoch);
        let is_settled = |slot: &&Slot| {
            let status = slot.status.borrow();
            status.is_settled && status.epoch == epoch
        };
        let owners = |place| members.iter().filter(|slot| slot.status.borrow().owned.contains(place)).count();
        let history = shared.history.borrow();
        let is_consumed = |place| history.offsets.committed(group, place) >= history.log.end(place);
        if members.is_empty() {
            return true;
        }
        epoch.is_some()
            && members.iter().all(has_come)
            && members.iter().all(is_settled)
            && places.iter().all(|place| owners(place) == 1 && is_consumed(*place))
    })
}

/// A static member that comes back within its session changes nothing for anybody.
fn restart_static(
    world: &World,
    shared: &Rc<Shared>,
    random: &mut Random,
    broker: &Broker,
    rest: &Rest,
) -> Option<()> {
    let mut restarted = Vec::new();
    // Where the member that comes back speaks the other protocol, the group may change.
    let groups = shared.plan.groups.iter().enumerate();
    for (group, plan) in groups.filter(|(_, plan)| plan.protocol != Protocol::Mixed) {
        let slots: Vec<usize> =
            (0..plan.slots.len()).filter(|slot| plan.slots[*slot].instance.is_some()).collect();
        if !slots.is_empty() {
            let slot = *random.pick(&slots);
            shared.groups[group][slot].command.set(Command::Restart);
            restarted.push((group, slot));
        }
    }
    if restarted.is_empty() {
        return Some(());
    }
    shared.server.host.comment(&format!("static members restart: {restarted:?}"));
    let has_restarted = || {
        restarted.iter().all(|(group, slot)| {
            shared.groups[*group][*slot].status.borrow().joins > rest[*group][*slot].joins
        })
    };
    world.run_until(PATIENCE, || !broker.goes_on() || has_restarted());
    wait(world, shared, broker)?;
    // Long enough for everybody's heartbeat.
    let longest_ms = shared.plan.groups.iter().map(|group| group.session_ms).max().unwrap_or(0);
    world.run_until(Duration::from_millis(longest_ms), || !broker.goes_on());
    let after = wait_stable(world, shared, broker)?;
    for (group, _) in &restarted {
        for (slot, (before, after)) in rest[*group].iter().zip(&after[*group]).enumerate() {
            let has_rejoined = !restarted.contains(&(*group, slot)) && before.joins != after.joins;
            if before.epoch != after.epoch || before.owned != after.owned || has_rejoined {
                let detail = format!("slot {slot} of group {group}: {before:?}, then {after:?}");
                broken("a static member's restart causes no rebalance", &detail);
            }
        }
    }
    Some(())
}

/// One member leaves and comes back; cooperative members give up only what ends with another.
fn leave_and_come_back(world: &World, shared: &Rc<Shared>, random: &mut Random, broker: &Broker) {
    let chosen: Vec<(usize, usize)> = shared
        .plan
        .groups
        .iter()
        .enumerate()
        .map(|(group, plan)| (group, random.index(plan.slots.len())))
        .collect();
    shared.server.host.comment(&format!("members leave: {chosen:?}"));
    clear_revoked(shared);
    for (group, slot) in &chosen {
        shared.groups[*group][*slot].command.set(Command::Leave);
    }
    let slot = |(group, slot): &(usize, usize)| &shared.groups[*group][*slot];
    let in_time =
        world.run_until(PATIENCE, || !broker.goes_on() || chosen.iter().all(|one| slot(one).is_out.get()));
    if broker.goes_on() && !in_time {
        broken("a member leaves", &format!("{chosen:?}: {:?}", statuses(shared)));
    }
    for is_back in [false, true] {
        if is_back {
            shared.server.host.comment("members come back");
            chosen.iter().for_each(|one| slot(one).is_out.set(false));
        }
        let Some(rest) = wait_stable(world, shared, broker) else { return };
        for (group, plan) in shared.plan.groups.iter().enumerate() {
            let keeps = plan.protocol == Protocol::Cooperative
                || (plan.protocol == Protocol::Consumer && plan.assignor == "uniform");
            for status in rest[group].iter().filter(|_| keeps) {
                if let Some(place) = status.revoked.intersection(&status.owned).next() {
                    let detail = format!("{place:?} of group {group}: {status:?}");
                    broken("a cooperative rebalance never revokes what stays", &detail);
                }
            }
        }
        clear_revoked(shared);
    }
}

fn clear_revoked(shared: &Shared) {
    for slot in shared.groups.iter().flatten() {
        slot.status.borrow_mut().revoked.clear();
    }
}
