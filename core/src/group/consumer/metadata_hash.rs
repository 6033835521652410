//! The hash over the topics that a group asks for: when it changes the group needs a new assignment.
//!
//! It is the very number that Kafka 4.4 writes (found by asking it), so that a group which goes from one to the
//! other is not assigned anew: XXH3 of each topic, and XXH3 of those in the order of the topics' names.

use std::collections::BTreeSet;

use twox_hash::XxHash3_64;

use crate::{
    metadata::{Image, Topic},
    uuid::Uuid,
};

const MAGIC: u8 = 0;

/// 0 where none of the topics exists. A topic's own hash is looked up by `known`; those that had to be made are added
/// to `made`.
pub(super) fn metadata_hash<'a>(
    image: &Image,
    topics: impl Iterator<Item = &'a str>,
    known: impl Fn(Uuid) -> Option<u64>,
    made: &mut Vec<(Uuid, u64)>,
) -> i64 {
    let names: BTreeSet<&str> = topics.collect();
    let mut bytes = Vec::new();
    for topic in names.into_iter().filter_map(|name| image.topics.by_name(name)) {
        let hash = known(topic.id).unwrap_or_else(|| {
            let hash = topic_hash(image, topic);
            made.push((topic.id, hash));
            hash
        });
        bytes.extend_from_slice(&hash.to_le_bytes());
    }
    if bytes.is_empty() { 0 } else { XxHash3_64::oneshot(&bytes).cast_signed() }
}

fn topic_hash(image: &Image, topic: &Topic) -> u64 {
    let mut bytes = vec![MAGIC];
    let id = u128::from_be_bytes(topic.id.0);
    bytes.extend_from_slice(&((id >> 64) as u64).to_le_bytes());
    bytes.extend_from_slice(&(id as u64).to_le_bytes());
    put_text(&mut bytes, &topic.name);
    put_int(&mut bytes, topic.partition_count());
    for (id, partition) in topic.partitions() {
        bytes.extend_from_slice(&id.to_le_bytes());
        let racks =
            partition.replicas.iter().filter_map(|broker| image.cluster.broker(*broker)?.rack.as_deref());
        for rack in racks.collect::<BTreeSet<&str>>() {
            put_int(&mut bytes, rack.encode_utf16().count());
            put_text(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes)
}

/// UTF-16 and its length, as Java's characters are hashed.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    put_int(bytes, text.encode_utf16().count());
}

fn put_int(bytes: &mut Vec<u8>, value: usize) {
    bytes.extend_from_slice(&i32::try_from(value).unwrap_or(i32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::consumer::tests::images::Images;

    /// Read from the records of Kafka 4.4.0, for topics with these ids.
    #[test]
    fn is_the_number_that_kafka_writes() {
        let image = Images::new()
            .topic_with_id("foo", "wYOl2mHFSHC7C5YY11wJLA", 6)
            .topic_with_id("bar", "ZHTklrVuR7a4FvlmjKAvIA", 3)
            .build();
        let hash = |names: &[&str]| metadata_hash(&image, names.iter().copied(), |_| None, &mut Vec::new());
        assert_eq!(hash(&["foo"]), -4_251_713_237_492_189_014);
        assert_eq!(hash(&["bar"]), 8_258_340_739_319_634_953);
        assert_eq!(hash(&["foo", "bar", "absent"]), 1_548_133_423_027_194_759);
        assert_eq!(hash(&["absent"]), 0);
    }

    #[test]
    fn racks_are_part_of_it() {
        let images = Images::new().topic_with_id("foo", "IamWMcUpR8Cn3aCi_w4fuQ", 2);
        let hash = |image| metadata_hash(&image, ["foo"].into_iter(), |_| None, &mut Vec::new());
        let bare = hash(images.clone().build());
        let racked = hash(images.rack("rak").build());
        assert_eq!(racked, -9_133_166_471_023_547_256);
        assert_ne!(bare, racked);
    }
}
