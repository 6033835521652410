//! Which partition of `__consumer_offsets` a group belongs to.

/// The partition of a group by Java's hash of its id, as every Kafka broker computes it.
///
/// # Panics
/// Where there is no partition.
pub fn partition_of_group(group_id: &str, partition_count: i32) -> i32 {
    assert!(partition_count > 0, "a topic has partitions");
    let hash =
        group_id.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // The one number without an absolute value counts as 0.
    hash.checked_abs().unwrap_or(0) % partition_count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `"…".hashCode()` says in Java.
    #[test]
    fn hashes_are_javas() {
        assert_eq!(partition_of_group("", 50), 0);
        assert_eq!(partition_of_group("console-consumer-12345", i32::MAX), 158_455_506);
        // Its hash is -2147483648.
        assert_eq!(partition_of_group("polygenelubricants", 50), 0);
        assert_eq!(partition_of_group("a", 50), 97 % 50);
        // One code unit more than it has characters.
        assert_eq!(partition_of_group("\u{1F426}", i32::MAX), 0xD83D * 31 + 0xDC26);
    }
}
