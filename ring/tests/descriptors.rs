//! No descriptor left: accepts, connects and opens fail, and work again when some are free.
//!
//! The limit is the process's, so each test runs itself again in a child.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use jackdaw_ring::{
    Executor, File, Listener, Socket, UringConfig, UringDriver, file::OpenOptions, sleep, spawn, timeout,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CHILD: &str = "JACKDAW_RING_CHILD";

/// Run the test of this name in a process of its own; true if this is that process.
fn is_child(name: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    false
}

fn run(future: impl Future<Output = ()> + 'static) {
    Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap())).run(future);
}

/// Allow no descriptor beyond those that are open.
fn exhaust() -> Vec<std::fs::File> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
    let mut fillers = Vec::new();
    while let Ok(filler) = std::fs::File::open("/dev/null") {
        fillers.push(filler);
    }
    fillers
}

#[test]
fn accept_says_so_and_recovers() {
    if !is_child("accept_says_so_and_recovers") {
        return;
    }
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        // The client lives in another process's stead: its descriptor is taken before there are none.
        let mut fillers = exhaust();
        fillers.pop();
        let client = Socket::connect(address).await.unwrap();
        let refused = timeout(Duration::from_secs(5), listener.accept()).await.unwrap();
        assert_eq!(refused.err().and_then(|error| error.raw_os_error()), Some(libc::EMFILE));
        fillers.pop();
        let server = timeout(Duration::from_secs(5), listener.accept()).await.unwrap().unwrap();
        client.send(vec![Bytes::from_static(b"hello")], false).await.unwrap();
        assert_eq!(server.receive().await.unwrap().unwrap(), "hello");
    });
}

#[test]
fn open_and_connect_say_so_and_recover() {
    if !is_child("open_and_connect_say_so_and_recover") {
        return;
    }
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listening = spawn(async move {
            loop {
                match listener.accept().await {
                    Ok(socket) => return socket,
                    // What a server does: wait for others to close.
                    Err(_) => sleep(Duration::from_millis(1)).await,
                }
            }
        });
        let mut fillers = exhaust();
        let code = |error: std::io::Error| error.raw_os_error();
        let refused = File::open("/dev/null".as_ref(), OpenOptions::default()).err().and_then(code);
        assert_eq!(refused, Some(libc::EMFILE));
        assert_eq!(Socket::connect(address).await.err().and_then(code), Some(libc::EMFILE));
        fillers.truncate(fillers.len() - 2);
        let client = Socket::connect(address).await.unwrap();
        let server = listening.await;
        client.send(vec![Bytes::from_static(b"hello")], false).await.unwrap();
        assert_eq!(server.receive().await.unwrap().unwrap(), "hello");
    });
}

#[test]
fn a_connection_on_its_way_is_closed_when_nobody_takes_it() {
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let client = Socket::connect(address).await.unwrap();
        let server = listener.accept().await.unwrap();
        drop(server.detach());
        assert!(timeout(Duration::from_secs(5), client.receive()).await.unwrap().unwrap().is_none());
        let taken = Socket::attach({
            let again = spawn(async move { Socket::connect(address).await.unwrap() });
            let server = listener.accept().await.unwrap();
            drop(again);
            server.detach()
        });
        taken.send(vec![Bytes::from_static(b"x")], false).await.unwrap();
    });
}
