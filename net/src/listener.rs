//! Accepting: every core accepts, and hands a connection on where another core has clearly fewer.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jackdaw_ring::{Listener, Socket, sleep, socket::Detached};

/// How many connections each core has: written and read when one is accepted or ends.
#[derive(Clone, Debug)]
pub struct Loads(Arc<Vec<AtomicUsize>>);

impl Loads {
    pub fn new(cores: usize) -> Self {
        Self(Arc::new((0..cores).map(|_| AtomicUsize::new(0)).collect()))
    }

    /// Count a connection in on this core until the guard drops.
    pub fn enter(&self, core: usize) -> Load {
        self.0[core].fetch_add(1, Ordering::Relaxed);
        Load { loads: self.clone(), core }
    }

    pub fn total(&self) -> usize {
        self.0.iter().map(|load| load.load(Ordering::Relaxed)).sum()
    }

    /// The core that should take the next connection: `own`, unless another has at least two fewer, so that a
    /// connection moves only where that evens things out.
    fn choose(&self, own: usize) -> usize {
        let count = |core: usize| self.0[core].load(Ordering::Relaxed);
        let least = (0..self.0.len()).min_by_key(|core| count(*core)).unwrap_or(own);
        if count(least) + 2 <= count(own) { least } else { own }
    }
}

/// Counts one connection.
pub struct Load {
    loads: Loads,
    core: usize,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.loads.0[self.core].fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where an accepted connection goes. It is counted from here on: connections on their way to another core are not
/// yet its own, and a burst of them must neither pile up there nor pass `max.connections`.
pub enum Placed {
    Here(Socket, Load),
    Other(usize, Detached, Load),
}

/// Accept for ever, telling `place` each connection and its core. `max_connections` is asked anew each time: it may
/// change.
pub async fn accept(
    listener: &Listener,
    core: usize,
    loads: &Loads,
    max_connections: impl Fn() -> usize,
    place: impl Fn(Placed),
) {
    loop {
        match listener.accept().await {
            Ok(socket) if loads.total() >= max_connections() => {
                let max_connections = max_connections();
                tracing::warn!(peer = %socket.peer(), max_connections, "refused a connection: max.connections reached");
            }
            Ok(socket) => {
                let chosen = loads.choose(core);
                let load = loads.enter(chosen);
                if chosen == core {
                    place(Placed::Here(socket, load));
                } else {
                    place(Placed::Other(chosen, socket.detach(), load));
                }
            }
            Err(error) => {
                let pause = explain(&error);
                sleep(pause).await;
            }
        }
    }
}

/// Say what stopped an accept, and how long to wait before the next.
fn explain(error: &io::Error) -> Duration {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) {
        tracing::warn!(
            "cannot accept a connection: no file descriptor is left; raise the limit (`ulimit -n`, LimitNOFILE=)"
        );
        return Duration::from_millis(100);
    }
    tracing::info!(%error, "cannot accept a connection");
    Duration::from_millis(10)
}
