//! One suite for both drivers: what a task may rely on, on io_uring and in the simulator under many seeds.

#![allow(clippy::unwrap_used)]

mod cores;
mod disk;
mod sockets;
mod timers;

use std::{
    path::PathBuf,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use jackdaw_ring::{Executor, Listener, Socket, UringConfig, UringDriver, spawn};
use jackdaw_sim::World;

/// Seeds that every simulated test runs under.
const SEEDS: u64 = 12;

/// Where a body runs.
struct Place {
    /// A directory of its own.
    directory: PathBuf,
    /// More bytes than a connection's two sockets hold.
    large_bytes: usize,
}

/// Run a body on the kernel, with a directory of its own.
fn on_uring<F: Future<Output = ()> + 'static>(body: impl FnOnce(Place) -> F) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("jackdaw-conformance-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let driver = UringDriver::new(&UringConfig::default()).unwrap();
    Executor::new(Rc::new(driver)).run(body(Place { directory: directory.clone(), large_bytes: 48 << 20 }));
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Run a body in the simulator under many seeds, each twice: the traces must agree.
fn simulated<F: Future<Output = ()> + 'static>(body: impl Fn(Place) -> F) {
    for seed in 0..SEEDS {
        let trace = || {
            let world = World::new(seed);
            let host = world.add_host();
            host.start(1);
            let handle =
                host.spawn(0, body(Place { directory: PathBuf::from("data"), large_bytes: 600_000 }));
            world.run(Duration::from_secs(600), handle);
            (world.trace_hash(), world.trace_count())
        };
        assert_eq!(trace(), trace(), "seed {seed} gave two different runs");
    }
}

/// A connection to oneself: the client's end and the server's.
async fn pair() -> (Socket, Socket) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = spawn(async move { Socket::connect(address).await.unwrap() });
    let server = listener.accept().await.unwrap();
    (client.await, server)
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> bytes::Bytes {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect::<Vec<u8>>().into()
}

async fn receive_exactly(socket: &Socket, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < length {
        all.extend_from_slice(&socket.receive().await.unwrap().expect("more bytes"));
    }
    all
}

/// Each body becomes two tests.
macro_rules! on_both {
    ($($body:path as $name:ident),* $(,)?) => {
        mod uring {
            $(#[test] fn $name() { crate::on_uring($body) })*
        }
        mod simulated {
            $(#[test] fn $name() { crate::simulated($body) })*
        }
    };
}

on_both! {
    crate::sockets::echoes_small_and_large as echoes_small_and_large,
    crate::sockets::keeps_bytes_over_cancelled_receives as keeps_bytes_over_cancelled_receives,
    crate::sockets::receives_into_a_buffer as receives_into_a_buffer,
    crate::sockets::receives_into_a_buffer_short_at_the_end as receives_into_a_buffer_short_at_the_end,
    crate::sockets::sends_wait_for_a_slow_reader as sends_wait_for_a_slow_reader,
    crate::sockets::sends_files_in_order as sends_files_in_order,
    crate::sockets::a_peer_that_goes_is_an_end_or_an_error as a_peer_that_goes_is_an_end_or_an_error,
    crate::sockets::shutdown_ends_a_receive_in_flight as shutdown_ends_a_receive_in_flight,
    crate::sockets::the_peers_end_is_told_before_its_bytes_are_read as the_peers_end_is_told_before_its_bytes_are_read,
    crate::sockets::nobody_listens as nobody_listens,
    crate::sockets::an_abandoned_accept_loses_no_socket as an_abandoned_accept_loses_no_socket,
    crate::sockets::reused_descriptors_get_no_old_bytes as reused_descriptors_get_no_old_bytes,
    crate::sockets::a_reader_that_stalls_starves_nobody as a_reader_that_stalls_starves_nobody,
    crate::disk::writes_reads_and_sizes as writes_reads_and_sizes,
    crate::disk::writes_through_the_ring as writes_through_the_ring,
    crate::disk::opens_as_asked as opens_as_asked,
    crate::disk::directories_and_names as directories_and_names,
    crate::disk::flushes_are_shared as flushes_are_shared,
    crate::disk::an_abandoned_flush_still_counts as an_abandoned_flush_still_counts,
    crate::disk::locks_are_per_process as locks_are_per_process,
    crate::timers::timers_fire_in_order_and_never_early as timers_fire_in_order_and_never_early,
    crate::timers::a_timeout_drops_what_it_waited_for as a_timeout_drops_what_it_waited_for,
    crate::timers::many_timers_at_once as many_timers_at_once,
    crate::cores::tasks_share_their_core as tasks_share_their_core,
    crate::cores::a_cancelled_task_is_dropped as a_cancelled_task_is_dropped,
}
