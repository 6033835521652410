//! What goes wrong with the node in one life besides its end, and what clients may be answered because of it.

use std::time::Duration;

use super::{
    batches::Key,
    history::History,
    rot::{self, Spot, Target},
};
use crate::{
    Host, Random, Rot, World,
    faults::{DiskError, DiskOperation},
    marks::reach,
    workload::broken,
};

/// What 200 seeds reach between them.
pub const FAULT_MARKS: &[&str] = &[
    "disk: EIO on fsync of a segment",
    "disk: EIO on fsync of the metadata log",
    "disk: EIO on fsync of another file",
    "disk: EIO on fsync of a directory",
    "disk: EIO on write to a segment",
    "disk: EIO on write to the metadata log",
    "disk: EIO on write to another file",
    "disk: EIO on read of a segment",
    "disk: EIO on read of another file",
    "disk: EIO on a change of names",
    "disk: ENOSPC",
    "the node: exit for the disk",
    "the node: exit for the metadata log",
    "the node: no start",
    "the node: a stop was not clean",
    "log: the node stops: cannot flush",
    "log: the node stops: cannot append",
    "log: partition is offline: cannot",
    "log: cut the log's unflushed end",
];

/// What 200 seeds of a rotting disk reach between them.
pub const ROT_MARKS: &[&str] = &[
    "disk: a segment rots",
    "client: a damaged partition serves",
    "disk: an index rots",
    "disk: a producer snapshot rots",
    "log: partition is offline: a file is damaged",
    "client: a batch fails its CRC",
    "client: a damaged partition takes records",
];

/// What 200 seeds of slow and jumping surroundings reach between them.
pub const JITTER_MARKS: &[&str] = &[
    "disk: a read stalls",
    "disk: a flush stalls",
    "client: an answer while the disk stalls",
    "clock: it went back",
    "clock: it went forward at once",
    "network: a connection is lost with bytes under way",
    "network: a sender waits for its reader",
    "log: somebody waits for memory",
    "history: flush.ms has flushed what a power cut would take",
];

/// Producers' clocks, which are right, may be an hour ahead of the node's and no more.
const BACK_MS: u64 = 3_000_000;
/// As far forward as no producer id and no segment is forgotten for its age.
const FORWARD_MS: u64 = 12 * 3_600_000;

/// What a workload's faults are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    /// The disk fails or is full.
    Disk,
    /// Bits change in what was flushed.
    Rot,
    /// Everything works, but not when it should.
    Jitter,
}

/// One life's fault.
#[derive(Clone, Debug)]
enum Fault {
    None,
    /// Operations on the disk fail with `EIO`.
    Disk(DiskError),
    /// So many bytes fit, and then no more until the next life.
    FullDisk(u64),
    /// A flipped bit, of this partition if of one.
    Rot(Spot, Rot, Option<Key>),
    Jitter {
        stalls: bool,
    },
}

/// The faults of a world.
pub(super) struct Faults {
    node: Host,
    kind: Kind,
    random: Random,
    fault: Fault,
    /// The last life ended with all of it flushed.
    was_clean: bool,
}

impl Faults {
    pub(super) fn new(node: &Host, kind: Kind, random: Random) -> Self {
        Self { node: node.clone(), kind, random, fault: Fault::None, was_clean: false }
    }

    /// Before a start: what this life's fault is.
    pub(super) fn begin_life(&mut self, world: &World, history: &History) {
        self.node.disk_faults(|faults| faults.capacity_bytes = u64::MAX);
        self.fault = match self.kind {
            Kind::None => Fault::None,
            Kind::Disk => draw(&mut self.random),
            Kind::Rot if self.random.one_in(2) => self.rot(history),
            Kind::Rot => Fault::None,
            Kind::Jitter => self.jitter(world),
        };
        match &self.fault {
            Fault::Disk(error) => self.node.fail_disk(*error),
            Fault::FullDisk(bytes) => self.node.leave_room(*bytes),
            _ => {}
        }
        self.node.comment(&format!("{:?}", self.fault));
    }

    /// After a life: what rotted is put back from a backup.
    pub(super) fn end_life(&mut self, was_clean: bool) {
        if let Fault::Rot(_, rot, _) = &self.fault {
            let healed = self.node.heal(*rot);
            self.node.comment(&format!("healed: {healed}"));
        }
        self.fault = Fault::None;
        self.was_clean = was_clean;
    }

    /// When a bit is to change while the node serves, in percent of that time.
    pub(super) fn draw_moment(&mut self) -> Option<u32> {
        let rots = self.kind == Kind::Rot && matches!(self.fault, Fault::None);
        rots.then(|| self.random.below(100) as u32)
    }

    /// Change a bit under the running node; not in the metadata log, which it does not read again.
    pub(super) fn rot_now(&mut self, history: &History) {
        self.was_clean = false;
        self.fault = self.rot(history);
        self.node.comment(&format!("{:?}", self.fault));
    }

    fn rot(&mut self, history: &History) -> Fault {
        let target = match self.random.below(8) {
            0 => Target::MetadataLog,
            1 => Target::Index,
            2 => Target::ProducerSnapshot,
            _ => Target::Segment,
        };
        let usable = history.usable();
        // After a kill the metadata log's end is cut at the first batch that is not sound.
        if usable.is_empty() || (target == Target::MetadataLog && !self.was_clean) {
            return Fault::None;
        }
        let (key, name, _) = self.random.pick(&usable).clone();
        let Some(spot) = rot::pick(&self.node, target, &name, key.1, &mut self.random) else {
            return Fault::None;
        };
        let Some(rot) = self.node.rot(spot.path.as_ref(), spot.position, spot.mask) else {
            return Fault::None;
        };
        let (mark, of) = match target {
            Target::Segment => ("disk: a segment rots", Some(key)),
            Target::Index => ("disk: an index rots", Some(key)),
            Target::ProducerSnapshot => ("disk: a producer snapshot rots", None),
            Target::MetadataLog => ("disk: the metadata log rots", None),
        };
        reach(mark);
        Fault::Rot(spot, rot, of)
    }

    fn jitter(&mut self, world: &World) -> Fault {
        let random = &mut self.random;
        let (one_in, ns) = (random.scaled(3, 100), random.scaled(100_000_000, 5_000_000_000));
        let stalls = random.one_in(2);
        self.node.disk_faults(|faults| {
            faults.stall_one_in = if stalls { one_in } else { 0 };
            faults.stall_ns = ns;
        });
        for _ in 0..random.below(4) {
            let at = world.now() + Duration::from_micros(random.scaled(1_000, 4_000_000));
            let forward_ms = random.between(0, FORWARD_MS + BACK_MS) as i64;
            let offset_ms =
                if random.one_in(2) { forward_ms % BACK_MS as i64 } else { forward_ms } - BACK_MS as i64;
            let node = self.node.clone();
            world.plan(at, move |_| node.set_wall_offset_ms(offset_ms));
        }
        world.network_faults(|faults| {
            faults.send_buffer_bytes = random.scaled(500, 64 * 1024) as usize;
            faults.receive_window_bytes = random.scaled(500, 64 * 1024) as usize;
        });
        Fault::Jitter { stalls }
    }

    /// Flushes take longer than they should.
    pub(super) fn stalls(&self) -> bool {
        matches!(self.fault, Fault::Jitter { stalls: true })
    }

    /// Everything works, but not when it should.
    pub(super) fn is_jitter(&self) -> bool {
        self.kind == Kind::Jitter
    }

    /// Flushed bytes of this partition have changed: it may be offline, and its reads may be refused or wrong. It may
    /// not end before what was promised.
    pub(super) fn is_rotten(&self, key: Key) -> bool {
        matches!(&self.fault, Fault::Rot(_, _, Some(rotten)) if *rotten == key)
    }

    /// The node may end by itself.
    pub(super) fn may_end(&self) -> bool {
        let of_metadata = |spot: &Spot| spot.path.contains("__cluster_metadata");
        self.excuse() || matches!(&self.fault, Fault::Rot(spot, ..) if of_metadata(spot))
    }

    /// A client may be refused, or the node may end, because of what went wrong.
    pub(super) fn excuse(&self) -> bool {
        self.node.disk_error_count() > 0
    }

    /// Something may never be answered.
    pub(super) fn excuses_delay(&self) -> bool {
        self.excuse() || matches!(self.fault, Fault::Rot(..))
    }

    /// A flush failed of something that is in use: this ends the node.
    pub(super) fn must_end(&self) -> bool {
        !self.node.unflushable().is_empty()
    }

    /// At the end of a life: a failed flush has ended it, and was not tried again.
    pub(super) fn check_end_of_life(&self, goes_on: bool) {
        let again = self.node.flushes_tried_again();
        if again > 0 {
            broken(
                "a failed flush is not tried again",
                &format!("{again} were: {:?}", self.node.unflushable()),
            );
        }
        if goes_on && self.must_end() {
            broken(
                "a failed flush stops the node",
                &format!("it goes on after {:?}", self.node.unflushable()),
            );
        }
    }

    /// After a failed flush the page cache shows what the disk may not have. The machine is started anew, as
    /// docs/operations/running.md says.
    pub(super) fn needs_reboot(&self) -> bool {
        self.node.failed_flush_count() > 0
    }
}

fn draw(random: &mut Random) -> Fault {
    let operation = match random.below(8) {
        0 => return Fault::None,
        1 => return Fault::FullDisk(random.scaled(1, 300_000)),
        2 | 3 => DiskOperation::Sync,
        4 => DiskOperation::SyncDirectory,
        5 => DiskOperation::Write,
        6 => DiskOperation::Read,
        _ => DiskOperation::Names,
    };
    let after = match operation {
        DiskOperation::SyncDirectory | DiskOperation::Names => random.scaled(1, 60),
        DiskOperation::Sync => random.scaled(1, 300),
        DiskOperation::Read | DiskOperation::Write => random.scaled(1, 800),
    };
    let times = if random.one_in(2) { 1 } else { random.scaled(1, 1_000) };
    Fault::Disk(DiskError { operation, after: after - 1, times })
}
