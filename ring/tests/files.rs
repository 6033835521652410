//! Files that are sent: sockets share a turn, leases close in time, what the cache lost is read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{
    cell::{Cell, RefCell},
    io::IoSlice,
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use jackdaw_ring::{
    Executor, File, Listener, Socket, UringConfig, UringDriver, file::OpenOptions, spawn, timeout, yield_now,
};

fn run(future: impl Future<Output = ()> + 'static) -> Executor {
    let executor = Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap()));
    executor.run(async move { timeout(Duration::from_secs(30), future).await.expect("the test hangs") });
    executor
}

async fn pair() -> (Socket, Socket) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = spawn(async move { Socket::connect(address).await.unwrap() });
    let server = listener.accept().await.unwrap();
    (client.await, server)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

/// A file with this content, in a place of its own.
fn file(name: &str, content: &[u8]) -> (File, PathBuf) {
    let path = std::env::temp_dir().join(format!("jackdaw-files-{name}-{}", std::process::id()));
    let options = OpenOptions { write: true, create: true, truncate: true, ..OpenOptions::default() };
    let file = File::open(&path, options).unwrap();
    file.write_all_at(&mut [IoSlice::new(content)], 0).unwrap();
    (file, path)
}

async fn drain(socket: Socket, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < length {
        all.extend_from_slice(&socket.receive().await.unwrap().expect("more bytes"));
    }
    all
}

#[test]
fn a_range_that_the_cache_lost_is_read_and_sent() {
    run(async {
        let content = pattern(3 << 20);
        let (file, path) = file("cold", &content);
        file.sync_data().await.unwrap();
        let evicted = std::fs::File::open(&path).unwrap();
        rustix::fs::fadvise(&evicted, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        let (client, server) = pair().await;
        let lease = file.lease();
        let sending = spawn(async move { server.send_file(&lease, 100, (3 << 20) - 100).await.unwrap() });
        assert!(drain(client, (3 << 20) - 100).await == content[100..]);
        sending.await;
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_range_beyond_the_end_is_an_error() {
    run(async {
        let (file, path) = file("short", &pattern(1000));
        let (_client, server) = pair().await;
        let error = server.send_file(&file.lease(), 0, 5000).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn many_senders_share_the_cores_turn() {
    run(async {
        const SIZE: usize = 8 << 20;
        let content = pattern(SIZE);
        let (file, path) = file("shared", &content);
        let mut tasks = Vec::new();
        for _ in 0..6 {
            let (client, server) = pair().await;
            let lease = file.lease();
            tasks.push(spawn(async move { server.send_file(&lease, 0, SIZE).await.unwrap() }));
            let expected = content.clone();
            tasks.push(spawn(async move { assert!(drain(client, SIZE).await == expected) }));
        }
        for task in tasks {
            task.await;
        }
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_core_that_is_never_idle_closes_returned_files_and_accounts_its_time() {
    let executor = Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap()));
    let inner = executor.clone();
    executor.run(async move {
        let (file, path) = file("leased", b"x");
        let lease = file.lease();
        drop(file);
        drop(lease);
        let leased = RefCell::new(path.clone());
        let is_open = || {
            std::fs::read_dir("/proc/self/fd").unwrap().any(|entry| {
                std::fs::read_link(entry.unwrap().path()).is_ok_and(|target| target == *leased.borrow())
            })
        };
        assert!(is_open());
        let before = inner.usage();
        let turns = Cell::new(0);
        while is_open() {
            turns.set(turns.get() + 1);
            assert!(turns.get() < 1_000, "the file stays open while the core is busy");
            // Always ready: the core never sleeps.
            for _ in 0..300 {
                yield_now().await;
            }
        }
        assert_eq!(inner.usage().sleeps, before.sleeps, "the core slept");
        assert!(inner.usage().busy_ns > before.busy_ns);
        std::fs::remove_file(path).unwrap();
    });
}
