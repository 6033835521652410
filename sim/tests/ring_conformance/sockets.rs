//! Streams.

use std::{cell::Cell, io::IoSlice, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::{
    File, Listener, Socket,
    file::{self, OpenOptions},
    sleep, spawn, timeout,
};

use crate::{Place, pair, pattern, receive_exactly};

pub(crate) async fn echoes_small_and_large(_: Place) {
    let (client, server) = pair().await;
    spawn(async move {
        while let Some(chunk) = server.receive().await.unwrap() {
            server.send(vec![chunk], false).await.unwrap();
        }
    });
    client.send(vec![Bytes::from_static(b"hello"), Bytes::from_static(b" there")], false).await.unwrap();
    assert_eq!(&receive_exactly(&client, 11).await[..], b"hello there");
    let client = Rc::new(client);
    let data = pattern(200_000);
    let sender = Rc::clone(&client);
    // More slices than one system call takes.
    let slices: Vec<Bytes> = (0..200).map(|number| data.slice(number * 1000..(number + 1) * 1000)).collect();
    spawn(async move { sender.send(slices, false).await.unwrap() });
    assert_eq!(receive_exactly(&client, data.len()).await, data);
}

pub(crate) async fn keeps_bytes_over_cancelled_receives(_: Place) {
    let (client, server) = pair().await;
    let data = pattern(60_000);
    let sent = data.clone();
    spawn(async move {
        for part in 0..60 {
            client.send(vec![sent.slice(part * 1000..(part + 1) * 1000)], false).await.unwrap();
            sleep(Duration::from_micros(200)).await;
        }
        sleep(Duration::from_millis(5)).await;
    });
    let mut all = Vec::new();
    while all.len() < data.len() {
        // The future is dropped again and again with a receive in flight.
        if let Ok(received) = timeout(Duration::from_micros(100), server.receive()).await {
            all.extend_from_slice(&received.unwrap().expect("more bytes"));
        }
    }
    assert_eq!(all, data);
}

pub(crate) async fn receives_into_a_buffer(_: Place) {
    let (client, server) = pair().await;
    let data = pattern(300_000);
    client.send(vec![data.slice(..100)], false).await.unwrap();
    let first = server.receive().await.unwrap().unwrap();
    let rest = data.slice(100..);
    // A pooled receive is in flight, and takes bytes, when the other kind begins.
    assert!(
        timeout(Duration::from_millis(5), async {
            if first.len() == 100 { server.receive().await.map(drop) } else { std::future::pending().await }
        })
        .await
        .is_err()
    );
    spawn(async move {
        client.send(vec![rest], false).await.unwrap();
        client.send(vec![Bytes::from_static(b"tail")], false).await.unwrap();
        while client.receive().await.unwrap().is_some() {}
    });
    let mut all = BytesMut::with_capacity(data.len());
    all.extend_from_slice(&first);
    let all = server.receive_into(all, data.len()).await.unwrap();
    assert_eq!(all, data);
    assert_eq!(&receive_exactly(&server, 4).await[..], b"tail");
}

pub(crate) async fn receives_into_a_buffer_short_at_the_end(_: Place) {
    let (client, server) = pair().await;
    client.send(vec![pattern(500)], false).await.unwrap();
    drop(client);
    let all = server.receive_into(BytesMut::with_capacity(4000), 4000).await.unwrap();
    assert_eq!(all, pattern(500));
    assert!(server.receive().await.unwrap().is_none());
}

pub(crate) async fn sends_wait_for_a_slow_reader(Place { large_bytes, .. }: Place) {
    let (client, server) = pair().await;
    let data = pattern(large_bytes);
    let sent = data.clone();
    let done = Rc::new(Cell::new(false));
    let finished = Rc::clone(&done);
    let sending = spawn(async move {
        client.send(vec![sent], false).await.unwrap();
        finished.set(true);
        client
    });
    sleep(Duration::from_millis(50)).await;
    // The reader reads nothing yet, and no two sockets hold so much.
    assert!(!done.get());
    assert!(receive_exactly(&server, data.len()).await == data);
    drop(sending.await);
    assert!(server.receive().await.unwrap().is_none());
}

pub(crate) async fn sends_files_in_order(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let path = directory.join("segment");
    let options = OpenOptions { write: true, create: true, ..OpenOptions::default() };
    let segment = File::open(&path, options).unwrap();
    let data = pattern(3 << 20);
    segment.write_all_at(&mut [IoSlice::new(&data)], 0).unwrap();
    let (client, server) = pair().await;
    spawn(async move {
        server.send(vec![Bytes::from_static(b"head")], true).await.unwrap();
        server.send_file(&segment.lease(), 5, (3 << 20) - 10).await.unwrap();
        server.send(vec![Bytes::from_static(b"tail")], false).await.unwrap();
        assert!(
            server.send_file(&segment.lease(), 3 << 20, 1).await.is_err(),
            "there is nothing behind the end"
        );
        while server.receive().await.unwrap().is_some() {}
    });
    let received = receive_exactly(&client, 4 + (3 << 20) - 10 + 4).await;
    assert_eq!(&received[..4], b"head");
    assert!(received[4..received.len() - 4] == data[5..(3 << 20) - 5]);
    assert_eq!(&received[received.len() - 4..], b"tail");
}

pub(crate) async fn a_peer_that_goes_is_an_end_or_an_error(_: Place) {
    let (client, server) = pair().await;
    client.send(vec![pattern(100_000)], false).await.unwrap();
    // Unread bytes: a reset.
    drop(server);
    let mut sends = 0;
    while client.send(vec![pattern(100_000)], false).await.is_ok() {
        sends += 1;
        assert!(sends < 1000);
    }
    while let Ok(Some(_)) = client.receive().await {}
    let (client, server) = pair().await;
    // Nothing unread: an orderly end after the last byte.
    server.send(vec![pattern(30_000)], false).await.unwrap();
    drop(server);
    assert_eq!(receive_exactly(&client, 30_000).await, pattern(30_000));
    assert!(client.receive().await.unwrap().is_none());
    assert!(client.receive().await.unwrap().is_none(), "an end stays an end");
}

pub(crate) async fn shutdown_ends_a_receive_in_flight(_: Place) {
    let (client, server) = pair().await;
    let server = Rc::new(server);
    let receiver = Rc::clone(&server);
    let receiving = spawn(async move { receiver.receive().await });
    sleep(Duration::from_millis(1)).await;
    server.shutdown();
    assert!(receiving.await.unwrap().is_none());
    assert!(client.receive().await.unwrap().is_none());
    assert!(server.send(vec![pattern(10)], false).await.is_err());
}

pub(crate) async fn the_peers_end_is_told_before_its_bytes_are_read(_: Place) {
    let (client, server) = pair().await;
    client.send(vec![Bytes::from_static(b"unread")], false).await.unwrap();
    let early = timeout(Duration::from_millis(5), server.peer_ended()).await;
    assert!(early.is_err(), "the peer is still there");
    client.shutdown();
    timeout(Duration::from_secs(5), server.peer_ended()).await.expect("nobody tells that the peer has ended");
    assert_eq!(&receive_exactly(&server, 6).await[..], b"unread");
    assert!(server.receive().await.unwrap().is_none());
    // And whoever asks afterwards hears it, too.
    server.peer_ended().await;
}

pub(crate) async fn nobody_listens(_: Place) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    assert!(Listener::bind(address).is_err(), "the address is in use");
    drop(listener);
    sleep(Duration::from_millis(1)).await;
    assert!(Socket::connect(address).await.is_err());
}

pub(crate) async fn an_abandoned_accept_loses_no_socket(_: Place) {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = Rc::new(listener);
    let waiting = Rc::clone(&listener);
    let accepting = spawn(async move { waiting.accept().await.map(drop) });
    sleep(Duration::from_millis(1)).await;
    accepting.cancel();
    sleep(Duration::from_millis(1)).await;
    let client = Socket::connect(address).await.unwrap();
    let server = timeout(Duration::from_secs(5), listener.accept()).await.unwrap().unwrap();
    client.send(vec![pattern(10)], false).await.unwrap();
    assert_eq!(receive_exactly(&server, 10).await, pattern(10));
}

/// A connection is dropped with a send submitted that the kernel has not looked at, and an accept of the same turn
/// gets its number: what was meant for the old connection must not reach the new one.
pub(crate) async fn reused_descriptors_get_no_old_bytes(_: Place) {
    for round in 0..20u8 {
        let (old_client, old_server) = pair().await;
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        // Waits to be accepted before the accept begins.
        let client = Socket::connect(address).await.unwrap();
        {
            let mut accept = std::pin::pin!(listener.accept());
            let mut send = std::pin::pin!(old_server.send(vec![Bytes::from_static(b"old")], false));
            std::future::poll_fn(|context| {
                assert!(accept.as_mut().poll(context).is_pending());
                let _ = send.as_mut().poll(context);
                std::task::Poll::Ready(())
            })
            .await;
        }
        drop(old_server);
        let server = listener.accept().await.unwrap();
        server.send(vec![Bytes::from(vec![round; 3])], false).await.unwrap();
        assert_eq!(receive_exactly(&client, 3).await, [round; 3]);
        drop(old_client);
    }
}

/// A connection whose owner does not read takes no more than its share of the pooled buffers.
pub(crate) async fn a_reader_that_stalls_starves_nobody(Place { large_bytes, .. }: Place) {
    let (stalled_client, stalled_server) = pair().await;
    // One receive arms the pooled receive; then nobody takes what comes.
    stalled_client.send(vec![pattern(1)], false).await.unwrap();
    assert_eq!(receive_exactly(&stalled_server, 1).await.len(), 1);
    let flood = spawn(async move {
        stalled_client.send(vec![pattern(large_bytes)], false).await.unwrap();
        stalled_client
    });
    sleep(Duration::from_millis(300)).await;
    assert!(!flood.is_finished(), "all was taken although nobody read them");
    let (client, server) = pair().await;
    client.send(vec![pattern(100_000)], false).await.unwrap();
    let received = timeout(Duration::from_secs(20), receive_exactly(&server, 100_000)).await;
    assert_eq!(received.unwrap(), pattern(100_000));
    assert!(receive_exactly(&stalled_server, large_bytes).await == pattern(large_bytes));
}
