//! Which names a topic may have.

/// Kafka's limit: a partition's directory must fit in 255 bytes with its suffixes.
const NAME_BYTES_MAX: usize = 249;

/// Why a name is refused, in Kafka's words for INVALID_TOPIC_EXCEPTION.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    #[error("Topic name is invalid: the empty string is not allowed")]
    Empty,
    #[error("Topic name is invalid: '{0}' is not allowed")]
    Dots(String),
    #[error("Topic name is invalid: the length of '{0}' is longer than the max allowed length 249")]
    TooLong(String),
    #[error(
        "Topic name is invalid: '{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    Characters(String),
}

/// Checks the name of a new topic.
pub fn check_topic_name(name: &str) -> Result<(), InvalidTopicName> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match name {
        "" => Err(InvalidTopicName::Empty),
        "." | ".." => Err(InvalidTopicName::Dots(name.to_owned())),
        _ if name.len() > NAME_BYTES_MAX => Err(InvalidTopicName::TooLong(name.to_owned())),
        _ if !name.bytes().all(allowed) => Err(InvalidTopicName::Characters(name.to_owned())),
        _ => Ok(()),
    }
}

/// Metric names cannot tell `.` from `_`, so two topics that differ only there may not both exist: they have the same
/// unified name.
pub(super) fn unified(name: &str) -> String {
    name.replace('.', "_")
}

/// Only such names can collide.
pub(super) fn may_collide(name: &str) -> bool {
    name.contains(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_follow_kafkas_rule() {
        for name in ["a", "A.b_c-1", &"x".repeat(NAME_BYTES_MAX)] {
            assert_eq!(check_topic_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(check_topic_name(name).is_err(), "{name}");
        }
    }
}
