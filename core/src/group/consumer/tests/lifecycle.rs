//! Joining, reconciling, leaving.

use super::{
    images::Images,
    world::{FOO, World, assigned},
};
use crate::group::consumer::{GroupState, LEAVE_EPOCH};

fn foo(partitions: &[i32]) -> Option<Vec<(crate::uuid::Uuid, Vec<i32>)>> {
    Some(if partitions.is_empty() { Vec::new() } else { vec![(FOO, partitions.to_vec())] })
}

/// The epochs and assignments are those that Kafka 4.4.0 answered to the same requests.
#[test]
fn two_members_share_a_topic_by_way_of_revocation() {
    let mut world = World::new(Images::new().topic("foo", 6));
    let response = world.join("A", &["foo"]);
    assert_eq!((response.member_epoch, assigned(&response)), (2, foo(&[0, 1, 2, 3, 4, 5])));
    assert_eq!(world.beat("A", 2).assignment, None);
    assert_eq!(world.group().state(), GroupState::Stable);

    // Too early for a new target.
    let response = world.join("B", &["foo"]);
    assert_eq!((response.member_epoch, assigned(&response)), (2, foo(&[])));
    assert_eq!(world.group().state(), GroupState::Assigning);
    let response = world.beat("A", 2);
    assert_eq!((response.member_epoch, assigned(&response)), (2, None));

    world.pass(1_000);
    let response = world.beat("A", 2);
    assert_eq!((response.member_epoch, assigned(&response)), (2, foo(&[0, 1, 2])));
    let response = world.beat("B", 2);
    assert_eq!((response.member_epoch, assigned(&response)), (3, None));
    assert_eq!(world.group().state(), GroupState::Reconciling);

    // A still has what it was asked to give up.
    world.report("A", 2, &[(FOO, &[0, 1, 2, 3, 4, 5])]);
    assert_eq!(assigned(&world.beat("B", 3)), None);
    let response = world.report("A", 2, &[(FOO, &[0, 1, 2])]);
    assert_eq!((response.member_epoch, assigned(&response)), (3, None));
    let response = world.beat("B", 3);
    assert_eq!((response.member_epoch, assigned(&response)), (3, foo(&[3, 4, 5])));
    assert_eq!(world.group().state(), GroupState::Stable);
    world.restart();

    let response = world.beat("A", LEAVE_EPOCH);
    assert_eq!((response.member_id.as_deref(), response.member_epoch), (Some("A"), LEAVE_EPOCH));
    world.pass(1_000);
    let response = world.beat("B", 3);
    assert_eq!((response.member_epoch, assigned(&response)), (4, foo(&[0, 1, 2, 3, 4, 5])));
    world.beat("B", LEAVE_EPOCH);
    assert_eq!(world.group().state(), GroupState::Empty);
    world.restart();
}
