//! A flipped bit in the metadata log: the node stops with its own exit code instead of forgetting topics (D10).

use jackdaw_tests::broker::{Broker, Options, binary};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::create;
use jackdaw_tests::wire::Connection;

const CORRUPT_METADATA: i32 = 11;

#[test]
fn the_node_does_not_start_on_damaged_metadata() {
    for shards in [1, 2] {
        let Some(mut broker) = Broker::start_to_stop(Options::shards(shards)) else { return };
        let mut connection = Connection::open(broker.bootstrap());
        for _ in 0..3 {
            create(&mut connection, &topic("kept"), 2);
        }
        broker.terminate();
        let log = broker.data_dir().join("__cluster_metadata-0/00000000000000000000.log");
        let mut content = std::fs::read(&log).expect("the metadata log");
        let middle = content.len() / 2;
        content[middle] ^= 1;
        std::fs::write(&log, content).expect("a damaged log");
        let output = std::process::Command::new(binary())
            .args(["--override", &format!("log.dirs={}", broker.data_dir().display())])
            .args(["--override", "listeners=PLAINTEXT://127.0.0.1:0"])
            .output()
            .expect("the broker ends by itself");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(CORRUPT_METADATA), "{text}");
        assert!(text.contains("damaged at byte"), "{text}");
    }
}
