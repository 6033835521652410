//! What consensus must know of the log: its bounds and where each epoch begins.

/// An offset together with the epoch of the record before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OffsetAndEpoch {
    pub offset: i64,
    pub epoch: i32,
}

/// The first offset written in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    pub epoch: i32,
    pub start_offset: i64,
}

/// The log as the host found it on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogBounds {
    pub start_offset: i64,
    /// One past the last record.
    pub end_offset: i64,
    /// Ascending in epoch and offset; what `leader-epoch-checkpoint` holds.
    pub epochs: Vec<EpochStart>,
    /// The newest snapshot that has an end above zero (a bootstrap snapshot does not count).
    pub snapshot: Option<OffsetAndEpoch>,
}

/// `start_offset <= flushed_end <= appended_end <= end_offset`; an offset between `appended_end` and
/// `end_offset` is given out but not yet written.
#[derive(Clone, Debug)]
pub(crate) struct LogView {
    pub(crate) start_offset: i64,
    pub(crate) end_offset: i64,
    pub(crate) appended_end: i64,
    pub(crate) flushed_end: i64,
    epochs: Vec<EpochStart>,
    pub(crate) snapshot: Option<OffsetAndEpoch>,
}

/// How a follower's position relates to this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Valid,
    /// The follower must truncate to here or lower.
    Diverging(OffsetAndEpoch),
    /// The records are gone: only a snapshot can help.
    Snapshot(OffsetAndEpoch),
}

impl LogView {
    pub(crate) fn new(bounds: LogBounds) -> Self {
        let end_offset = bounds.end_offset;
        assert!(bounds.start_offset <= end_offset, "a log cannot end before it starts");
        let mut view = Self {
            start_offset: bounds.start_offset,
            end_offset,
            appended_end: end_offset,
            flushed_end: end_offset,
            epochs: Vec::new(),
            snapshot: bounds.snapshot,
        };
        for entry in bounds.epochs {
            view.note_epoch(entry.epoch, entry.start_offset);
        }
        view
    }

    /// The epoch of the last record; 0 in an empty log without a snapshot.
    pub(crate) fn last_epoch(&self) -> i32 {
        let snapshot_epoch = self.snapshot.map_or(0, |snapshot| snapshot.epoch);
        self.epochs.last().map_or(snapshot_epoch, |entry| entry.epoch)
    }

    /// The end of this log as a candidate states it.
    pub(crate) fn end(&self) -> OffsetAndEpoch {
        OffsetAndEpoch { offset: self.end_offset, epoch: self.last_epoch() }
    }

    /// True when `candidate` is at least as far as this log: epochs count first.
    pub(crate) fn is_no_longer_than(&self, candidate: OffsetAndEpoch) -> bool {
        let end = self.end();
        (candidate.epoch, candidate.offset) >= (end.epoch, end.offset)
    }

    pub(crate) fn note_epoch(&mut self, epoch: i32, start_offset: i64) {
        let last = self.epochs.last();
        if last.is_none_or(|last| last.epoch < epoch && last.start_offset <= start_offset) {
            // An epoch that wrote nothing leaves its entry behind; the newer epoch takes the offset over.
            self.epochs.retain(|entry| entry.start_offset < start_offset);
            self.epochs.push(EpochStart { epoch, start_offset });
        }
    }

    pub(crate) fn truncate_to(&mut self, end_offset: i64) {
        self.end_offset = end_offset;
        self.appended_end = self.appended_end.min(end_offset);
        self.flushed_end = self.flushed_end.min(end_offset);
        self.epochs.retain(|entry| entry.start_offset < end_offset);
    }

    pub(crate) fn restart_at(&mut self, snapshot: OffsetAndEpoch) {
        *self = Self::new(LogBounds {
            start_offset: snapshot.offset,
            end_offset: snapshot.offset,
            epochs: Vec::new(),
            snapshot: Some(snapshot),
        });
    }

    /// The newest epoch not above `epoch`, and where it ends in this log.
    pub(crate) fn end_of_epoch(&self, epoch: i32) -> OffsetAndEpoch {
        let above = self.epochs.partition_point(|entry| entry.epoch <= epoch);
        let offset = self.epochs.get(above).map_or(self.end_offset, |entry| entry.start_offset);
        let floor = above.checked_sub(1).map(|index| self.epochs[index].epoch);
        let before_log = self.snapshot.filter(|snapshot| snapshot.epoch <= epoch).map_or(0, |s| s.epoch);
        OffsetAndEpoch { offset, epoch: floor.unwrap_or(before_log) }
    }

    /// Where a follower stands that ends at `offset` with a last record of `last_fetched_epoch`.
    pub(crate) fn position_of(&self, offset: i64, last_fetched_epoch: i32) -> Position {
        if let Some(snapshot) = self.snapshot
            && (offset < self.start_offset || offset == 0)
        {
            return Position::Snapshot(snapshot);
        }
        if offset == 0 && self.start_offset == 0 {
            return Position::Valid;
        }
        let end = self.end_of_epoch(last_fetched_epoch);
        if end.epoch != last_fetched_epoch || offset > end.offset {
            return Position::Diverging(end);
        }
        Position::Valid
    }

    /// Where to cut after the leader named its own end of an epoch not above our last one.
    pub(crate) fn truncation_point(&self, leader_end: OffsetAndEpoch) -> i64 {
        let own = self.end_of_epoch(leader_end.epoch);
        if own.epoch == leader_end.epoch { own.offset.min(leader_end.offset) } else { own.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(end_offset: i64, epochs: &[(i32, i64)]) -> LogView {
        let epochs = epochs
            .iter()
            .map(|(epoch, start_offset)| EpochStart { epoch: *epoch, start_offset: *start_offset });
        LogView::new(LogBounds { start_offset: 0, end_offset, epochs: epochs.collect(), snapshot: None })
    }

    fn at(offset: i64, epoch: i32) -> OffsetAndEpoch {
        OffsetAndEpoch { offset, epoch }
    }

    #[test]
    fn positions_follow_the_epochs() {
        let log = view(20, &[(1, 0), (3, 10), (6, 15)]);
        for (offset, epoch, expected) in [
            (20, 6, Position::Valid),
            (21, 6, Position::Diverging(at(20, 6))),
            (12, 3, Position::Valid),
            (16, 3, Position::Diverging(at(15, 3))),
            (12, 2, Position::Diverging(at(10, 1))),
            (12, 4, Position::Diverging(at(15, 3))),
            (30, 9, Position::Diverging(at(20, 6))),
            (0, 0, Position::Valid),
        ] {
            assert_eq!(log.position_of(offset, epoch), expected, "({offset}, {epoch})");
        }
    }

    #[test]
    fn truncation_takes_the_lower_end() {
        let log = view(20, &[(1, 0), (2, 12), (5, 16)]);
        assert_eq!(log.truncation_point(at(10, 1)), 10);
        assert_eq!(log.truncation_point(at(18, 2)), 16);
        assert_eq!(log.truncation_point(at(15, 3)), 16);
    }

    #[test]
    fn an_epoch_without_records_is_replaced() {
        let mut log = view(10, &[(1, 0), (2, 10)]);
        log.note_epoch(3, 10);
        assert_eq!(log.end_of_epoch(2), at(10, 1));
        log.truncate_to(10);
        assert_eq!(log.last_epoch(), 1);
    }
}
