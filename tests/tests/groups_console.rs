//! Kafka's console consumer, with its defaults and with `--group`: `subscribe()` as the command line does it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use jackdaw_core::protocol::messages::list_groups::ListGroupsRequest;
use jackdaw_tests::broker::{Broker, Options, wait};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::group_view::{GroupView, committed, describe_classic};
use jackdaw_tests::library::kafka_tool;
use jackdaw_tests::requests::{self, Topic};
use jackdaw_tests::wire::Connection;

const DEADLINE: Duration = Duration::from_secs(60);

/// A running console consumer and the lines it prints.
struct Console {
    child: Child,
    lines: Receiver<String>,
}

impl Console {
    fn start(bootstrap: &str, topic: &Topic, arguments: &[&str]) -> Self {
        let mut command = kafka_tool("org.apache.kafka.tools.consumer.ConsoleConsumer");
        command.args(["--bootstrap-server", bootstrap, "--topic", &topic.name]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("java");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line).map_err(drop))
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line of the console consumer")
    }

    /// What else it prints until it ends by itself.
    fn rest(mut self) -> Vec<String> {
        let status = wait(&mut self.child, DEADLINE).expect("the console consumer ends");
        assert!(status.success(), "{status}");
        self.lines.iter().collect()
    }

    /// SIGTERM, as a user's Ctrl-C: it leaves its group.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        wait(&mut self.child, DEADLINE).expect("the console consumer ends");
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn with_its_defaults() {
    let broker = Broker::start(Options::groups(2));
    defaults(broker.bootstrap());
}

#[test]
fn with_a_group() {
    with_group("classic");
}

#[test]
fn with_a_consumer_group() {
    with_group("consumer");
}

/// A group of a random name, from the latest offset on.
fn defaults(bootstrap: &str) {
    let mut connection = Connection::open(bootstrap);
    let topic = requests::create(&mut connection, &topic("console"), 2);
    produce(&mut connection, &topic, 0, &["before"]);
    let console = Console::start(bootstrap, &topic, &[]);
    let mut group = String::new();
    eventually("the console consumer's group owns both partitions", || {
        let found = own_group(&mut connection, &topic);
        group = found.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
        found.is_some()
    });
    // It asks for the latest offsets after it got its partitions.
    let mut waited = Vec::new();
    eventually("a record reaches the console consumer", || {
        produce(&mut connection, &topic, 0, &["after"]);
        waited.extend(console.lines.try_iter());
        !waited.is_empty()
    });
    produce(&mut connection, &topic, 1, &["other", "last"]);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|line: &String| line != "last") {
        seen.push(console.next());
    }
    seen.retain(|line| line != "after");
    assert!(waited.iter().all(|line| line == "after"), "{waited:?}");
    assert!(seen == ["other", "last"] || seen == ["last"] && waited.is_empty(), "{seen:?}");
    console.stop();
    eventually("the group has no member any more", || {
        describe_classic(&mut connection, &group).is_none_or(|view| view.members.is_empty())
    });
}

/// The group that has all of a topic's two partitions.
fn own_group(connection: &mut Connection, topic: &Topic) -> Option<(String, GroupView)> {
    let response = connection.call(&ListGroupsRequest::default(), 5);
    if response.error_code != 0 {
        return None; // still loading
    }
    let named = response
        .groups
        .into_iter()
        .map(|group| group.group_id)
        .filter(|g| g.starts_with("console-consumer-"));
    let mut views = named.filter_map(|group| describe_classic(connection, &group).map(|view| (group, view)));
    views.find(|(_, view)| {
        view.shares() == Some(vec![2])
            && view.members[0].partitions.iter().all(|(name, _)| *name == topic.name)
    })
}

/// Two runs of one group: the second goes on where the first has committed.
fn with_group(protocol: &str) {
    let broker = Broker::start(Options::groups(2));
    let bootstrap = broker.bootstrap();
    let mut connection = Connection::open(bootstrap);
    let topic = requests::create(&mut connection, &topic(&format!("console-{protocol}")), 1);
    let (group, protocol) = (format!("{}-group", topic.name), format!("group.protocol={protocol}"));
    produce(&mut connection, &topic, 0, &["a", "b", "c", "d", "e"]);
    for (expected, end) in [(&["a", "b", "c"][..], 3), (&["d", "e"], 5)] {
        let count = expected.len().to_string();
        let arguments = [
            "--group",
            &group,
            "--from-beginning",
            "--max-messages",
            &count,
            "--command-property",
            &protocol,
        ];
        assert_eq!(Console::start(bootstrap, &topic, &arguments).rest(), expected);
        assert_eq!(committed(&mut connection, &group, &topic.name, 1), Some(vec![end]));
    }
}

fn produce(connection: &mut Connection, topic: &Topic, partition: i32, values: &[&str]) {
    let answer = requests::produce(connection, topic, partition, requests::batch(values, None));
    assert_eq!(answer.error_code, 0, "{answer:?}");
}
