//! Subscription by pattern: the client's own regular expression, and the server's; a topic created later is picked up.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::{PARTITIONS, Scene};
use jackdaw_tests::library::Library::{self, Aiokafka, Confluent, Franz, Java, KafkaPython};
use jackdaw_tests::load::Load;
use jackdaw_tests::members::Members;
use jackdaw_tests::requests;

/// sarama and kafka-go have no patterns; kafkajs looks them up once, when it subscribes.
const CLASSIC: &[(Library, &str, &[&str])] = &[
    (Java, "range", &[]),
    (Confluent, "roundrobin", &[]),
    (KafkaPython, "range", &[]),
    (Aiokafka, "roundrobin", &[]),
    (Franz, "cooperative-sticky", &[]),
];

const CONSUMER: &[(Library, &str, &[&str])] = &[
    (Java, "consumer", &["pattern=client"]),
    (Java, "consumer", &["pattern=server"]),
    (Confluent, "consumer", &[]),
    (Franz, "consumer", &[]),
];

/// Partitions of the topic that comes later.
const LATER: i32 = 4;

#[test]
fn classic() {
    all_at_once(CLASSIC);
}

#[test]
fn consumer() {
    all_at_once(CONSUMER);
}

fn all_at_once(clients: &[(Library, &str, &[&str])]) {
    let broker = Broker::start(Options::groups(2));
    std::thread::scope(|scope| {
        for &(library, protocol, options) in clients.iter().filter(|(library, ..)| library.is_chosen()) {
            let bootstrap = broker.bootstrap();
            scope.spawn(move || {
                let members = Members::start(library, bootstrap);
                picked_up(bootstrap, &mut Scene::open(bootstrap, &members, protocol, "pattern"), options);
            });
        }
    });
}

fn picked_up(bootstrap: &str, scene: &mut Scene<'_>, options: &[&str]) {
    scene.start_load();
    ["a", "b"].iter().for_each(|member| scene.join_pattern(member, options));
    scene.await_shares(&[6, 6]);
    scene.await_progress();
    let name = format!("{}-later", scene.topic.name);
    let later = requests::create(&mut scene.connection, &name, LATER);
    let load = Load::start(bootstrap, &later, LATER);
    let all = (PARTITIONS + LATER) as usize;
    scene.await_that("both topics are shared", |scene| {
        scene
            .view()
            .and_then(|view| view.shares())
            .is_some_and(|shares| shares.len() == 2 && shares.iter().sum::<usize>() == all)
    });
    scene.await_that("records of the later topic", |scene| {
        scene.consumption.next_offsets(&name, LATER).iter().all(|&next| next > 0)
    });
    let (end, later_end) = (scene.stop_load(), load.stop());
    scene.await_end(end);
    scene.await_that("all records of the later topic", |scene| {
        scene.consumption.next_offsets(&name, LATER) == [later_end; LATER as usize]
    });
}
