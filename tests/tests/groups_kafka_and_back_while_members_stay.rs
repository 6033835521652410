//! Members stay while Apache Kafka takes their groups over from us, and we from Apache Kafka: on one directory and one
//! port, nobody rebalances, and generations, epochs and offsets go on.
//!
//! The members are librdkafka's: a Java consumer that leads a classic group joins again after the change, on either
//! broker.

use jackdaw_core::protocol::messages::heartbeat::HeartbeatRequest;
use jackdaw_tests::broker::Kind::{self, Apache, Jackdaw};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::group_view::GroupView;
use jackdaw_tests::library::Library::Confluent;
use jackdaw_tests::members::{Event, Members};

/// Longer than a broker is away: members of the classic protocol give up by themselves after it.
const SESSION: &str = "session=120000";

#[test]
fn our_directory() {
    hand_over([Jackdaw, Apache, Jackdaw]);
}

#[test]
fn apache_kafkas_directory() {
    hand_over([Apache, Jackdaw, Apache]);
}

/// A group whose members stay, and how it stands.
struct Staying<'a> {
    scene: Scene<'a>,
    view: GroupView,
    generation: Option<i32>,
    end: i64,
}

fn hand_over(kinds: [Kind; 3]) {
    let mut broker = Broker::start_kind(kinds[0], Options::groups(2));
    let bootstrap = broker.bootstrap().to_owned();
    let confluent = Members::start(Confluent, &bootstrap);
    let classic = Scene::open(&bootstrap, &confluent, "range", "stay");
    ["a", "b"].iter().for_each(|member| classic.join(member, &[&format!("instance={member}"), SESSION]));
    let consumer = Scene::open(&bootstrap, &confluent, "consumer", "stay");
    consumer.join("a", &["instance=a"]);
    consumer.join("b", &[]);
    let mut mixed = Scene::open(&bootstrap, &confluent, "cooperative-sticky", "stay-mixed");
    mixed.join("a", &[SESSION]);
    mixed.await_shares(&[12]);
    // From this member on it is a consumer group.
    "consumer".clone_into(&mut mixed.protocol);
    mixed.join("b", &[]);
    let mut groups = [classic, consumer, mixed].map(Staying::begin);
    for kind in &kinds[1..] {
        broker.terminate();
        broker.restart_as(*kind);
        groups.iter_mut().for_each(|group| group.go_on(*kind));
    }
    groups[..2].iter_mut().for_each(Staying::return_static);
    groups.iter_mut().for_each(Staying::grow);
    broker.terminate();
}

impl<'a> Staying<'a> {
    fn begin(mut scene: Scene<'a>) -> Self {
        scene.start_load();
        scene.await_shares(&[6, 6]);
        scene.await_progress();
        let end = scene.stop_load();
        scene.await_end(end);
        let view = view(&mut scene).expect("the group");
        let generation = generation(&mut scene);
        Self { scene, view, generation, end }
    }

    /// Another broker has taken over.
    fn go_on(&mut self, kind: Kind) {
        let (view, scene) = (&self.view, &mut self.scene);
        let told = scene.told.len();
        scene.reconnect();
        scene.start_load();
        scene.await_progress();
        self.end += scene.stop_load();
        scene.await_end(self.end);
        let found = self::view(scene);
        assert_eq!(found.as_ref(), Some(view), "{}: another group on {kind:?}", scene.group);
        assert_eq!(generation(scene), self.generation, "{}: another generation on {kind:?}", scene.group);
        assert_nobody_moved(scene, told, None);
    }

    /// A static member of another broker's group comes back.
    fn return_static(&mut self) {
        let (view, scene) = (&self.view, &mut self.scene);
        let told = scene.told.len();
        let id = view.member_id_of("a").map(str::to_owned);
        scene.leave("a");
        scene.await_left("a");
        scene.join("a2", &["instance=a", SESSION]);
        scene.await_that("a is back", |scene| {
            scene.view().is_some_and(|now| {
                now.by_instance() == view.by_instance()
                    && now.member_id_of("a") != id.as_deref()
                    && now.shares() == Some(vec![6, 6])
            })
        });
        assert_nobody_moved(scene, told, Some(["a", "a2"].map(|member| scene.named(member))));
    }

    /// The next generation or epoch is the next in number.
    fn grow(&mut self) {
        let scene = &mut self.scene;
        let before = self.generation.or(self.view.epoch).expect("a generation or an epoch");
        scene.join("c", &[SESSION]);
        scene.await_shares(&[4, 4, 4]);
        let after = generation(scene).or_else(|| scene.view().and_then(|view| view.epoch));
        assert_eq!(after, Some(before + 1), "{}: numbers go on", scene.group);
    }
}

/// The group, its members in order.
fn view(scene: &mut Scene<'_>) -> Option<GroupView> {
    let mut view = scene.view()?;
    view.members.sort_by(|left, right| left.member_id.cmp(&right.member_id));
    Some(view)
}

fn assert_nobody_moved(scene: &Scene<'_>, told: usize, but: Option<[String; 2]>) {
    let others = |member: &String| but.as_ref().is_none_or(|but| !but.contains(member));
    let moved = scene.told[told..]
        .iter()
        .filter(|(member, event)| others(member) && matches!(event, Event::Assigned(..) | Event::Revoked(_)));
    let moved: Vec<_> = moved.collect();
    assert!(moved.is_empty(), "{}: somebody moved: {moved:#?}", scene.group);
}

/// A classic group's generation: the one in which it takes a heartbeat of its first member.
fn generation(scene: &mut Scene<'_>) -> Option<i32> {
    let view = scene.view().filter(|view| view.epoch.is_none())?;
    let member = view.members.first()?;
    let heartbeat = |generation_id| HeartbeatRequest {
        group_id: scene.group.clone(),
        generation_id,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
    };
    let request = |generation| (generation, heartbeat(generation));
    let mut requests = (1..100).map(request);
    let found = requests.find(|(_, request)| scene.connection.call(request, 4).error_code == 0);
    Some(found.expect("a generation").0)
}
