//! From the classic to the consumer protocol and back, member by member, while the group consumes.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::group_view::{describe_classic, describe_consumer};
use jackdaw_tests::library::Library::{self, Confluent, Java};
use jackdaw_tests::members::Members;

/// confluent-kafka and franz-go can be rolled alike; Java has both an eager and a cooperative assignor to come from.
const CLIENTS: &[(Library, &str)] =
    &[(Java, "range"), (Java, "cooperative-sticky"), (Confluent, "cooperative-sticky")];

#[test]
fn rolling_upgrade_and_downgrade() {
    let broker = Broker::start(Options::groups(2));
    std::thread::scope(|scope| {
        for &(library, protocol) in CLIENTS.iter().filter(|(library, _)| library.is_chosen()) {
            let bootstrap = broker.bootstrap();
            scope.spawn(move || {
                let members = Members::start(library, bootstrap);
                roll(&mut Scene::open(bootstrap, &members, protocol, "upgrade"), protocol);
            });
        }
    });
}

fn roll(scene: &mut Scene<'_>, classic: &str) {
    scene.start_load();
    ["a", "b", "c"].iter().for_each(|member| scene.join(member, &[]));
    scene.await_shares(&[4, 4, 4]);
    scene.await_progress();
    // From the first new member on it is a consumer group, also for those that are still classic.
    "consumer".clone_into(&mut scene.protocol);
    for (before, after) in [("a", "a2"), ("b", "b2"), ("c", "c2")] {
        replace(scene, before, after, "consumer");
        assert!(
            describe_classic(&mut scene.connection, &scene.group).is_none_or(|view| view.members.is_empty())
        );
    }
    // Until the last new member goes.
    replace(scene, "a2", "a3", classic);
    replace(scene, "b2", "b3", classic);
    scene.leave("c2");
    scene.await_left("c2");
    classic.clone_into(&mut scene.protocol);
    scene.await_shares(&[6, 6]);
    scene.join_as("c3", classic, &[]);
    scene.await_shares(&[4, 4, 4]);
    assert_eq!(describe_consumer(&mut scene.connection, &scene.group), None, "{}", scene.group);
    scene.await_progress();
    let end = scene.stop_load();
    scene.await_end(end);
    eprintln!("{}: {end} records a partition, {} came again", scene.group, scene.consumption.repeated());
}

fn replace(scene: &mut Scene<'_>, before: &str, after: &str, protocol: &str) {
    scene.join_as(after, protocol, &[]);
    scene.await_shares(&[3, 3, 3, 3]);
    scene.leave(before);
    scene.await_left(before);
    scene.await_shares(&[4, 4, 4]);
    scene.await_progress();
}
