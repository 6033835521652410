//! What goes wrong with the node in one life besides its end, and what clients may be answered because of it.

use std::cell::Cell;

use crate::{
    Host, Random,
    faults::{DiskError, DiskOperation},
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

/// One life's fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    None,
    /// Operations on the disk fail with `EIO`.
    Disk(DiskError),
    /// So many bytes fit, and then no more until the next life.
    FullDisk(u64),
}

/// The faults of a world.
pub(super) struct Faults {
    node: Host,
    /// Where a workload asks for none, none is drawn.
    random: Option<Random>,
    fault: Cell<Fault>,
}

impl Faults {
    pub(super) fn new(node: &Host, random: Option<Random>) -> Self {
        Self { node: node.clone(), random, fault: Cell::new(Fault::None) }
    }

    /// Before a start: what this life's fault is.
    pub(super) fn begin_life(&mut self) {
        let fault = self.random.as_mut().map_or(Fault::None, draw);
        self.fault.set(fault);
        self.node.disk_faults(|faults| faults.capacity_bytes = u64::MAX);
        match fault {
            Fault::None => {}
            Fault::Disk(error) => self.node.fail_disk(error),
            Fault::FullDisk(bytes) => self.node.leave_room(bytes),
        }
        self.node.comment(&format!("{fault:?}"));
    }

    /// A client may be refused, or the node may end, because of what went wrong.
    pub(super) fn excuse(&self) -> bool {
        self.node.disk_error_count() > 0
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
