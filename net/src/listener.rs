//! Accepting: every core accepts, and hands a connection on where another core has clearly fewer.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jackdaw_ring::{Listener, Socket, file::is_out_of_descriptors, sleep, socket::Detached, unix_ms};

use crate::{
    limits::ACCEPT_PAUSE,
    refusals::{Refusal, Refusals},
};

/// Connections that come at once may be ahead of `max.connection.creation.rate` by so much.
const CREATION_BURST_US: u64 = 1_000_000;

/// How many connections each core and each address has: written and read when one is accepted or ends.
#[derive(Clone, Debug)]
pub struct Loads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cores: Vec<AtomicUsize>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// When the next connection is due at the allowed rate, by the wall clock.
    next_creation_us: AtomicU64,
}

/// What the configuration allows, when a connection is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// `max.connections`.
    pub connections: usize,
    /// What the limit on descriptors leaves for connections.
    pub descriptors: usize,
    /// `max.connections.per.ip`, or what its overrides say of the address.
    pub of_address: usize,
    /// `max.connection.creation.rate`, a second.
    pub creation_rate: u64,
}

impl Loads {
    pub fn new(cores: usize) -> Self {
        Self(Arc::new(Shared {
            cores: (0..cores).map(|_| AtomicUsize::new(0)).collect(),
            addresses: Mutex::default(),
            next_creation_us: AtomicU64::new(0),
        }))
    }

    /// Count a connection of `address` in on this core until the guard drops.
    pub fn enter(&self, core: usize, address: IpAddr) -> Load {
        self.0.cores[core].fetch_add(1, Ordering::Relaxed);
        *self.addresses().entry(address).or_default() += 1;
        Load { loads: self.clone(), core, address }
    }

    pub fn total(&self) -> usize {
        self.0.cores.iter().map(|load| load.load(Ordering::Relaxed)).sum()
    }

    /// How many connections this address has.
    pub fn of_address(&self, address: IpAddr) -> usize {
        self.addresses().get(&address).copied().unwrap_or(0)
    }

    fn addresses(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The core that should take the next connection: `own`, unless another has at least two fewer, so that a
    /// connection moves only where that evens things out.
    fn choose(&self, own: usize) -> usize {
        let count = |core: usize| self.0.cores[core].load(Ordering::Relaxed);
        let least = (0..self.0.cores.len()).min_by_key(|core| count(*core)).unwrap_or(own);
        if count(least) + 2 <= count(own) { least } else { own }
    }

    /// Which of the limits another connection of `address` would pass.
    fn refuses(&self, address: IpAddr, allowed: &Allowed) -> Option<Refusal> {
        let total = self.total();
        if total >= allowed.connections {
            return Some(Refusal::MaxConnections);
        }
        if total >= allowed.descriptors {
            return Some(Refusal::Descriptors);
        }
        (self.of_address(address) >= allowed.of_address).then_some(Refusal::MaxConnectionsPerIp)
    }

    /// Take the next connection's place at a rate of `rate` a second; how long it has to wait for it.
    fn wait_for_rate(&self, rate: u64, now_us: u64) -> Duration {
        let interval_us = 1_000_000 / rate.max(1);
        let mut due_us = 0;
        let next = |next_us: u64| {
            // The clock may have gone back.
            let cores = self.0.cores.len() as u64;
            due_us = next_us.clamp(now_us, now_us + CREATION_BURST_US + interval_us * cores);
            Some(due_us + interval_us)
        };
        let _ = self.0.next_creation_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Duration::from_micros(due_us.saturating_sub(now_us + CREATION_BURST_US))
    }
}

/// Counts one connection.
pub struct Load {
    loads: Loads,
    core: usize,
    address: IpAddr,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.loads.0.cores[self.core].fetch_sub(1, Ordering::Relaxed);
        let mut addresses = self.loads.addresses();
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// Where an accepted connection goes. It is counted from here on: connections on their way to another core are not
/// yet its own, and a burst of them must neither pile up there nor pass `max.connections`.
pub enum Placed {
    Here(Socket, Load),
    Other(usize, Detached, Load),
}

/// Accept for ever, telling `place` each connection and its core. `allowed` is asked anew each time: it may change.
pub async fn accept(
    listener: &Listener,
    core: usize,
    loads: &Loads,
    allowed: impl Fn(SocketAddr) -> Allowed,
    place: impl Fn(Placed),
) {
    let refusals = Refusals::own();
    loop {
        let socket = match listener.accept().await {
            Ok(socket) => socket,
            Err(error) => {
                explain(&error, &refusals);
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (address, allowed) = (socket.peer().ip(), allowed(socket.peer()));
        if let Some(refusal) = loads.refuses(address, &allowed) {
            refused(refusal, &socket, &allowed, &refusals);
            continue;
        }
        let chosen = loads.choose(core);
        let load = loads.enter(chosen, address);
        let now_us = u64::try_from(unix_ms()).unwrap_or(0).saturating_mul(1000);
        let wait = loads.wait_for_rate(allowed.creation_rate, now_us);
        if !wait.is_zero() {
            if let Some(others) = refusals.count(Refusal::CreationRate) {
                let rate = allowed.creation_rate;
                tracing::warn!(peer = %socket.peer(), rate, others,
                    "connections wait: more come a second than max.connection.creation.rate allows");
            }
            sleep(wait).await;
        }
        if chosen == core {
            place(Placed::Here(socket, load));
        } else {
            place(Placed::Other(chosen, socket.detach(), load));
        }
    }
}

fn refused(refusal: Refusal, socket: &Socket, allowed: &Allowed, refusals: &Refusals) {
    let Some(others) = refusals.count(refusal) else { return };
    let peer = socket.peer();
    match refusal {
        Refusal::Descriptors => {
            let connections = allowed.descriptors;
            tracing::warn!(%peer, connections, others,
                "refused a connection: the rest of the limit on open files is for files; raise it (`ulimit -n`, \
                 LimitNOFILE=), or set max.connections");
        }
        Refusal::MaxConnectionsPerIp => {
            let connections = allowed.of_address;
            tracing::warn!(%peer, connections, others, "refused a connection: max.connections.per.ip reached");
        }
        _ => {
            let connections = allowed.connections;
            tracing::warn!(%peer, connections, others, "refused a connection: max.connections reached");
        }
    }
}

/// Say what stopped an accept.
fn explain(error: &io::Error, refusals: &Refusals) {
    if !is_out_of_descriptors(error) {
        tracing::info!(%error, "cannot accept a connection");
    } else if let Some(others) = refusals.count(Refusal::Descriptors) {
        tracing::warn!(
            others,
            "cannot accept a connection: no file descriptor is left; raise the limit (`ulimit -n`, LimitNOFILE=)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const ALLOWED: Allowed = Allowed { connections: 3, descriptors: 9, of_address: 2, creation_rate: 10 };

    #[test]
    fn each_limit_is_told_apart() {
        let loads = Loads::new(2);
        let first = loads.enter(0, ONE);
        let _second = loads.enter(1, ONE);
        assert_eq!(loads.refuses(ONE, &ALLOWED), Some(Refusal::MaxConnectionsPerIp));
        assert_eq!(loads.refuses(OTHER, &ALLOWED), None);
        assert_eq!(loads.refuses(ONE, &Allowed { of_address: 3, ..ALLOWED }), None);
        assert_eq!(loads.refuses(OTHER, &Allowed { descriptors: 2, ..ALLOWED }), Some(Refusal::Descriptors));
        assert_eq!(
            loads.refuses(OTHER, &Allowed { connections: 2, ..ALLOWED }),
            Some(Refusal::MaxConnections)
        );
        drop(first);
        assert_eq!((loads.refuses(ONE, &ALLOWED), loads.of_address(ONE)), (None, 1));
        assert_eq!(loads.total(), 1);
        assert!(loads.addresses().len() == 1, "an address without connections is forgotten");
    }

    #[test]
    fn connections_beyond_the_rate_wait() {
        let loads = Loads::new(1);
        let now_us = 5_000_000;
        let waits: Vec<u64> = (0..14).map(|_| loads.wait_for_rate(10, now_us).as_millis() as u64).collect();
        // A second's worth comes at once.
        assert!(waits[..11].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[11..], [100, 100, 100]);
        // Later there is room again, also where the clock has gone back.
        assert_eq!(loads.wait_for_rate(10, now_us + 2_000_000), Duration::ZERO);
        assert!(loads.wait_for_rate(10, 1_000_000) <= Duration::from_millis(100));
    }
}
