//! Every metric by name, type, labels and meaning.

pub mod groups;
pub mod node;
pub mod partitions;
pub mod requests;
pub mod shards;
pub mod topics;

use super::Family;

/// A part of the inventory.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub title: &'static str,
    pub families: &'static [Family],
}

/// All of it, in the order of a page.
pub const SECTIONS: &[Section] = &[
    Section { title: "Node and cluster", families: node::ALL },
    Section { title: "Shards", families: shards::ALL },
    Section { title: "Requests", families: requests::ALL },
    Section { title: "Topics", families: topics::ALL },
    Section { title: "Partitions", families: partitions::ALL },
    Section { title: "Consumer groups", families: groups::ALL },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metrics::Kind;

    #[test]
    fn names_are_good_and_stand_once() {
        let mut names = BTreeSet::new();
        for family in SECTIONS.iter().flat_map(|section| section.families) {
            let good = |text: &str| {
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
            };
            assert!(good(family.name), "{}", family.name);
            assert!(family.labels.iter().all(|label| good(&label.to_lowercase())), "{}", family.name);
            assert!(names.insert(family.name), "{} stands twice", family.name);
            assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\']), "{}", family.name);
            if family.kind == Kind::Counter {
                assert!(family.name.ends_with("_total"), "{} is a counter", family.name);
            }
        }
    }
}
