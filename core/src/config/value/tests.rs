//! What Kafka 4.4.0 answered to CreateTopics with these values.

use super::super::table::topic_key;
use super::Value;

#[test]
fn bad_values_are_refused_in_kafkas_words() {
    let not_int = "Not a number of type INT";
    let codecs = "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer";
    let boolean = "Expected value to be either true or false";
    let replicas = "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the \
                    following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...";
    let cases = [
        ("segment.bytes", "0", "0", "Value must be at least 1048576"),
        ("segment.bytes", "abc", "abc", not_int),
        ("segment.bytes", "", "", not_int),
        ("segment.bytes", "99999999999", "99999999999", not_int),
        ("retention.ms", "-2", "-2", "Value must be at least -1"),
        ("retention.ms", "1.5", "1.5", "Not a number of type LONG"),
        ("cleanup.policy", "foo", "foo", "String must be one of: compact, delete"),
        ("cleanup.policy", "Compact", "Compact", "String must be one of: compact, delete"),
        ("compression.type", "brotli", "brotli", codecs),
        ("compression.type", "GZIP", "GZIP", codecs),
        ("compression.type", "", "", codecs),
        ("compression.gzip.level", "0", "0", "Value must be between 1 and 9 or equal to -1"),
        ("compression.lz4.level", "18", "18", "Value must be no more than 17"),
        ("compression.lz4.level", "0", "0", "Value must be at least 1"),
        (
            "message.timestamp.type",
            "createtime",
            "createtime",
            "String must be one of: CreateTime, LogAppendTime",
        ),
        ("min.cleanable.dirty.ratio", "1.5", "1.5", "Value must be no more than 1"),
        ("min.cleanable.dirty.ratio", "-0.1", "-0.1", "Value must be at least 0"),
        ("min.cleanable.dirty.ratio", "x", "x", "Not a number of type DOUBLE"),
        ("preallocate", "yes", "yes", boolean),
        ("leader.replication.throttled.replicas", "foo", "[foo]", replicas),
        ("min.insync.replicas", "0", "0", "Value must be at least 1"),
        ("max.message.bytes", "-1", "-1", "Value must be at least 0"),
        ("segment.index.bytes", "3", "3", "Value must be at least 4"),
        ("local.retention.ms", "-3", "-3", "Value must be at least -2"),
        (
            "max.decompressed.message.bytes",
            "2147483647",
            "2147483647",
            "Value must be no more than 2147483639",
        ),
    ];
    for (name, value, shown, why) in cases {
        let refusal = topic_key(name).unwrap().parse(value).unwrap_err();
        assert_eq!(
            refusal.kafka_text(name, value),
            format!("Invalid value {shown} for configuration {name}: {why}")
        );
    }
    for value in ["compact,,delete", ","] {
        let refusal = topic_key("cleanup.policy").unwrap().parse(value).unwrap_err();
        let text = "Configuration 'cleanup.policy' values must not be empty.";
        assert_eq!(refusal.kafka_text("cleanup.policy", value), text);
    }
}

#[test]
fn odd_but_good_values_are_taken() {
    let list = |elements: &[&str]| Value::List(elements.iter().map(|&element| element.to_owned()).collect());
    let cases = [
        ("cleanup.policy", "delete,delete", list(&["delete"])),
        ("cleanup.policy", "", list(&[])),
        ("cleanup.policy", " compact , delete ", list(&["compact", "delete"])),
        ("preallocate", "TRUE", Value::Boolean(true)),
        ("preallocate", " true ", Value::Boolean(true)),
        ("leader.replication.throttled.replicas", "*", list(&["*"])),
        ("leader.replication.throttled.replicas", "0:1,1:2", list(&["0:1", "1:2"])),
        ("leader.replication.throttled.replicas", "", list(&[])),
        ("segment.ms", " 5 ", Value::Long(5)),
        ("segment.ms", "+5", Value::Long(5)),
    ];
    for (name, value, parsed) in cases {
        assert_eq!(topic_key(name).unwrap().parse(value), Ok(parsed), "{name} = {value:?}");
    }
}
