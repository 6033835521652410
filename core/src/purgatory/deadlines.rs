//! A hierarchical timing wheel: deadlines in ms, constant time to insert and remove.
//!
//! A deadline stands at the level of the highest six bits in which it differs from `now`, in the slot that
//! these bits name. So all deadlines of a level come before those of the level above, and time only has to
//! reach the start of a slot to move its deadlines down. Nothing ticks in between.

/// No deadline.
const NIL: u32 = u32::MAX;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Enough for 64 bits.
const LEVELS: usize = 11;

/// The place of an operation's deadline, by the operation's index.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// `u8::MAX` where the operation has no deadline here.
    level: u8,
    slot: u8,
    deadline_ms: u64,
    previous: u32,
    next: u32,
}

const NOWHERE: Link = Link { level: u8::MAX, slot: 0, deadline_ms: 0, previous: NIL, next: NIL };

#[derive(Clone, Copy, Debug)]
struct Level {
    /// Bit n is set where slot n has deadlines.
    occupied: u64,
    first: [u32; SLOTS],
    last: [u32; SLOTS],
}

const EMPTY: Level = Level { occupied: 0, first: [NIL; SLOTS], last: [NIL; SLOTS] };

#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    now_ms: u64,
    levels: Box<[Level; LEVELS]>,
    links: Vec<Link>,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { now_ms: 0, levels: Box::new([EMPTY; LEVELS]), links: Vec::new() }
    }

    /// Sets the deadline of an operation that has none. One that has passed is due at once.
    pub(super) fn insert(&mut self, operation: u32, deadline_ms: i64) {
        if self.links.len() <= operation as usize {
            self.links.resize(operation as usize + 1, NOWHERE);
        }
        assert_eq!(self.links[operation as usize].level, u8::MAX, "an operation has one deadline");
        self.place(operation, u64::try_from(deadline_ms).unwrap_or(0));
    }

    fn place(&mut self, operation: u32, deadline_ms: u64) {
        let at_ms = deadline_ms.max(self.now_ms);
        let differing = at_ms ^ self.now_ms;
        let level = (63 - (differing | 1).leading_zeros()) / SLOT_BITS;
        let slot = ((at_ms >> (SLOT_BITS * level)) % SLOTS as u64) as usize;
        let in_level = &mut self.levels[level as usize];
        let previous = std::mem::replace(&mut in_level.last[slot], operation);
        if previous == NIL {
            in_level.first[slot] = operation;
            in_level.occupied |= 1 << slot;
        } else {
            self.links[previous as usize].next = operation;
        }
        self.links[operation as usize] =
            Link { level: level as u8, slot: slot as u8, deadline_ms, previous, next: NIL };
    }

    /// Forgets an operation's deadline, if it has one.
    pub(super) fn remove(&mut self, operation: u32) {
        let Some(link) = self.links.get_mut(operation as usize) else { return };
        let Link { level, slot, previous, next, .. } = std::mem::replace(link, NOWHERE);
        let Some(in_level) = self.levels.get_mut(usize::from(level)) else { return };
        let slot = usize::from(slot);
        match previous {
            NIL => in_level.first[slot] = next,
            _ => self.links[previous as usize].next = next,
        }
        match next {
            NIL => in_level.last[slot] = previous,
            _ => self.links[next as usize].previous = previous,
        }
        if in_level.first[slot] == NIL {
            in_level.occupied &= !(1 << slot);
        }
    }

    /// The start of the first slot that has deadlines: the earliest deadline or a moment before it.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.first_occupied().map(|(_, _, start_ms)| i64::try_from(start_ms).unwrap_or(i64::MAX))
    }

    /// Takes out the earliest operation whose deadline has come.
    pub(super) fn pop_due(&mut self, now_ms: i64) -> Option<u32> {
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        while let Some((level, slot, start_ms)) = self.first_occupied() {
            if start_ms > now_ms {
                break;
            }
            self.now_ms = self.now_ms.max(start_ms);
            if level == 0 {
                let operation = self.levels[0].first[slot];
                self.remove(operation);
                return Some(operation);
            }
            self.move_down(level, slot);
        }
        self.now_ms = self.now_ms.max(now_ms);
        None
    }

    /// Time has reached a slot: all its deadlines now differ from it in lower bits only.
    fn move_down(&mut self, level: usize, slot: usize) {
        while self.levels[level].occupied & (1 << slot) != 0 {
            let operation = self.levels[level].first[slot];
            let deadline_ms = self.links[operation as usize].deadline_ms;
            self.remove(operation);
            self.place(operation, deadline_ms);
        }
    }

    /// Level, slot and start of the earliest slot with deadlines.
    fn first_occupied(&self) -> Option<(usize, usize, u64)> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        let slot = self.levels[level].occupied.trailing_zeros() as usize;
        let slot_bits = SLOT_BITS * level as u32;
        let above = self.now_ms.checked_shr(slot_bits + SLOT_BITS).unwrap_or(0);
        let above_ms = above.checked_shl(slot_bits + SLOT_BITS).unwrap_or(0);
        Some((level, slot, above_ms | (slot as u64) << slot_bits))
    }
}
