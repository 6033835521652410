//! A static member that returns within its session gets its partitions back, and nobody else notices.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::library::Library::{self, Aiokafka, Confluent, Franz, Java, KafkaPython, Sarama};
use jackdaw_tests::members::{Event, Members};

/// kafkajs and kafka-go have no static members. The leader of a franz-go group asks for a rebalance when it returns.
const CLASSIC: &[(Library, &str)] = &[
    (Java, "range"),
    (Confluent, "cooperative-sticky"),
    (KafkaPython, "range"),
    (Aiokafka, "roundrobin"),
    (Franz, "cooperative-sticky"),
    (Sarama, "range"),
];

/// A static member of franz-go says nothing when it is closed, and may only return when its session is over; on Apache Kafka too.
const CONSUMER: &[(Library, &str)] = &[(Java, "consumer"), (Confluent, "consumer")];

#[test]
fn classic() {
    all_at_once(CLASSIC);
}

#[test]
fn consumer() {
    all_at_once(CONSUMER);
}

fn all_at_once(clients: &[(Library, &str)]) {
    let broker = Broker::start(Options::groups(2));
    std::thread::scope(|scope| {
        for &(library, protocol) in clients.iter().filter(|(library, _)| library.is_chosen()) {
            let bootstrap = broker.bootstrap();
            scope.spawn(move || {
                let members = Members::start(library, bootstrap);
                restarts(library, &mut Scene::open(bootstrap, &members, protocol, "static"));
            });
        }
    });
}

fn restarts(library: Library, scene: &mut Scene<'_>) {
    scene.start_load();
    for member in ["a", "b", "c"] {
        join(scene, member, member);
        // One after the other, so that the first leads a classic group.
        let others = ["a", "b", "c"].iter().position(|m| *m == member).unwrap_or(0);
        scene.await_shares([&[12][..], &[6, 6], &[4, 4, 4]][others]);
    }
    scene.await_progress();
    // A follower, then the leader.
    restart(scene, "b", "b2");
    if library != Franz {
        restart(scene, "a", "a2");
    }
    let end = scene.stop_load();
    scene.await_end(end);
    assert_eq!(scene.consumption.repeated(), 0, "{}: records came again", scene.group);
}

fn join(scene: &Scene<'_>, member: &str, instance: &str) {
    let instance = format!("instance={instance}");
    scene.join(member, &[&instance, "session=30000"]);
}

fn restart(scene: &mut Scene<'_>, before: &str, after: &str) {
    let view = scene.view().expect("the group");
    let (owners, id) = (view.by_instance(), view.member_id_of(before).map(str::to_owned));
    assert_eq!(owners.len(), 3, "{view:#?}");
    let generation = last_generation(scene);
    let told = scene.told.len();
    scene.leave(before);
    scene.await_left(before);
    let view = scene.view().expect("the group");
    assert_eq!(view.members.len(), 3, "it has left for good: {view:#?}");
    join(scene, after, before);
    let group = scene.group.clone();
    scene.await_that(&format!("{before} is back"), |scene| {
        scene.view().is_some_and(|view| {
            let now = view.member_id_of(before).map(str::to_owned);
            now != id && view.shares() == Some(vec![4, 4, 4]) && view.by_instance() == owners
        })
    });
    scene.await_progress();
    let restarted = [scene.named(before), scene.named(after)];
    let moved: Vec<_> = scene.told[told..]
        .iter()
        .filter(|(member, event)| {
            !restarted.contains(member) && matches!(event, Event::Assigned(..) | Event::Revoked(_))
        })
        .collect();
    assert!(moved.is_empty(), "{group}: the others noticed: {moved:#?}");
    assert_eq!(last_generation(scene), generation, "{group}: another generation");
}

/// The generation of the newest assignment that was told, if the library tells it.
fn last_generation(scene: &Scene<'_>) -> Option<i32> {
    let mut generations = scene.told.iter().filter_map(|(_, event)| match event {
        Event::Assigned(generation, _) => Some(*generation),
        _ => None,
    });
    generations.next_back().flatten()
}
