//! The executor on the real kernel: sockets, files, timers, cores.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{io::IoSlice, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::{
    Executor, File, Listener, Socket, UringConfig, UringDriver,
    file::{self, OpenOptions},
    mesh::mesh,
    now, sleep, spawn, timeout,
};

fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    run_with(UringConfig::default(), future)
}

fn run_with<T: 'static>(config: UringConfig, future: impl Future<Output = T> + 'static) -> T {
    let driver = UringDriver::new(&config).unwrap();
    Executor::new(Rc::new(driver)).run(future)
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect::<Vec<u8>>().into()
}

async fn receive_exactly(socket: &Socket, length: usize) -> BytesMut {
    let mut all = BytesMut::new();
    while all.len() < length {
        all.extend_from_slice(&socket.receive().await.unwrap().expect("more bytes"));
    }
    all
}

async fn pair() -> (Socket, Socket) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = spawn(async move { Socket::connect(address).await.unwrap() });
    let server = listener.accept().await.unwrap();
    (client.await, server)
}

#[test]
fn echoes_small_and_large() {
    run(async {
        let (client, server) = pair().await;
        spawn(async move {
            while let Some(chunk) = server.receive().await.unwrap() {
                server.send(vec![chunk], false).await.unwrap();
            }
        });
        client.send(vec![Bytes::from_static(b"hello"), Bytes::from_static(b" there")], false).await.unwrap();
        assert_eq!(&receive_exactly(&client, 11).await[..], b"hello there");
        let client = Rc::new(client);
        let data = pattern(3 << 20);
        let sender = Rc::clone(&client);
        let sent = data.clone();
        spawn(async move { sender.send(vec![sent], false).await.unwrap() });
        assert_eq!(receive_exactly(&client, data.len()).await, data);
    });
}

#[test]
fn receive_into_keeps_what_was_already_received() {
    run(async {
        let (client, server) = pair().await;
        let data = pattern(1 << 20);
        client.send(vec![data.slice(..100)], false).await.unwrap();
        let first = server.receive().await.unwrap().unwrap();
        // Arm the pooled receive again, and drop its future: bytes that arrive meanwhile stay.
        assert!(timeout(Duration::from_millis(5), server.receive()).await.is_err());
        let rest = data.slice(100..);
        spawn(async move {
            client.send(vec![rest], false).await.unwrap();
            sleep(Duration::from_millis(20)).await;
            client.send(vec![Bytes::from_static(b"tail")], false).await.unwrap();
        });
        sleep(Duration::from_millis(5)).await;
        let mut all = BytesMut::with_capacity(data.len());
        all.extend_from_slice(&first);
        let all = server.receive_into(all, data.len()).await.unwrap();
        assert_eq!(all, data);
        assert_eq!(&receive_exactly(&server, 4).await[..], b"tail");
        assert!(server.receive().await.unwrap().is_none());
    });
}

#[test]
fn exhausted_receive_buffers_only_delay() {
    let config = UringConfig { receive_buffers: 4, receive_buffer_bytes: 1024, ..UringConfig::default() };
    run_with(config, async {
        let (client, server) = pair().await;
        let data = pattern(64 * 1024);
        let sent = data.clone();
        spawn(async move { client.send(vec![sent], false).await.unwrap() });
        let mut held = Vec::new();
        let mut length = 0;
        while let Ok(chunk) = timeout(Duration::from_millis(50), server.receive()).await {
            let chunk = chunk.unwrap().unwrap();
            length += chunk.len();
            held.push(chunk);
        }
        assert!(length <= 4 * 1024, "four buffers of 1 KiB hold {length} bytes");
        let mut all = BytesMut::new();
        for chunk in held {
            all.extend_from_slice(&chunk);
        }
        all.extend_from_slice(&receive_exactly(&server, data.len() - length).await);
        assert_eq!(all, data);
    });
}

#[test]
fn a_peer_that_resets_is_an_error_or_an_end() {
    run(async {
        let (client, server) = pair().await;
        client.send(vec![pattern(100_000)], false).await.unwrap();
        drop(server);
        let mut sends = 0;
        while client.send(vec![pattern(100_000)], false).await.is_ok() {
            sends += 1;
            assert!(sends < 1000);
        }
        drop(client);
    });
}

#[test]
fn files_are_written_flushed_and_sent() {
    let directory = std::env::temp_dir().join(format!("jackdaw-ring-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("file");
    run(async move {
        let file =
            File::open(&path, OpenOptions { write: true, create: true, ..OpenOptions::default() }).unwrap();
        let data = pattern(5 << 20);
        let (left, right) = data.split_at(1000);
        file.write_all_at(&mut [IoSlice::new(left), IoSlice::new(right)], 0).unwrap();
        let flushes: Vec<_> = (0..8)
            .map(|_| {
                let file = file.clone();
                spawn(async move { file.sync_data().await })
            })
            .collect();
        for flush in flushes {
            flush.await.unwrap();
        }
        file::sync_directory(path.parent().unwrap()).await.unwrap();
        assert_eq!(file.size().unwrap(), 5 << 20);
        assert!(file.is_cached(0, 5 << 20));
        assert_eq!(file.read(10, 4 << 20).await.unwrap(), data[10..10 + (4 << 20)]);
        let (client, server) = pair().await;
        let sending = file.lease();
        spawn(async move {
            server.send(vec![Bytes::from_static(b"head")], true).await.unwrap();
            server.send_file(&sending, 5, (5 << 20) - 5).await.unwrap();
        });
        let received = receive_exactly(&client, 4 + (5 << 20) - 5).await;
        assert_eq!(&received[..4], b"head");
        assert_eq!(received[4..], data[5..]);
        file::unlink(&path).await.unwrap();
        assert_eq!(file::metadata(&path).unwrap(), None);
        assert!(file::unlink(&path).await.is_err());
        file::remove_directory(path.parent().unwrap()).unwrap();
    });
}

#[test]
fn timers_fire_in_order_and_never_early() {
    run(async {
        let start = now();
        let order = Rc::new(std::cell::RefCell::new(Vec::new()));
        let sleepers: Vec<_> = [30u64, 10, 20, 10]
            .into_iter()
            .map(|millis| {
                let order = Rc::clone(&order);
                spawn(async move {
                    sleep(Duration::from_millis(millis)).await;
                    order.borrow_mut().push(millis);
                    assert!(now().since(start) >= Duration::from_millis(millis));
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await;
        }
        assert_eq!(*order.borrow(), [10, 10, 20, 30]);
    });
}

#[test]
fn cores_wake_each_other() {
    const ROUNDS: u64 = 20_000;
    let mut seats = mesh::<u64>(2, 64);
    let other = seats.pop().unwrap();
    let thread = std::thread::spawn(move || {
        run_with(UringConfig { core: 1, ..UringConfig::default() }, async move {
            let endpoint = other.join();
            loop {
                let (from, value) = endpoint.receive().await;
                endpoint.send(from, value).await;
                if value == ROUNDS {
                    // The answer's wake-up must leave with this core's last turn.
                    sleep(Duration::from_millis(1)).await;
                    return;
                }
            }
        });
    });
    let seat = seats.pop().unwrap();
    run(async move {
        let endpoint = seat.join();
        for value in 1..=ROUNDS {
            endpoint.send(1, value).await;
            assert_eq!(endpoint.receive().await, (1, value));
        }
    });
    thread.join().unwrap();
}

#[test]
fn a_cancelled_task_frees_its_place_and_loses_no_socket() {
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = Rc::new(listener);
        let waiting = Rc::clone(&listener);
        let accepting = spawn(async move { waiting.accept().await.map(drop) });
        sleep(Duration::from_millis(5)).await;
        accepting.cancel();
        sleep(Duration::from_millis(1)).await;
        let _client = Socket::connect(address).await.unwrap();
        assert!(timeout(Duration::from_secs(5), listener.accept()).await.unwrap().is_ok());
    });
}

#[test]
fn a_burst_of_connections_is_accepted_whole() {
    const CONNECTIONS: usize = 200;
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = Rc::new(listener);
        // Arm the accept, then let more connections come than one operation may hold untaken.
        let waiting = Rc::clone(&listener);
        assert!(timeout(Duration::from_millis(1), waiting.accept()).await.is_err());
        let clients: Vec<_> =
            (0..CONNECTIONS).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        sleep(Duration::from_millis(20)).await;
        for _ in 0..CONNECTIONS {
            timeout(Duration::from_secs(5), listener.accept()).await.unwrap().unwrap();
        }
        drop(clients);
    });
}
