//! Topics and partitions as they are named on the command line, `orders:0-2,5`, and printed.

use std::str::FromStr;

use crate::cli::client::group::Assignment;

/// More partitions than this on one command line are a slip of the finger, not a wish.
const PARTITIONS_MAX: i32 = 100_000;

/// A topic, or some of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicSelection {
    pub(crate) topic: String,
    /// Rising; `None` means all.
    pub(crate) partitions: Option<Vec<i32>>,
}

/// The text names no partitions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write TOPIC, TOPIC:0,2 or TOPIC:0-3")]
pub(crate) struct InvalidSelection;

impl FromStr for TopicSelection {
    type Err = InvalidSelection;

    fn from_str(text: &str) -> Result<Self, InvalidSelection> {
        let (topic, partitions) = match text.split_once(':') {
            Some((topic, list)) => (topic, Some(partitions(list).ok_or(InvalidSelection)?)),
            None => (text, None),
        };
        if topic.is_empty() || topic.contains(',') {
            return Err(InvalidSelection);
        }
        Ok(Self { topic: topic.to_owned(), partitions })
    }
}

fn partitions(list: &str) -> Option<Vec<i32>> {
    let index = |text: &str| {
        let index: Option<i32> = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
        index.filter(|&index| index < PARTITIONS_MAX)
    };
    let mut partitions = Vec::new();
    for part in list.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (index(first)?, index(last)?);
                if first > last {
                    return None;
                }
                partitions.extend(first..=last);
            }
            None => partitions.push(index(part)?),
        }
    }
    partitions.sort_unstable();
    partitions.dedup();
    Some(partitions)
}

/// `orders:0-2,5 payments:1`; `-` for nothing.
pub(crate) fn assignment_text(assignment: &Assignment) -> String {
    if assignment.values().all(Vec::is_empty) {
        return "-".to_owned();
    }
    let topics = assignment.iter().filter(|(_, partitions)| !partitions.is_empty());
    let texts: Vec<String> =
        topics.map(|(topic, partitions)| format!("{topic}:{}", ranges(partitions))).collect();
    texts.join(" ")
}

/// Rising numbers, runs of them as `first-last`.
fn ranges(partitions: &[i32]) -> String {
    let runs = partitions.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let texts: Vec<String> = runs
        .filter_map(|run| match run {
            [] => None,
            [only] => Some(only.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_are_read() {
        let cases = [
            ("orders", Some(("orders", None))),
            ("orders:0", Some(("orders", Some(vec![0])))),
            ("orders:5,0-2,1", Some(("orders", Some(vec![0, 1, 2, 5])))),
            ("a.b-c_d:7-7", Some(("a.b-c_d", Some(vec![7])))),
            ("", None),
            (":0", None),
            ("orders:", None),
            ("orders:0,", None),
            ("orders:x", None),
            ("orders:-1", None),
            ("orders:3-1", None),
            ("orders:0-999999999", None),
            ("orders:99999999999", None),
            ("orders,payments", None),
        ];
        for (text, expected) in cases {
            let expected =
                expected.map(|(topic, partitions)| TopicSelection { topic: topic.to_owned(), partitions });
            assert_eq!(text.parse::<TopicSelection>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn assignments_are_short() {
        let assignment = Assignment::from([
            ("orders".to_owned(), vec![0, 1, 2, 5, 7, 8]),
            ("payments".to_owned(), vec![1]),
            ("unused".to_owned(), vec![]),
        ]);
        assert_eq!(assignment_text(&assignment), "orders:0-2,5,7-8 payments:1");
        assert_eq!(assignment_text(&Assignment::new()), "-");
    }
}
