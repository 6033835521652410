//! The driver of one simulated core: what `jackdaw_ring` asks goes to the host's disk and the world's network.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::Arc,
};

use jackdaw_ring::{
    Driver, Instant,
    driver::{
        Completion, Descriptor, DirectoryEntry, Metadata, OpenOptions, Operation, Payload, SocketBuffers,
        Token,
    },
    signal::CoreSignal,
};

use crate::{
    descriptors::Open,
    disk::{Disk, DiskWork, Inode, error},
    events::Event,
    host::{Core, Machine, OperationId, Process},
    marks::reach,
    network::{Network, StreamId, StreamOperation},
    world::Inner,
};

/// Between two looks at the wall clock of one process: a jump.
const JUMP_MS: i64 = 600_000;

/// One core's driver.
pub struct SimDriver {
    world: Rc<Inner>,
    process: Rc<Process>,
    core: usize,
}

impl SimDriver {
    pub(crate) fn new(world: Rc<Inner>, process: Rc<Process>, core: usize) -> Self {
        Self { world, process, core }
    }

    fn core(&self) -> &Core {
        &self.process.cores[self.core]
    }

    fn machine(&self) -> Rc<Machine> {
        self.world.machine(self.process.host)
    }

    /// Whether what this core does still has an effect: no longer from the instant of a crash.
    fn acts(&self) -> bool {
        self.process.alive.get() && self.machine().frozen.borrow().is_none()
    }

    fn operation(&self, token: Token) -> OperationId {
        OperationId {
            host: self.process.host,
            incarnation: self.process.incarnation,
            core: self.core,
            token: token.0,
        }
    }

    fn opened(&self, descriptor: Descriptor) -> io::Result<Open> {
        self.process.descriptors.borrow().get(descriptor)
    }

    fn inode(&self, descriptor: Descriptor) -> io::Result<Inode> {
        match self.opened(descriptor)? {
            Open::File { inode, .. } => Ok(inode),
            _ => Err(error(libc::EBADF)),
        }
    }

    fn writable_inode(&self, descriptor: Descriptor) -> io::Result<Inode> {
        match self.opened(descriptor)? {
            Open::File { inode, writes: true } => Ok(inode),
            _ => Err(error(libc::EBADF)),
        }
    }

    fn stream(&self, descriptor: Descriptor) -> io::Result<StreamId> {
        match self.opened(descriptor)? {
            Open::Stream(stream) => Ok(stream),
            _ => Err(error(libc::ENOTSOCK)),
        }
    }

    /// Look at the disk.
    fn disk<T>(&self, look: impl FnOnce(&mut Disk) -> T) -> T {
        look(&mut self.machine().disk.borrow_mut())
    }

    /// Change the disk, after keeping its image if this is where the host dies.
    fn change_disk<T>(&self, what: &'static str, numbers: &[u64], change: impl FnOnce(&mut Disk) -> T) -> T {
        let machine = self.machine();
        let mut disk = machine.disk.borrow_mut();
        if disk.count_change() {
            *machine.frozen.borrow_mut() = Some(disk.clone());
            self.world.note("freeze", &[self.process.host as u64]);
        }
        self.world.note(what, numbers);
        change(&mut disk)
    }

    fn network<T>(&self, change: impl FnOnce(&mut Network) -> T) -> T {
        let result = change(&mut self.world.network.borrow_mut());
        self.world.apply_outputs();
        result
    }

    fn fail(&self, token: Token, failure: io::Error, payload: Payload) {
        self.world.complete(self.operation(token), Err(failure), payload, false);
    }

    fn start_on_stream(&self, token: Token, socket: Descriptor, wanted: StreamOperation) {
        match self.stream(socket) {
            Ok(stream) => {
                let now_ns = self.world.now_ns();
                self.network(|network| network.submit(now_ns, self.operation(token), stream, wanted));
            }
            Err(failure) => self.fail(token, failure, Payload::None),
        }
    }

    fn start_on_disk(&self, token: Token, work: io::Result<DiskWork>) {
        match work {
            Ok(work) => {
                let now_ns = self.world.now_ns();
                let delay = self.disk(|disk| stall_ns(disk, &work, now_ns) + delay_ns(disk, &work));
                let event = Event::Disk { operation: self.operation(token), work };
                self.world.schedule(self.world.now_ns() + delay, event);
            }
            Err(failure) => self.fail(token, failure, Payload::None),
        }
    }

    fn now_ms(&self) -> i64 {
        let machine = self.machine();
        let now_ms = self.world.unix_ms() + machine.wall_offset_ms.get();
        match machine.told_ms.replace(Some(now_ms)) {
            Some(before_ms) if now_ms < before_ms => reach("clock: it went back"),
            Some(before_ms) if now_ms > before_ms + JUMP_MS => reach("clock: it went forward at once"),
            _ => {}
        }
        now_ms
    }
}

/// How long the disk does nothing for an operation before it begins.
fn stall_ns(disk: &mut Disk, work: &DiskWork, now_ns: u64) -> u64 {
    let (one_in, stall_ns) = (disk.faults.stall_one_in, disk.faults.stall_ns);
    let mark = match work {
        DiskWork::Read { .. } => "disk: a read stalls",
        DiskWork::Sync { .. } | DiskWork::SyncDirectory { .. } => "disk: a flush stalls",
        DiskWork::Write { .. } | DiskWork::Unlink { .. } => return 0,
    };
    if one_in == 0 || !disk.random().one_in(one_in) {
        return 0;
    }
    reach(mark);
    let stall_ns = disk.random().between(stall_ns / 2, stall_ns);
    disk.stalled_until_ns = disk.stalled_until_ns.max(now_ns + stall_ns);
    stall_ns
}

/// How long the disk takes for an operation.
fn delay_ns(disk: &mut Disk, work: &DiskWork) -> u64 {
    let (slow_one_in, slow_ns) = (disk.faults.slow_sync_one_in, disk.faults.slow_sync_ns);
    let random = disk.random();
    match work {
        DiskWork::Read { .. } if random.one_in(2) => random.between(1_000, 5_000),
        DiskWork::Read { .. } => random.scaled(20_000, 2_000_000),
        DiskWork::Write { .. } => random.scaled(5_000, 2_000_000),
        DiskWork::Sync { .. } | DiskWork::SyncDirectory { .. } if random.one_in(slow_one_in) => {
            random.between(slow_ns / 2, slow_ns)
        }
        DiskWork::Sync { .. } | DiskWork::SyncDirectory { .. } => random.scaled(50_000, 5_000_000),
        DiskWork::Unlink { .. } => random.scaled(10_000, 1_000_000),
    }
}

impl Driver for SimDriver {
    fn now(&self) -> Instant {
        Instant(self.world.now_ns() - self.process.started_ns)
    }

    fn unix_ms(&self) -> i64 {
        self.now_ms()
    }

    fn random_u64(&self) -> u64 {
        self.core().tasks.borrow_mut().next_u64()
    }

    fn pick_task(&self, ready: usize) -> usize {
        self.core().picks.borrow_mut().index(ready)
    }

    fn submit(&self, token: Token, operation: Operation) {
        if !self.acts() {
            return;
        }
        self.world.note("submit", &[self.process.host as u64, self.core as u64, token.0]);
        match operation {
            Operation::AcceptMany { listener } => match self.opened(listener) {
                Ok(Open::Listener(id)) => {
                    self.network(|network| network.accept_many(self.operation(token), id));
                }
                _ => self.fail(token, error(libc::EBADF), Payload::None),
            },
            Operation::Connect { address } => {
                let now_ns = self.world.now_ns();
                self.network(|network| network.connect(now_ns, self.operation(token), address));
            }
            Operation::ReceiveMany { socket } => {
                self.start_on_stream(token, socket, StreamOperation::ReceiveMany);
            }
            Operation::ReceiveInto { socket, buffer, length } => {
                self.start_on_stream(token, socket, StreamOperation::ReceiveInto(buffer, length));
            }
            Operation::Send { socket, buffers, more: _ } => {
                self.start_on_stream(token, socket, StreamOperation::Send(buffers));
            }
            Operation::PeerEnded { socket } => {
                self.start_on_stream(token, socket, StreamOperation::PeerEnded)
            }
            Operation::Writable { socket } => self.start_on_stream(token, socket, StreamOperation::Writable),
            Operation::Read { file, buffer, position, length } => {
                let work = self.inode(file).map(|inode| DiskWork::Read { inode, buffer, position, length });
                self.start_on_disk(token, work);
            }
            Operation::Write { file, bytes, position } => {
                let now_ms = self.now_ms();
                let inode = self.writable_inode(file);
                let work = inode.map(|inode| DiskWork::Write { inode, bytes, position, now_ms });
                self.start_on_disk(token, work);
            }
            Operation::Sync { file, data_only: _ } => {
                let work = self.inode(file).and_then(|inode| {
                    Ok(DiskWork::Sync { inode, mark: self.disk(|disk| disk.sync_mark(inode))? })
                });
                self.start_on_disk(token, work);
            }
            Operation::SyncDirectory { path } => {
                let mark = self.disk(|disk| disk.names_mark());
                self.start_on_disk(token, Ok(DiskWork::SyncDirectory { path, mark }));
            }
            Operation::Unlink { path } => self.start_on_disk(token, Ok(DiskWork::Unlink { path })),
        }
    }

    fn cancel(&self, token: Token) {
        if self.acts() {
            // What the disk does cannot be stopped: it completes as it would have.
            self.network(|network| network.cancel(self.operation(token)));
        }
    }

    fn poll(&self, completions: &mut Vec<Completion>) {
        completions.extend(self.core().completions.borrow_mut().drain(..));
    }

    fn wait(&self, _deadline: Option<Instant>, _completions: &mut Vec<Completion>) {
        panic!("a simulated core does not sleep by itself: its world runs it");
    }

    fn notify(&self, peer: &Arc<CoreSignal>) {
        let core = self.process.cores.iter().position(|core| Arc::ptr_eq(&core.signal, peer));
        if let Some(core) = core {
            self.world.run_soon(&self.process, core);
        }
    }

    fn signal(&self) -> Arc<CoreSignal> {
        Arc::clone(&self.core().signal)
    }

    fn listen(&self, address: SocketAddr, _: SocketBuffers) -> io::Result<(Descriptor, SocketAddr)> {
        self.process.descriptors.borrow().check()?;
        let (id, address) = self.network(|network| network.listen(self.process.host, address))?;
        let descriptor = self.process.descriptors.borrow_mut().insert(Open::Listener(id))?;
        Ok((descriptor, address))
    }

    fn duplicate(&self, descriptor: Descriptor) -> io::Result<Descriptor> {
        let what = self.opened(descriptor)?;
        let duplicate = self.process.descriptors.borrow_mut().insert(what)?;
        match what {
            Open::File { .. } => return Err(error(libc::EINVAL)),
            Open::Listener(id) => self.network(|network| network.duplicate_listener(id)),
            Open::Stream(stream) => self.network(|network| network.attach(stream)),
        }
        Ok(duplicate)
    }

    fn shutdown(&self, socket: Descriptor) {
        if !self.acts() {
            return;
        }
        let now_ns = self.world.now_ns();
        match self.opened(socket) {
            Ok(Open::Stream(stream)) => self.network(|network| network.shutdown(now_ns, stream)),
            Ok(Open::Listener(id)) => self.network(|network| network.shutdown_listener(id)),
            _ => {}
        }
    }

    fn close(&self, descriptor: Descriptor) {
        if !self.acts() {
            return;
        }
        let now_ns = self.world.now_ns();
        let what = self.process.descriptors.borrow_mut().remove(descriptor);
        match what {
            Some(Open::File { inode, .. }) => self.disk(|disk| disk.close(inode, self.process.incarnation)),
            Some(Open::Listener(id)) => self.network(|network| network.close_listener(now_ns, id)),
            Some(Open::Stream(stream)) => self.network(|network| network.close(now_ns, stream)),
            None => panic!("descriptor {} is closed twice", descriptor.0),
        }
    }

    fn send_file(
        &self,
        socket: Descriptor,
        file: Descriptor,
        position: u64,
        length: usize,
    ) -> io::Result<usize> {
        if !self.acts() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (stream, inode) = (self.stream(socket)?, self.inode(file)?);
        let available = self.disk(|disk| disk.size(inode))?.saturating_sub(position);
        let mut bytes = vec![0; length.min(usize::try_from(available).unwrap_or(usize::MAX)).min(1 << 20)];
        if bytes.is_empty() {
            return Ok(0);
        }
        let count = self.disk(|disk| disk.read_at(inode, &mut bytes, position))?;
        let now_ns = self.world.now_ns();
        self.network(|network| network.send_now(now_ns, stream, &bytes[..count]))
    }

    fn open(&self, path: &Path, options: OpenOptions) -> io::Result<Descriptor> {
        self.process.descriptors.borrow().check()?;
        let now_ms = self.now_ms();
        let changes = options.create || options.create_new || options.truncate;
        let inode = if changes {
            self.change_disk("open", &[path_hash(path)], |disk| disk.open(path, options, now_ms))
        } else {
            self.disk(|disk| disk.open(path, options, now_ms))
        }?;
        self.process.descriptors.borrow_mut().insert(Open::File { inode, writes: options.write })
    }

    fn size(&self, file: Descriptor) -> io::Result<u64> {
        let inode = self.inode(file)?;
        self.disk(|disk| disk.size(inode))
    }

    fn set_size(&self, file: Descriptor, size_bytes: u64) -> io::Result<()> {
        let (inode, now_ms) = (self.writable_inode(file)?, self.now_ms());
        self.change_disk("set size", &[inode, size_bytes], |disk| disk.set_size(inode, size_bytes, now_ms))
    }

    fn set_modified(&self, file: Descriptor, modified_ms: i64) -> io::Result<()> {
        let inode = self.writable_inode(file)?;
        self.change_disk("set modified", &[inode, modified_ms.unsigned_abs()], |disk| {
            disk.set_modified(inode, modified_ms)
        })
    }

    fn write_at(&self, file: Descriptor, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        let (inode, now_ms) = (self.writable_inode(file)?, self.now_ms());
        let hash =
            buffers.iter().fold(0u64, |hash, buffer| hash.rotate_left(7) ^ crate::trace::hash_bytes(buffer));
        let count = self.change_disk("write", &[inode, position, hash], |disk| {
            disk.write_at(inode, buffers, position, now_ms)
        })?;
        let inline_write_bytes = &self.machine().inline_write_bytes;
        inline_write_bytes.set(inline_write_bytes.get() + count as u64);
        Ok(count)
    }

    fn read_at(&self, file: Descriptor, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let inode = self.inode(file)?;
        self.disk(|disk| disk.read_at(inode, buffer, position))
    }

    fn is_cached(&self, _file: Descriptor, _position: u64, _length: usize) -> bool {
        // Nothing depends on the truth of it, so both answers are given.
        !self.disk(|disk| disk.random().one_in(16))
    }

    fn lock(&self, file: Descriptor) -> io::Result<()> {
        let inode = self.inode(file)?;
        self.disk(|disk| disk.lock(inode, self.process.incarnation))
    }

    fn metadata(&self, path: &Path) -> io::Result<Option<Metadata>> {
        Ok(self.disk(|disk| disk.metadata(path)))
    }

    fn list_directory(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        self.disk(|disk| disk.list_directory(path))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.change_disk("create directory", &[path_hash(path)], |disk| disk.create_directory(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let numbers = [path_hash(from), path_hash(to)];
        self.change_disk("rename", &numbers, |disk| disk.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change_disk("remove", &[path_hash(path)], |disk| disk.remove_file(path))
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.change_disk("remove directory", &[path_hash(path)], |disk| disk.remove_directory(path))
    }
}

fn path_hash(path: &Path) -> u64 {
    crate::trace::hash_bytes(path.as_os_str().as_encoded_bytes())
}
