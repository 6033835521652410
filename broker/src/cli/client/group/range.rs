//! The range assignor: of each topic, every subscribed member gets a run of partitions, the first ones one more.

use std::collections::BTreeMap;

use super::Assignment;

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscriber {
    pub(super) member_id: String,
    /// Static members are ordered by it, so that a new member id moves nothing.
    pub(super) instance_id: Option<String>,
    pub(super) topics: Vec<String>,
}

/// What each member gets, by member id. `partition_counts` is by topic; a topic that is not there has no partitions.
pub(super) fn assign(
    mut members: Vec<Subscriber>,
    partition_counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Assignment> {
    // Kafka's order: static members by instance, before the others by id.
    members.sort_by(|one, other| {
        let key = |member: &Subscriber| {
            (member.instance_id.is_none(), member.instance_id.clone(), member.member_id.clone())
        };
        key(one).cmp(&key(other))
    });
    let mut assigned: BTreeMap<String, Assignment> =
        members.iter().map(|member| (member.member_id.clone(), Assignment::new())).collect();
    for (topic, &count) in partition_counts {
        let subscribed: Vec<&Subscriber> =
            members.iter().filter(|member| member.topics.contains(topic)).collect();
        let Ok(sharers) = i32::try_from(subscribed.len()) else { continue };
        if sharers == 0 {
            continue;
        }
        let (each, one_more) = (count / sharers, count % sharers);
        let mut first = 0;
        for (member, index) in subscribed.into_iter().zip(0..) {
            let share = each + i32::from(index < one_more);
            if share > 0 {
                let partitions = (first..first + share).collect();
                assigned.entry(member.member_id.clone()).or_default().insert(topic.clone(), partitions);
            }
            first += share;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, instance: Option<&str>, topics: &[&str]) -> Subscriber {
        Subscriber {
            member_id: id.to_owned(),
            instance_id: instance.map(str::to_owned),
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        }
    }

    #[test]
    fn the_first_members_get_one_more() {
        let counts = BTreeMap::from([("t".to_owned(), 7), ("u".to_owned(), 1)]);
        let members =
            vec![member("c", None, &["t"]), member("a", None, &["t", "u"]), member("b", None, &["t"])];
        let assigned = assign(members, &counts);
        let of = |topic: &str, partitions: &[i32]| (topic.to_owned(), partitions.to_vec());
        assert_eq!(assigned["a"], Assignment::from([of("t", &[0, 1, 2]), of("u", &[0])]));
        assert_eq!(assigned["b"], Assignment::from([of("t", &[3, 4])]));
        assert_eq!(assigned["c"], Assignment::from([of("t", &[5, 6])]));
    }

    #[test]
    fn static_members_come_first_and_too_many_members_get_nothing() {
        let counts = BTreeMap::from([("t".to_owned(), 1)]);
        let members = vec![member("a", None, &["t"]), member("z", Some("i"), &["t"])];
        let assigned = assign(members, &counts);
        assert_eq!(assigned["z"], Assignment::from([("t".to_owned(), vec![0])]));
        assert_eq!(assigned["a"], Assignment::new());
    }
}
