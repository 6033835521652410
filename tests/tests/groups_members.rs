//! Every client's `subscribe()`: one member, four, two on twelve partitions under load; commit, rejoin, resume.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::{PARTITIONS, Scene};
use jackdaw_tests::library::Library::{
    self, Aiokafka, Confluent, ConfluentOld, Franz, Java, KafkaPython, Kafkajs, Sarama, Segmentio,
};
use jackdaw_tests::members::Members;

/// The libraries with the protocols of theirs that are tried: an assignor of the classic protocol, or the new one.
const CLASSIC: &[(Library, &[&str])] = &[
    (Java, &["range", "sticky", "cooperative-sticky"]),
    (Confluent, &["range", "cooperative-sticky"]),
    (ConfluentOld, &["roundrobin"]),
    (KafkaPython, &["range", "cooperative-sticky"]),
    (Aiokafka, &["roundrobin"]),
    (Franz, &["range", "cooperative-sticky"]),
    (Sarama, &["range", "sticky"]),
    (Segmentio, &["roundrobin"]),
    (Kafkajs, &["roundrobin"]),
];

const CONSUMER: &[(Library, &[&str])] =
    &[(Java, &["consumer"]), (Confluent, &["consumer"]), (Franz, &["consumer"])];

#[test]
fn classic() {
    all_at_once(CLASSIC, 2);
}

#[test]
fn consumer() {
    all_at_once(CONSUMER, 2);
}

/// Every library and protocol with its own group on one broker; one program a library hosts the members of its groups.
fn all_at_once(clients: &[(Library, &[&str])], shards: u32) {
    let broker = Broker::start(Options::groups(shards));
    std::thread::scope(|scope| {
        for &(library, protocols) in clients.iter().filter(|(library, _)| library.is_chosen()) {
            let bootstrap = broker.bootstrap();
            scope.spawn(move || {
                let members = Members::start(library, bootstrap);
                let members = &members;
                std::thread::scope(|scope| {
                    for &protocol in protocols {
                        scope.spawn(move || one_four_two(bootstrap, members, protocol));
                    }
                });
            });
        }
    });
}

fn one_four_two(bootstrap: &str, members: &Members, protocol: &str) {
    let mut scene = Scene::open(bootstrap, members, protocol, "members");
    scene.start_load();
    scene.join("a", &[]);
    scene.await_shares(&[12]);
    scene.await_progress();
    ["b", "c", "d"].iter().for_each(|member| scene.join(member, &[]));
    scene.await_shares(&[3, 3, 3, 3]);
    scene.await_progress();
    // The first one is the leader of a classic group.
    ["a", "c"].iter().for_each(|member| scene.leave(member));
    scene.await_shares(&[6, 6]);
    scene.await_progress();
    let end = scene.stop_load();
    scene.await_end(end);
    ["b", "d"].iter().for_each(|member| scene.leave(member));
    ["a", "b", "c", "d"].iter().for_each(|member| scene.await_left(member));
    scene.await_empty();

    // What comes next goes on at the committed offset, and nothing comes again.
    let repeated = scene.consumption.repeated();
    scene.start_load();
    scene.join("e", &[]);
    scene.await_shares(&[PARTITIONS as usize]);
    scene.await_progress();
    let further = scene.stop_load();
    scene.await_end(end + further);
    assert_eq!(scene.consumption.repeated(), repeated, "{}: records came again after a rejoin", scene.group);
    scene.leave("e");
    scene.await_left("e");
    eprintln!("{}: {} records a partition, {repeated} came again", scene.group, end + further);
}
