//! Apache Kafka goes on with our directory, its groups and their offsets, and we with Apache Kafka's.

use jackdaw_tests::broker::Kind::{self, Apache, Jackdaw};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::library::Library::{Confluent, Franz};
use jackdaw_tests::members::Members;

#[test]
fn our_directory() {
    hand_over([Jackdaw, Apache, Jackdaw]);
}

#[test]
fn apache_kafkas_directory() {
    hand_over([Apache, Jackdaw, Apache]);
}

fn hand_over(kinds: [Kind; 3]) {
    let mut broker = Broker::start_kind(kinds[0], Options::groups(2));
    let bootstrap = broker.bootstrap().to_owned();
    let (confluent, franz) = (Members::start(Confluent, &bootstrap), Members::start(Franz, &bootstrap));
    let mut scenes = [
        Scene::open(&bootstrap, &confluent, "range", "hand-over"),
        Scene::open(&bootstrap, &franz, "cooperative-sticky", "hand-over"),
        Scene::open(&bootstrap, &confluent, "consumer", "hand-over"),
    ];
    let mut ends = [0; 3];
    for (round, kind) in kinds.into_iter().enumerate() {
        if round > 0 {
            broker.terminate();
            broker.restart_as(kind);
        }
        for (scene, end) in scenes.iter_mut().zip(&mut ends) {
            scene.reconnect();
            consume_more(scene, round, kind, end);
        }
    }
    broker.terminate();
}

/// Two members take what comes on this broker, after what the last one has committed, and leave.
fn consume_more(scene: &mut Scene<'_>, round: usize, kind: Kind, end: &mut i64) {
    if round > 0 {
        let before = [*end; 12];
        scene.await_that(&format!("{kind:?} has the offsets {end}"), |scene| {
            scene.committed().is_some_and(|o| o == before)
        });
    }
    scene.start_load();
    let members = ["a", "b"].map(|member| format!("{member}{round}"));
    members.iter().for_each(|member| scene.join(member, &[]));
    scene.await_shares(&[6, 6]);
    scene.await_progress();
    *end += scene.stop_load();
    scene.await_end(*end);
    members.iter().for_each(|member| scene.leave(member));
    members.iter().for_each(|member| scene.await_left(member));
    scene.await_empty();
}
