//! One single-threaded executor and one io_uring a core: tasks, timers, sockets, files, mailboxes between cores.
//!
//! Everything that touches the world goes through a [`Driver`] object with two implementations: io_uring
//! ([`UringDriver`]) and the simulator's (crate `jackdaw-sim`). The free functions here ([`spawn`], [`sleep`],
//! [`now`] …) act on the executor that is running on this thread, so the same task runs under either driver.
//!
//! What is absent: anything about Kafka, thread pools, work stealing, locks on the path of a request.

pub mod buffers;
pub mod channel;
pub mod clock;
pub mod driver;
mod executor;
pub mod file;
pub mod mailbox;
pub mod mesh;
mod operation;
pub mod placement;
mod process;
pub mod signal;
mod sleep_flag;
pub mod socket;
mod task;
mod timer;
mod uring;

pub use clock::Instant;
pub use driver::Driver;
pub use executor::{
    Executor, Usage, descriptor_limit, local, next_turn, now, random_u64, spawn, unix_ms, usage, yield_now,
};
pub use file::{File, FileLease};
pub use process::{ProcessUsage, process_usage};
pub use socket::{Listener, Socket};
pub use task::JoinHandle;
pub use timer::{Elapsed, sleep, sleep_until, timeout};
pub use uring::{UringConfig, UringDriver, probe};
