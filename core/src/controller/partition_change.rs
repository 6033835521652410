//! Builds the change of one partition: target ISR in, elected leader, ELR and record out.

use crate::{
    metadata::{MetadataVersion, NO_LEADER, Partition, VersionedRecord},
    protocol::records::metadata::PartitionChangeRecord,
    uuid::Uuid,
};

const RECOVERING: i8 = 1;

/// What the rules of election look at, beside the partition.
pub(super) struct Rules<'a> {
    pub(super) metadata_version: MetadataVersion,
    pub(super) has_elr: bool,
    /// `min.insync.replicas` of the topic.
    pub(super) min_isr: usize,
    /// `unclean.leader.election.enable` of the topic.
    pub(super) allows_unclean: bool,
    /// Registered, unfenced, not shutting down.
    pub(super) may_lead: &'a dyn Fn(i32) -> bool,
}

/// Who is to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// Whoever leads; if that one may not, the first who may.
    Online,
    /// The first replica, if it may; else nothing changes.
    Preferred,
    /// Somebody, even if records are lost.
    Unclean,
}

/// A change in the making.
pub(super) struct PartitionChange<'a> {
    rules: &'a Rules<'a>,
    before: &'a Partition,
    isr: Vec<i32>,
    elr: Vec<i32>,
    last_known_elr: Vec<i32>,
    election: Election,
    /// Stopped without flushing: it may not be trusted to hold what was committed.
    unclean_replica: Option<i32>,
}

impl<'a> PartitionChange<'a> {
    pub(super) fn new(rules: &'a Rules<'a>, before: &'a Partition) -> Self {
        Self {
            rules,
            before,
            isr: before.isr.clone(),
            elr: before.eligible_leader_replicas.clone(),
            last_known_elr: before.last_known_elr.clone(),
            election: Election::Online,
            unclean_replica: None,
        }
    }

    pub(super) fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    pub(super) fn without(mut self, replica: i32) -> Self {
        self.isr.retain(|member| *member != replica);
        self
    }

    pub(super) fn without_unclean(mut self, replica: i32) -> Self {
        self.unclean_replica = Some(replica);
        self.without(replica)
    }

    /// The record, or `None` where nothing would change.
    pub(super) fn build(mut self, topic_id: Uuid, partition_id: i32) -> Option<VersionedRecord> {
        self.update_elr();
        let unchanged = PartitionChangeRecord { partition_id, topic_id, ..Default::default() };
        let mut record = unchanged.clone();
        self.elect(&mut record);
        let keeps_last_member = self.isr.is_empty() && !self.rules.has_elr;
        if self.isr != self.before.isr && !keeps_last_member {
            record.isr = Some(self.isr.clone());
        }
        self.remember_last_leader(&record);
        if self.elr != self.before.eligible_leader_replicas {
            record.eligible_leader_replicas = Some(self.elr);
        }
        if self.last_known_elr != self.before.last_known_elr {
            record.last_known_elr = Some(self.last_known_elr);
        }
        let version = self.rules.metadata_version.partition_change_version();
        (record != unchanged).then(|| VersionedRecord::new(record, version))
    }

    /// KIP-966. While the ISR is below its minimum nothing new is committed, so whoever leaves it still holds all
    /// that is, unless it lost what it had not flushed.
    fn update_elr(&mut self) {
        if !self.rules.has_elr {
            return;
        }
        if self.isr.len() >= self.rules.min_isr.min(self.before.replicas.len()) {
            self.elr.clear();
            self.last_known_elr.clear();
            return;
        }
        self.elr.extend(&self.before.isr);
        let (isr, unclean) = (&self.isr, self.unclean_replica);
        self.elr.retain(|replica| !isr.contains(replica) && Some(*replica) != unclean);
        self.elr.sort_unstable();
        self.elr.dedup();
    }

    fn elect(&mut self, record: &mut PartitionChangeRecord) {
        if self.election == Election::Preferred {
            match self.before.replicas.first().copied() {
                Some(first) if self.is_valid_leader(first) => self.lead(first, record),
                _ => {}
            }
            return;
        }
        if self.is_valid_leader(self.before.leader) {
            // The leader that is there stays; one that came back through the ELR begins a new ISR.
            return self.lead(self.before.leader, record);
        }
        if let Some(leader) =
            self.before.replicas.iter().copied().find(|replica| self.is_valid_leader(*replica))
        {
            return self.lead(leader, record);
        }
        match self.unclean_leader() {
            Some(leader) => {
                self.isr = vec![leader];
                if !self.before.recovering {
                    record.leader_recovery_state = RECOVERING;
                }
                self.lead(leader, record);
            }
            None if self.before.leader != NO_LEADER => record.leader = NO_LEADER,
            None => {}
        }
    }

    fn is_valid_leader(&self, replica: i32) -> bool {
        let from_elr = self.rules.has_elr && self.isr.is_empty() && self.elr.contains(&replica);
        (self.isr.contains(&replica) || from_elr) && (self.rules.may_lead)(replica)
    }

    fn lead(&mut self, leader: i32, record: &mut PartitionChangeRecord) {
        if self.isr.is_empty() {
            self.isr = vec![leader];
        }
        self.elr.retain(|replica| *replica != leader);
        if self.isr.len() >= self.rules.min_isr.min(self.before.replicas.len()) {
            self.elr.clear();
        }
        if leader != self.before.leader {
            record.leader = leader;
            self.last_known_elr.clear();
        }
    }

    /// The last known leader once nobody is left who is known to hold everything; then, if the topic allows it, anybody.
    fn unclean_leader(&self) -> Option<i32> {
        let nobody_left = self.rules.has_elr && self.isr.is_empty() && self.elr.is_empty();
        match self.last_known_elr[..] {
            [leader] if nobody_left && (self.rules.may_lead)(leader) => Some(leader),
            _ if self.rules.allows_unclean || self.election == Election::Unclean => {
                self.before.replicas.iter().copied().find(|replica| (self.rules.may_lead)(*replica))
            }
            _ => None,
        }
    }

    /// When the last member of the ISR goes, who led is remembered.
    fn remember_last_leader(&mut self, record: &PartitionChangeRecord) {
        let empties_isr = record.isr.as_ref().is_some_and(Vec::is_empty);
        if self.rules.has_elr && empties_isr && self.before.leader != NO_LEADER {
            self.last_known_elr = vec![self.before.leader];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::records::MetadataRecord;

    const TOPIC: Uuid = Uuid([1; 16]);

    fn partition(isr: &[i32], leader: i32) -> Partition {
        let (replicas, isr) = (vec![1, 2, 3], isr.to_vec());
        Partition { replicas, isr, leader, ..Partition::default() }
    }

    fn build(
        before: &Partition,
        has_elr: bool,
        min_isr: usize,
        alive: &[i32],
        change: impl FnOnce(PartitionChange<'_>) -> PartitionChange<'_>,
    ) -> Option<PartitionChangeRecord> {
        let may_lead = |id: i32| alive.contains(&id);
        let metadata_version = MetadataVersion::MAX;
        let rules = Rules { metadata_version, has_elr, min_isr, allows_unclean: false, may_lead: &may_lead };
        let record = change(PartitionChange::new(&rules, before)).build(TOPIC, 0)?;
        match record.record {
            MetadataRecord::PartitionChange(record) => Some(record),
            other => panic!("{other:?}"),
        }
    }

    fn record() -> PartitionChangeRecord {
        PartitionChangeRecord { partition_id: 0, topic_id: TOPIC, ..Default::default() }
    }

    #[test]
    fn a_follower_that_leaves_changes_no_leader() {
        let change = build(&partition(&[1, 2, 3], 1), true, 1, &[1, 3], |change| change.without(2));
        assert_eq!(change, Some(PartitionChangeRecord { isr: Some(vec![1, 3]), ..record() }));
    }

    #[test]
    fn the_next_replica_in_the_isr_leads() {
        let change = build(&partition(&[1, 3], 1), true, 1, &[2, 3], |change| change.without(1));
        assert_eq!(change, Some(PartitionChangeRecord { isr: Some(vec![3]), leader: 3, ..record() }));
    }

    #[test]
    fn without_elr_the_last_member_stays_without_leading() {
        let change = build(&partition(&[1], 1), false, 1, &[2, 3], |change| change.without(1));
        assert_eq!(change, Some(PartitionChangeRecord { leader: NO_LEADER, ..record() }));
        let mut leaderless = partition(&[1], NO_LEADER);
        leaderless.leader_epoch = 4;
        let change = build(&leaderless, false, 1, &[1], |change| change);
        assert_eq!(change, Some(PartitionChangeRecord { leader: 1, ..record() }));
    }

    /// What Apache Kafka 4.4.0 wrote when its only broker stopped cleanly and started again.
    #[test]
    fn a_clean_stop_of_the_last_replica() {
        let mut before = partition(&[1], 1);
        before.replicas = vec![1];
        let stop = PartitionChangeRecord {
            isr: Some(vec![]),
            leader: NO_LEADER,
            eligible_leader_replicas: Some(vec![1]),
            last_known_elr: Some(vec![1]),
            ..record()
        };
        assert_eq!(build(&before, true, 1, &[], |change| change.without(1)), Some(stop));

        before.isr.clear();
        before.leader = NO_LEADER;
        before.eligible_leader_replicas = vec![1];
        before.last_known_elr = vec![1];
        let start = PartitionChangeRecord {
            isr: Some(vec![1]),
            leader: 1,
            eligible_leader_replicas: Some(vec![]),
            last_known_elr: Some(vec![]),
            ..record()
        };
        assert_eq!(build(&before, true, 1, &[1], |change| change), Some(start));
    }

    /// What it wrote when that broker had been killed.
    #[test]
    fn a_kill_of_the_last_replica() {
        let mut before = partition(&[], NO_LEADER);
        before.replicas = vec![1];
        before.eligible_leader_replicas = vec![1];
        before.last_known_elr = vec![1];
        let registered = PartitionChangeRecord { eligible_leader_replicas: Some(vec![]), ..record() };
        assert_eq!(build(&before, true, 1, &[], |change| change.without_unclean(1)), Some(registered));

        before.eligible_leader_replicas.clear();
        let unfenced = PartitionChangeRecord {
            isr: Some(vec![1]),
            leader: 1,
            leader_recovery_state: RECOVERING,
            last_known_elr: Some(vec![]),
            ..record()
        };
        assert_eq!(build(&before, true, 1, &[1], |change| change), Some(unfenced));
    }

    #[test]
    fn below_the_minimum_members_move_to_the_elr() {
        let change = build(&partition(&[1, 2], 1), true, 2, &[1, 3], |change| change.without(2));
        let expected =
            PartitionChangeRecord { isr: Some(vec![1]), eligible_leader_replicas: Some(vec![2]), ..record() };
        assert_eq!(change, Some(expected));
    }
}
