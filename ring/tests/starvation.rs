//! Few receive buffers: what happens when there are none, and who gets them back.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::{Executor, Listener, Socket, UringConfig, UringDriver, sleep, spawn, timeout};

/// Four buffers of 1 KiB.
fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let config = UringConfig { receive_buffers: 4, receive_buffer_bytes: 1024, ..UringConfig::default() };
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(future)
}

async fn pair() -> (Socket, Socket) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = spawn(async move { Socket::connect(address).await.unwrap() });
    let server = listener.accept().await.unwrap();
    (client.await, server)
}

/// Take all four buffers.
async fn hoard(server: &Socket) -> Vec<Bytes> {
    let mut held = Vec::new();
    while let Ok(chunk) = timeout(Duration::from_millis(30), server.receive()).await {
        held.push(chunk.unwrap().unwrap());
    }
    assert_eq!(held.len(), 4);
    held
}

async fn receive_exactly(socket: &Socket, length: usize) -> usize {
    let mut all = 0;
    while all < length {
        all += socket.receive().await.unwrap().expect("more bytes").len();
    }
    all
}

#[test]
fn buffers_that_another_thread_drops_wake_the_core() {
    run(async {
        let (client, server) = pair().await;
        spawn(async move {
            client.send(vec![Bytes::from(vec![7; 20_000])], false).await.unwrap();
            sleep(Duration::from_secs(100)).await;
        });
        let held = hoard(&server).await;
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(held);
        });
        // Nothing else wakes this core: no timer is due, and the peer has sent what it could.
        let received = timeout(Duration::from_secs(10), receive_exactly(&server, 20_000 - 4096)).await;
        assert!(received.is_ok(), "the core slept on although buffers were free");
        thread.join().unwrap();
    });
}

#[test]
fn a_starved_receive_can_be_cancelled() {
    run(async {
        let (client, server) = pair().await;
        client.send(vec![Bytes::from(vec![7; 6000])], false).await.unwrap();
        let held = hoard(&server).await;
        // The pooled receive starves; a receive into one's own buffer needs none and takes over.
        let rest =
            timeout(Duration::from_secs(5), server.receive_into(BytesMut::with_capacity(1904), 1904)).await;
        assert_eq!(rest.unwrap().unwrap().len(), 1904);
        drop(held);
    });
}

#[test]
fn many_starved_connections_all_go_on() {
    run(async {
        let mut readers = Vec::new();
        for _ in 0..20 {
            let (client, server) = pair().await;
            spawn(async move {
                for _ in 0..10 {
                    client.send(vec![Bytes::from(vec![1; 5000])], false).await.unwrap();
                }
                sleep(Duration::from_secs(100)).await;
            });
            readers.push(spawn(async move {
                let mut left = 50_000;
                while left > 0 {
                    let chunk = server.receive().await.unwrap().expect("more bytes");
                    left -= chunk.len();
                    if left % 3 == 0 {
                        // Holds its buffer for a while.
                        sleep(Duration::from_micros(200)).await;
                    }
                }
            }));
        }
        for reader in readers {
            assert!(timeout(Duration::from_secs(20), reader).await.is_ok(), "a connection starved for good");
        }
    });
}

#[test]
fn dropped_starved_connections_take_nothing_with_them() {
    run(async {
        for _ in 0..30 {
            let (client, server) = pair().await;
            client.send(vec![Bytes::from(vec![7; 6000])], false).await.unwrap();
            let held = hoard(&server).await;
            drop(server);
            // The number of the dropped socket is given out again; its starved receive must not live on there.
            let (new_client, new_server) = pair().await;
            drop(held);
            new_client.send(vec![Bytes::from(vec![8; 3000])], false).await.unwrap();
            let received = timeout(Duration::from_secs(5), receive_exactly(&new_server, 3000)).await;
            assert_eq!(received.unwrap(), 3000);
            drop(client);
        }
    });
}

#[test]
fn a_connection_that_nobody_reads_holds_its_share_only() {
    let config = UringConfig { receive_buffers: 64, receive_buffer_bytes: 1024, ..UringConfig::default() };
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(async {
        let (flood, stalled) = pair().await;
        flood.send(vec![Bytes::from(vec![1; 1])], false).await.unwrap();
        assert_eq!(receive_exactly(&stalled, 1).await, 1);
        // The receive stays armed, and what comes is not taken. (What comes in one burst the kernel may spread over all
        // buffers before anybody looks; so this comes piece by piece.)
        let (started, starts) = jackdaw_ring::channel::once();
        spawn(async move {
            for _ in 0..200 {
                flood.send(vec![Bytes::from(vec![1; 1024])], false).await.unwrap();
                sleep(Duration::from_micros(50)).await;
            }
            started.send(());
            sleep(Duration::from_secs(100)).await;
        });
        starts.await.unwrap();
        let (client, server) = pair().await;
        client.send(vec![Bytes::from(vec![2; 20_000])], false).await.unwrap();
        let received = timeout(Duration::from_secs(5), receive_exactly(&server, 20_000)).await;
        assert!(received.is_ok(), "one connection took all buffers");
        assert_eq!(receive_exactly(&stalled, 200 * 1024).await, 200 * 1024);
    });
}

/// Send one buffer's worth after the other, so that each is a result of its own.
async fn trickle(client: &Socket, count: usize) {
    for _ in 0..count {
        client.send(vec![Bytes::from(vec![1; 1024])], false).await.unwrap();
        sleep(Duration::from_micros(50)).await;
    }
}

#[test]
fn connections_that_nobody_reads_leave_buffers_to_others() {
    let config = UringConfig { receive_buffers: 64, receive_buffer_bytes: 1024, ..UringConfig::default() };
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(async {
        let mut stalled = Vec::new();
        for _ in 0..30 {
            let (client, server) = pair().await;
            client.send(vec![Bytes::from(vec![1; 1])], false).await.unwrap();
            assert_eq!(receive_exactly(&server, 1).await, 1);
            // Arms the receive, which nobody takes from then.
            assert!(timeout(Duration::from_millis(1), server.receive()).await.is_err());
            trickle(&client, 50).await;
            stalled.push((client, server));
        }
        let (client, server) = pair().await;
        client.send(vec![Bytes::from(vec![2; 20_000])], false).await.unwrap();
        let received = timeout(Duration::from_secs(5), receive_exactly(&server, 20_000)).await;
        assert!(received.is_ok(), "connections that nobody reads took all buffers");
        for (_client, server) in &stalled {
            assert_eq!(receive_exactly(server, 50 * 1024).await, 50 * 1024);
        }
    });
}

#[test]
fn bytes_that_are_held_never_take_the_last_buffers() {
    let config = UringConfig { receive_buffers: 64, receive_buffer_bytes: 1024, ..UringConfig::default() };
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(async {
        let (client, server) = pair().await;
        let mut held = Vec::new();
        for _ in 0..200 {
            trickle(&client, 1).await;
            let received = timeout(Duration::from_secs(5), server.receive()).await;
            held.push(received.expect("held bytes took all buffers").unwrap().unwrap());
        }
        let all: usize = held.iter().map(Bytes::len).sum();
        assert_eq!(all, 200 * 1024);
        assert!(held.iter().all(|chunk| chunk.iter().all(|byte| *byte == 1)));
    });
}

#[test]
fn a_paused_receive_loses_nothing_and_starts_again() {
    run(async {
        let (client, server) = pair().await;
        assert!(timeout(Duration::from_millis(1), server.receive()).await.is_err());
        server.pause_receiving();
        client.send(vec![Bytes::from(vec![3; 9000])], false).await.unwrap();
        assert_eq!(receive_exactly(&server, 9000).await, 9000);
    });
}

/// On the driver itself: the refusal for want of buffers is in the completion queue when the core is about to sleep,
/// and buffers have returned meanwhile.
#[test]
fn a_refusal_seen_just_before_the_sleep_is_not_slept_over() {
    use std::io::Write;

    use jackdaw_ring::driver::{Descriptor, Driver, Operation, Payload, Token};

    let config = UringConfig { receive_buffers: 4, receive_buffer_bytes: 1024, ..UringConfig::default() };
    let driver = UringDriver::new(&config).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peers = Vec::new();
    let mut connect = || {
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.write_all(&[5; 4096]).unwrap();
        peers.push(peer);
        Descriptor(std::os::fd::IntoRawFd::into_raw_fd(listener.accept().unwrap().0))
    };
    let (first, second) = (connect(), connect());
    let mut completions = Vec::new();
    driver.submit(Token(1 << 32), Operation::ReceiveMany { socket: first });
    let mut held = Vec::new();
    while held.len() < 4 {
        driver.poll(&mut completions);
        for completion in completions.drain(..) {
            if let Payload::Chunks(chunks) = completion.payload {
                held.extend(chunks);
            }
        }
    }
    driver.submit(Token((2 << 32) | 1), Operation::ReceiveMany { socket: second });
    // Closing submits what is queued, and collects nothing.
    let spare = driver.duplicate(first).unwrap();
    driver.close(spare);
    drop(held);
    let deadline = jackdaw_ring::Instant(driver.now().0 + 2_000_000_000);
    driver.wait(Some(deadline), &mut completions);
    assert!(!completions.is_empty(), "the core slept although buffers were free");
    driver.close(first);
    driver.close(second);
}
