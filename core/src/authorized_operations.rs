//! What a client may do with something, as a set of bits that is told where it is asked for. There are no ACLs yet:
//! everybody may do all that Kafka knows for that kind of thing. Bit numbers are those of Kafka's `AclOperation`.

const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;
const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const CLUSTER_ACTION: i32 = 1 << 9;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;
const IDEMPOTENT_WRITE: i32 = 1 << 12;

pub const GROUP: i32 = READ | DELETE | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;
pub const TOPIC: i32 = READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;
pub const CLUSTER: i32 =
    CREATE | ALTER | DESCRIBE | CLUSTER_ACTION | DESCRIBE_CONFIGS | ALTER_CONFIGS | IDEMPOTENT_WRITE;

/// What stands for a set that is not told.
pub const NOT_ASKED: i32 = i32::MIN;

pub fn where_asked(is_asked: bool, operations: i32) -> i32 {
    if is_asked { operations } else { NOT_ASKED }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sets_are_those_that_kafka_answers_without_an_authorizer() {
        assert_eq!((super::GROUP, super::TOPIC, super::CLUSTER), (0xd48, 0xdf8, 0x1fa0));
    }
}
