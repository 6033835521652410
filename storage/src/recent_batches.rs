//! Where the newest batches of the active segment stand: readers at the tail need neither index nor file.

use jackdaw_core::limits::RECENT_BATCH_COUNT;

/// Where a batch stands in its segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct BatchLocation {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) position: u32,
    pub(crate) size_bytes: u32,
}

impl BatchLocation {
    fn end(&self) -> u64 {
        u64::from(self.position) + u64::from(self.size_bytes)
    }
}

/// A ring of the last appended batches, all of the active segment, without a gap.
#[derive(Default)]
pub(crate) struct RecentBatches {
    ring: [BatchLocation; RECENT_BATCH_COUNT],
    /// Batches ever put in since the last clear.
    count: usize,
}

impl RecentBatches {
    #[inline]
    pub(crate) fn push(&mut self, location: BatchLocation) {
        self.ring[self.count % RECENT_BATCH_COUNT] = location;
        self.count += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// The batch with `offset`, or the next one; `None` where that may be an older one.
    pub(crate) fn find(&self, offset: i64) -> Option<BatchLocation> {
        let mut found = None;
        for location in self.newest_first() {
            if location.last_offset < offset {
                return found;
            }
            found = Some(*location);
            if location.base_offset <= offset {
                return found;
            }
        }
        None
    }

    /// The end of the last whole batch that ends at or before `position`.
    pub(crate) fn border_before(&self, position: u64) -> Option<u64> {
        self.newest_first().map(BatchLocation::end).find(|end| *end <= position)
    }

    fn newest_first(&self) -> impl Iterator<Item = &BatchLocation> {
        let oldest = self.count.saturating_sub(RECENT_BATCH_COUNT);
        (oldest..self.count).rev().map(|index| &self.ring[index % RECENT_BATCH_COUNT])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_newest_only() {
        let mut recent = RecentBatches::default();
        assert_eq!(recent.find(0), None);
        let location = |index: i64| BatchLocation {
            base_offset: index * 10,
            last_offset: index * 10 + 4,
            position: index as u32 * 100,
            size_bytes: 100,
        };
        let total = RECENT_BATCH_COUNT as i64 + 5;
        for index in 0..total {
            recent.push(location(index));
        }
        for (offset, expected) in [
            (0, None),
            (44, None),
            // The batch before is forgotten, so one of its offsets could be meant.
            (45, None),
            (50, Some(5)),
            (54, Some(5)),
            (55, Some(6)),
            (60, Some(6)),
            (total * 10 - 6, Some(total - 1)),
            (total * 10, None),
        ] {
            assert_eq!(recent.find(offset), expected.map(location), "{offset}");
        }
        assert_eq!(recent.border_before(799), Some(700));
        assert_eq!(recent.border_before(800), Some(800));
        assert_eq!(recent.border_before(599), None);
        recent.clear();
        assert_eq!(recent.find(60), None);
    }
}
