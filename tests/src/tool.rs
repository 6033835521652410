//! Kafka's own command line tools against a broker.

use crate::library::kafka_tool;

/// A tool by its class, as the scripts of Kafka's distribution start it.
#[derive(Clone, Copy, Debug)]
pub struct Tool(pub &'static str);

/// `kafka-topics`.
pub const TOPICS: Tool = Tool("org.apache.kafka.tools.TopicCommand");
/// `kafka-configs`.
pub const CONFIGS: Tool = Tool("kafka.admin.ConfigCommand");

/// `kafka-delete-records`.
pub const DELETE_RECORDS: Tool = Tool("org.apache.kafka.tools.DeleteRecordsCommand");
/// `kafka-log-dirs`.
pub const LOG_DIRS: Tool = Tool("org.apache.kafka.tools.LogDirsCommand");
/// `kafka-get-offsets`.
pub const GET_OFFSETS: Tool = Tool("org.apache.kafka.tools.GetOffsetShell");
/// `kafka-leader-election`.
pub const LEADER_ELECTION: Tool = Tool("org.apache.kafka.tools.LeaderElectionCommand");
/// `kafka-reassign-partitions`.
pub const REASSIGN: Tool = Tool("org.apache.kafka.tools.reassign.ReassignPartitionsCommand");
/// `kafka-metadata-quorum`.
pub const QUORUM: Tool = Tool("org.apache.kafka.tools.MetadataQuorumCommand");
/// `kafka-features`.
pub const FEATURES: Tool = Tool("org.apache.kafka.tools.FeatureCommand");
/// `kafka-transactions`.
pub const TRANSACTIONS: Tool = Tool("org.apache.kafka.tools.TransactionsCommand");
/// `kafka-producer-perf-test`.
pub const PRODUCER_PERF: Tool = Tool("org.apache.kafka.tools.ProducerPerformance");

impl Tool {
    /// What the tool prints; it must succeed.
    pub fn run(self, bootstrap: &str, arguments: &[&str]) -> String {
        let (out, succeeded) = self.try_run(bootstrap, arguments);
        assert!(succeeded, "{self:?} {arguments:?}:\n{out}");
        out
    }

    /// What the tool prints, and whether it succeeded.
    pub fn try_run(self, bootstrap: &str, arguments: &[&str]) -> (String, bool) {
        let mut command = kafka_tool(self.0);
        let output =
            command.args(["--bootstrap-server", bootstrap]).args(arguments).output().expect("java runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // Two lines about a logging library that is not there.
        let errors: String = text(&output.stderr)
            .lines()
            .filter(|line| !line.starts_with("SLF4J"))
            .collect::<Vec<_>>()
            .join("\n");
        (text(&output.stdout) + &errors, output.status.success())
    }
}
