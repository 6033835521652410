//! SIGKILL of the broker while groups consume: nothing is lost, no commit is undone, the groups go on with their members.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::library::Library::{
    self, Aiokafka, Confluent, Franz, Java, KafkaPython, Kafkajs, Sarama, Segmentio,
};
use jackdaw_tests::members::Members;

const KILLS: usize = 3;

const CLASSIC: &[(Library, &str)] = &[
    (Java, "cooperative-sticky"),
    (Confluent, "range"),
    (KafkaPython, "range"),
    (Aiokafka, "roundrobin"),
    (Franz, "cooperative-sticky"),
    (Sarama, "sticky"),
    (Segmentio, "roundrobin"),
    (Kafkajs, "roundrobin"),
];

const CONSUMER: &[(Library, &str)] = &[(Java, "consumer"), (Confluent, "consumer"), (Franz, "consumer")];

#[test]
fn classic() {
    kill(CLASSIC);
}

#[test]
fn consumer() {
    kill(CONSUMER);
}

fn kill(clients: &[(Library, &str)]) {
    let clients: Vec<_> = clients.iter().copied().filter(|(library, _)| library.is_chosen()).collect();
    let Some(mut broker) = Broker::start_to_stop(Options::groups(2)) else { return };
    let bootstrap = broker.bootstrap().to_owned();
    let hosts: Vec<Members> =
        clients.iter().map(|&(library, _)| Members::start(library, &bootstrap)).collect();
    let open = |(members, &(_, protocol))| Scene::open(&bootstrap, members, protocol, "kill9");
    let mut scenes: Vec<Scene<'_>> = hosts.iter().zip(&clients).map(open).collect();
    for scene in &mut scenes {
        scene.start_load();
        ["a", "b", "c"].iter().for_each(|member| scene.join(member, &[]));
    }
    scenes.iter_mut().for_each(|scene| scene.await_shares(&[4, 4, 4]));
    for _ in 0..KILLS {
        scenes.iter_mut().for_each(Scene::await_progress);
        broker.kill();
        broker.restart();
        scenes.iter_mut().for_each(Scene::reconnect);
    }
    for scene in &mut scenes {
        scene.await_progress();
        scene.await_shares(&[4, 4, 4]);
        let end = scene.stop_load();
        scene.await_end(end);
        eprintln!("{}: {end} records a partition, {} came again", scene.group, scene.consumption.repeated());
        ["a", "b", "c"].iter().for_each(|member| scene.leave(member));
        ["a", "b", "c"].iter().for_each(|member| scene.await_left(member));
        scene.await_empty();
    }
}
