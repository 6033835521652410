//! Which segments are written to one: neighbours, as long as the result can be a segment.

/// A segment as grouping sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sizes {
    pub(super) base_offset: i64,
    /// The base of the next segment.
    pub(super) end_offset: i64,
    pub(super) log_bytes: u64,
    pub(super) offset_index_bytes: u64,
    pub(super) time_index_bytes: u64,
}

/// What a segment may grow to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SizeLimits {
    pub(super) log_bytes: u64,
    pub(super) index_bytes: u64,
}

/// The number of segments in each group, in order.
pub(super) fn group(segments: &[Sizes], limits: SizeLimits) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut rest = segments;
    while let Some((first, later)) = rest.split_first() {
        let mut sum = *first;
        let count = 1 + later.iter().take_while(|next| joins(&mut sum, next, limits)).count();
        counts.push(count);
        rest = &rest[count..];
    }
    counts
}

fn joins(sum: &mut Sizes, next: &Sizes, limits: SizeLimits) -> bool {
    sum.log_bytes += next.log_bytes;
    sum.offset_index_bytes += next.offset_index_bytes;
    sum.time_index_bytes += next.time_index_bytes;
    // An empty segment holds no offset that could lie too far from the base.
    let is_near = next.log_bytes == 0 || next.end_offset - 1 - sum.base_offset <= i64::from(i32::MAX);
    is_near
        && sum.log_bytes <= limits.log_bytes
        && sum.offset_index_bytes <= limits.index_bytes
        && sum.time_index_bytes <= limits.index_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(base_offset: i64, end_offset: i64, log_bytes: u64) -> Sizes {
        Sizes { base_offset, end_offset, log_bytes, offset_index_bytes: log_bytes, time_index_bytes: 0 }
    }

    #[test]
    fn neighbours_join_up_to_every_limit() {
        let far = i64::from(i32::MAX);
        let cases: &[(&[Sizes], u64, u64, &[usize])] = &[
            (&[], 10, 10, &[]),
            (&[sizes(0, 5, 4), sizes(5, 9, 4), sizes(9, 12, 4)], 8, 100, &[2, 1]),
            (&[sizes(0, 5, 4), sizes(5, 9, 4), sizes(9, 12, 4)], 100, 8, &[2, 1]),
            (&[sizes(0, 5, 20), sizes(5, 9, 20)], 8, 8, &[1, 1]),
            // The last offset of a group is 2^31-1 above its base at most.
            (&[sizes(0, 5, 1), sizes(5, far + 1, 1), sizes(far + 1, far + 2, 1)], 100, 100, &[2, 1]),
            (&[sizes(0, 5, 1), sizes(5, far + 2, 1)], 100, 100, &[1, 1]),
            (&[sizes(0, 5, 1), sizes(5, 2 * far, 0), sizes(2 * far, 3 * far, 0)], 100, 100, &[3]),
        ];
        for (segments, log_bytes, index_bytes, expected) in cases {
            let limits = SizeLimits { log_bytes: *log_bytes, index_bytes: *index_bytes };
            assert_eq!(group(segments, limits), *expected, "{segments:?}");
        }
    }
}
