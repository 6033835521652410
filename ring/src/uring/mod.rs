//! The io_uring driver: one ring, submissions batched until the core sleeps or polls.
//!
//! Every SQE that names memory names memory kept in `pending` until its last completion.

mod files;
mod pending;
pub mod probe;
mod receive_pool;
mod sockets;

use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    net::SocketAddr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::Path,
    sync::Arc,
    time::Duration,
};

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use self::{pending::Pending, receive_pool::ReceivePool};
use crate::{
    clock::Instant,
    driver::{
        Completion, Descriptor, DirectoryEntry, Driver, Metadata, OpenOptions, Operation, Payload,
        SocketBuffers, Space, Token,
    },
    process::{self, ProcessUsage},
    signal::CoreSignal,
};

/// User data of the driver's own entries: generation 0 is never an operation's.
const NOTIFIED: u64 = 1;
const EVENT: u64 = 2;
const CANCELLED: u64 = 3;
/// The low byte; the peer's core number stands above it.
const NOTIFY_SENT: u64 = 4;
/// Below is the driver's own.
const FIRST_TOKEN: u64 = 1 << 32;

/// Sizes of one core's ring.
#[derive(Clone, Debug)]
pub struct UringConfig {
    /// This core's number among the cores of the process.
    pub core: usize,
    /// Submission queue entries; a power of two.
    pub entries: u32,
    /// Pooled receive buffers; a power of two, at most 32,768.
    pub receive_buffers: u16,
    /// Bytes in each.
    pub receive_buffer_bytes: usize,
    /// How long to look for completions before sleeping, while the last sleeps were shorter than that.
    pub spin: Duration,
}

impl Default for UringConfig {
    /// 16 MiB of receive buffers: 16 KiB each is the size measured best on loopback.
    fn default() -> Self {
        Self {
            core: 0,
            entries: 1024,
            receive_buffers: 1024,
            receive_buffer_bytes: 16 * 1024,
            spin: Duration::ZERO,
        }
    }
}

/// The production driver. Lives on the thread that made it.
pub struct UringDriver {
    ring: RefCell<IoUring>,
    pending: RefCell<Vec<Option<Pending>>>,
    pool: RefCell<ReceivePool>,
    /// Receives that ended for want of buffers, started again when some return.
    starved: RefCell<Vec<(Token, Descriptor)>>,
    /// Peers by their core's number, as far as this core has notified them.
    peers: RefCell<Vec<Option<Arc<CoreSignal>>>>,
    signal: Arc<CoreSignal>,
    event: OwnedFd,
    bundles: bool,
    spin_ns: u64,
    recent_sleep_ns: Cell<u64>,
    started: std::time::Instant,
    random: Cell<u64>,
}

impl UringDriver {
    /// Set up the ring.
    ///
    /// # Errors
    /// What the kernel refuses, in a sentence that says how to allow it.
    pub fn new(config: &UringConfig) -> Result<Self, probe::Unsupported> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(config.entries * 4)
            .build(config.entries)
            .map_err(|error| probe::explain_setup(&error))?;
        probe::check_opcodes(&ring)?;
        let event = sockets::event_fd().map_err(|error| probe::explain_buffers(&error))?;
        let outside = event.try_clone().map_err(|error| probe::explain_buffers(&error))?;
        let bundles = ring.params().is_feature_recvsend_bundle();
        let signal = Arc::new(CoreSignal::new(config.core, ring.as_raw_fd(), Some(outside)));
        let pool = ReceivePool::register(
            &ring,
            config.receive_buffers,
            config.receive_buffer_bytes,
            Arc::clone(&signal),
        )
        .map_err(|error| probe::explain_buffers(&error))?;
        let driver = Self {
            ring: RefCell::new(ring),
            pending: RefCell::default(),
            pool: RefCell::new(pool),
            starved: RefCell::default(),
            peers: RefCell::default(),
            signal,
            event,
            bundles,
            spin_ns: u64::try_from(config.spin.as_nanos()).unwrap_or(0),
            recent_sleep_ns: Cell::new(u64::MAX),
            started: std::time::Instant::now(),
            random: Cell::new(sockets::random_seed()),
        };
        driver.watch_event();
        Ok(driver)
    }

    fn watch_event(&self) {
        let poll = opcode::PollAdd::new(types::Fd(self.event.as_raw_fd()), libc::POLLIN as u32).build();
        self.push(poll.user_data(EVENT));
    }

    fn push(&self, entry: squeue::Entry) {
        let mut ring = self.ring.borrow_mut();
        if ring.submission().is_full() {
            submit(&ring);
        }
        // SAFETY: the memory that the entry names is kept in `pending` (or is static) until its last completion.
        #[allow(unsafe_code)]
        let pushed = unsafe { ring.submission().push(&entry) };
        assert!(pushed.is_ok(), "the submission queue has room after a submit");
    }

    fn start_receive(&self, token: Token, socket: Descriptor) {
        let fd = types::Fd(socket.0);
        let entry = if self.bundles {
            opcode::RecvMultiBundle::new(fd, receive_pool::GROUP).build()
        } else {
            opcode::RecvMulti::new(fd, receive_pool::GROUP).build()
        };
        self.push(entry.user_data(token.0));
    }

    /// Give taken buffers back to the kernel and restart receives that had none.
    fn recycle(&self) {
        let mut pool = self.pool.borrow_mut();
        pool.recycle();
        // Not only when some have just returned: they may have before the kernel's refusal was seen.
        if self.starved.borrow().is_empty() || pool.free() == 0 {
            return;
        }
        pool.set_starving(false);
        drop(pool);
        for (token, socket) in self.starved.take() {
            self.start_receive(token, socket);
        }
    }

    /// Submit, run deferred kernel work, and collect, without sleeping.
    fn enter(&self) {
        let ring = self.ring.borrow();
        submit_with_work(&ring);
    }

    fn collect(&self, completions: &mut Vec<Completion>) {
        loop {
            let entry = self.ring.borrow_mut().completion().next();
            let Some(entry) = entry else { return };
            self.on_entry(&entry, completions);
        }
    }

    fn on_entry(&self, entry: &cqueue::Entry, completions: &mut Vec<Completion>) {
        match entry.user_data() {
            NOTIFIED | CANCELLED => return,
            EVENT => {
                let mut count = [0u8; 8];
                // Resets the counter; it is non-blocking, and an error only means there was nothing to reset.
                let _ = rustix::io::read(&self.event, &mut count);
                self.watch_event();
                return;
            }
            own if own < FIRST_TOKEN => {
                self.on_notify_sent(own, entry.result());
                return;
            }
            _ => {}
        }
        let token = Token(entry.user_data());
        let key = pending::key(token);
        let more = cqueue::more(entry.flags());
        let mut slots = self.pending.borrow_mut();
        let Some(pending) = slots.get_mut(key).and_then(Option::as_mut) else { return };
        let result = result_of(entry, pending);
        if let (Pending::ReceiveMany { socket, cancelled: false }, Err(error)) = (&*pending, &result)
            && error.raw_os_error() == Some(libc::ENOBUFS)
            && !more
        {
            self.starved.borrow_mut().push((token, *socket));
            self.pool.borrow().set_starving(true);
            return;
        }
        let payload = match pending {
            Pending::ReceiveMany { .. } => self.received(entry, &result),
            Pending::AcceptMany { .. } => sockets::accepted(&result),
            _ => Payload::None,
        };
        let payload = if more {
            payload
        } else {
            slots[key].take().map_or(Payload::None, |done| done.finish(&result, payload))
        };
        completions.push(Completion { token, result, payload, more });
    }

    /// A peer that the ring could not reach is woken by its event: its flag is already down, so nobody else will.
    fn on_notify_sent(&self, user_data: u64, result: i32) {
        if result >= 0 {
            return;
        }
        let core = (user_data >> 8) as usize;
        if let Some(Some(peer)) = self.peers.borrow().get(core) {
            peer.raise_event();
        }
    }

    fn received(&self, entry: &cqueue::Entry, result: &io::Result<usize>) -> Payload {
        match (cqueue::buffer_select(entry.flags()), result) {
            (Some(buffer), Ok(count)) => Payload::Chunks(self.pool.borrow_mut().take(buffer, *count)),
            _ => Payload::None,
        }
    }

    /// Look for completions without sleeping, for as long as recent sleeps were shorter than the spin.
    fn spin(&self, deadline: Option<Instant>) -> bool {
        if self.spin_ns == 0 || self.recent_sleep_ns.get() > self.spin_ns {
            return false;
        }
        let start = self.now();
        let end = start.0 + self.spin_ns;
        loop {
            {
                let mut ring = self.ring.borrow_mut();
                if ring.submission().taskrun() || !ring.completion().is_empty() {
                    return true;
                }
            }
            let now = self.now();
            if now.0 >= end || deadline.is_some_and(|deadline| now >= deadline) {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    fn sleep(&self, deadline: Option<Instant>) {
        let before = self.now();
        let ring = self.ring.borrow();
        let result = match deadline {
            None => ring.submitter().submit_and_wait(1),
            Some(deadline) => {
                let left = deadline.since(before);
                let timespec = types::Timespec::new().sec(left.as_secs()).nsec(left.subsec_nanos());
                let args = types::SubmitArgs::new().timespec(&timespec);
                ring.submitter().submit_with_args(1, &args)
            }
        };
        check_enter(result);
        let slept = self.now().0 - before.0;
        let recent = self.recent_sleep_ns.get();
        self.recent_sleep_ns.set(if recent == u64::MAX { slept } else { (recent * 7 + slept) / 8 });
    }
}

fn result_of(entry: &cqueue::Entry, pending: &mut Pending) -> io::Result<usize> {
    if let Pending::Failed(error) = pending {
        return Err(error.take().unwrap_or_else(|| io::ErrorKind::Other.into()));
    }
    usize::try_from(entry.result()).map_err(|_| io::Error::from_raw_os_error(-entry.result()))
}

/// Errors of entering the ring that mean "look again"; others leave the core unable to work.
fn check_enter(result: io::Result<usize>) {
    if let Err(error) = result {
        let again =
            matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN));
        assert!(again, "io_uring_enter failed: {error}");
    }
}

/// Hand every entry of the queue to the kernel. It takes them all, unless it is out of memory for the moment.
fn submit(ring: &IoUring) {
    loop {
        check_enter(ring.submit());
        // SAFETY: only the length is read, on the thread that alone submits.
        #[allow(unsafe_code)]
        let left = unsafe { ring.submission_shared().len() };
        if left == 0 {
            return;
        }
    }
}

fn submit_with_work(ring: &IoUring) {
    // SAFETY: no argument memory is passed.
    #[allow(unsafe_code)]
    let (queued, work) = unsafe {
        let queue = ring.submission_shared();
        (queue.len() as u32, queue.taskrun() || queue.cq_overflow())
    };
    if queued == 0 && !work {
        return;
    }
    // IORING_ENTER_GETEVENTS runs deferred work although nothing is waited for.
    const GET_EVENTS: u32 = 1;
    // SAFETY: no argument memory is passed.
    #[allow(unsafe_code)]
    let result = unsafe { ring.submitter().enter::<()>(queued, 0, GET_EVENTS, None) };
    check_enter(result);
}

impl Drop for UringDriver {
    fn drop(&mut self) {
        // The kernel may still write into memory of operations in flight until the ring is gone for good.
        for pending in self.pending.get_mut().drain(..) {
            std::mem::forget(pending);
        }
        self.pool.get_mut().unregister(self.ring.get_mut());
    }
}

impl Driver for UringDriver {
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn unix_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn random_u64(&self) -> u64 {
        // splitmix64 over a seed from the kernel: for ids and jitter, not for secrets.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn descriptor_limit(&self) -> Option<usize> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current.and_then(|count| usize::try_from(count).ok())
    }

    fn submit(&self, token: Token, operation: Operation) {
        let key = pending::key(token);
        let mut slots = self.pending.borrow_mut();
        if slots.len() <= key {
            slots.resize_with(key + 1, || None);
        }
        if let Operation::ReceiveMany { socket } = operation {
            slots[key] = Some(Pending::ReceiveMany { socket, cancelled: false });
            drop(slots);
            self.start_receive(token, socket);
            return;
        }
        let slot = &mut slots[key];
        match Pending::begin(operation) {
            Ok(pending) => {
                let entry = slot.insert(pending).entry();
                drop(slots);
                self.push(entry.user_data(token.0));
            }
            Err(error) => {
                *slot = Some(Pending::Failed(Some(error)));
                drop(slots);
                self.push(opcode::Nop::new().build().user_data(token.0));
            }
        }
    }

    fn cancel(&self, token: Token) {
        let mut starved = self.starved.borrow_mut();
        if let Some(index) = starved.iter().position(|(waiting, _)| *waiting == token) {
            starved.swap_remove(index);
            drop(starved);
            if let Some(slot) = self.pending.borrow_mut().get_mut(pending::key(token)) {
                *slot = Some(Pending::Failed(Some(io::Error::from_raw_os_error(libc::ECANCELED))));
            }
            self.push(opcode::Nop::new().build().user_data(token.0));
            return;
        }
        drop(starved);
        // Its refusal for want of buffers may wait in the completion queue, where the kernel finds nothing to cancel.
        if let Some(Some(Pending::ReceiveMany { cancelled, .. })) =
            self.pending.borrow_mut().get_mut(pending::key(token))
        {
            *cancelled = true;
        }
        self.push(opcode::AsyncCancel::new(token.0).build().user_data(CANCELLED));
    }

    fn poll(&self, completions: &mut Vec<Completion>) {
        self.recycle();
        self.enter();
        self.collect(completions);
    }

    fn wait(&self, deadline: Option<Instant>, completions: &mut Vec<Completion>) {
        self.recycle();
        self.collect(completions);
        if completions.is_empty() {
            // A refusal for want of buffers may have been collected just now, when buffers are free again: nobody
            // would wake this core for it.
            self.recycle();
            if self.spin(deadline) {
                self.enter();
            } else {
                self.sleep(deadline);
            }
            self.collect(completions);
        } else {
            self.enter();
        }
    }

    fn notify(&self, peer: &Arc<CoreSignal>) {
        let entry = opcode::MsgRingData::new(types::Fd(peer.ring()), 0, NOTIFIED, None).build();
        let mut peers = self.peers.borrow_mut();
        if peers.len() <= peer.core {
            peers.resize_with(peer.core + 1, || None);
        }
        peers[peer.core].get_or_insert_with(|| Arc::clone(peer));
        drop(peers);
        self.push(entry.user_data(NOTIFY_SENT | (peer.core as u64) << 8));
    }

    fn signal(&self) -> Arc<CoreSignal> {
        Arc::clone(&self.signal)
    }

    fn listen(&self, address: SocketAddr, buffers: SocketBuffers) -> io::Result<(Descriptor, SocketAddr)> {
        sockets::listen(address, buffers)
    }

    fn duplicate(&self, descriptor: Descriptor) -> io::Result<Descriptor> {
        sockets::duplicate(descriptor)
    }

    fn shutdown(&self, socket: Descriptor) {
        sockets::shutdown(socket);
    }

    fn close(&self, descriptor: Descriptor) {
        // Entries that wait in the queue name descriptors by number, and the number may be another's in a moment.
        let mut ring = self.ring.borrow_mut();
        if !ring.submission().is_empty() {
            submit(&ring);
        }
        drop(ring);
        // SAFETY: the owning type gives its descriptor up exactly once, here.
        #[allow(unsafe_code)]
        drop(unsafe { OwnedFd::from_raw_fd(descriptor.0) });
    }

    fn send_file(
        &self,
        socket: Descriptor,
        file: Descriptor,
        position: u64,
        length: usize,
    ) -> io::Result<usize> {
        sockets::send_file(socket, file, position, length)
    }

    fn open(&self, path: &Path, options: OpenOptions) -> io::Result<Descriptor> {
        files::open(path, options)
    }

    fn size(&self, file: Descriptor) -> io::Result<u64> {
        files::size(file)
    }

    fn set_size(&self, file: Descriptor, size_bytes: u64) -> io::Result<()> {
        files::set_size(file, size_bytes)
    }

    fn set_modified(&self, file: Descriptor, modified_ms: i64) -> io::Result<()> {
        files::set_modified(file, modified_ms)
    }

    fn write_at(&self, file: Descriptor, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        files::write_at(file, buffers, position)
    }

    fn read_at(&self, file: Descriptor, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        files::read_at(file, buffer, position)
    }

    fn is_cached(&self, file: Descriptor, position: u64, length: usize) -> bool {
        files::is_cached(file, position, length)
    }

    fn lock(&self, file: Descriptor) -> io::Result<()> {
        files::lock(file)
    }

    fn metadata(&self, path: &Path) -> io::Result<Option<Metadata>> {
        files::metadata(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        files::space(path)
    }

    fn process_usage(&self) -> Option<ProcessUsage> {
        process::read().ok()
    }

    fn list_directory(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        files::list_directory(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }
}
