//! The byte stream of a connection, cut into frames by the code that serves it; and of the HTTP endpoint. On a simulated
//! network.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use jackdaw_core::protocol::{Reader, header::RequestHeader};
use jackdaw_net::{
    Answer, ConnectionConfig, Connections, Dispatched, Response, Service,
    budget::Budget,
    http::{HttpService, Reply, Status, serve_http},
    serve,
};
use jackdaw_ring::{Listener, Socket, sleep, spawn, timeout};
use jackdaw_sim::World;

const LIMIT: Duration = Duration::from_secs(3600);
const REQUEST_MAX_BYTES: usize = 1 << 20;
const BUDGET_BYTES: usize = 2 << 20;
const PORT: u16 = 9092;

/// Reads the header and answers with it.
struct Headers;

impl Service for Headers {
    type Session = ();

    fn open(&self, _peer: SocketAddr) {}

    async fn dispatch(&self, _session: &mut (), frame: Bytes) -> Dispatched {
        match RequestHeader::read(&mut Reader::new(&frame)) {
            Ok(header) => {
                let mut answer = vec![0, 0, 0, 4];
                answer.extend(header.correlation_id.to_be_bytes());
                Dispatched::Done(Answer::Send(Response::Bytes(answer.into())))
            }
            Err(error) => Dispatched::close(error.to_string()),
        }
    }
}

/// The first byte says how the rest is cut into what is sent at a time.
pub(super) fn connection(input: &[u8]) {
    exchange(input, |listener| async move {
        let budget = Budget::new(BUDGET_BYTES);
        let config = ConnectionConfig {
            request_max_bytes: REQUEST_MAX_BYTES,
            budget: budget.clone(),
            connections: Connections::default(),
        };
        let socket = listener.accept().await.expect("a connection");
        serve(socket, Rc::new(Headers), config.clone()).await;
        assert_eq!(budget.left_bytes(), BUDGET_BYTES, "a connection that has ended holds memory");
        assert_eq!(config.connections.count(), 0, "it is still counted");
    });
}

struct Paths;

impl HttpService for Paths {
    async fn answer(&self, path: &str, reply: Reply<'_>) -> io::Result<()> {
        if path != "/metrics" {
            return reply.text(Status::NotFound, "there is no such page").await;
        }
        let mut body = reply.begin("text/plain").await?;
        body.send("a page").await?;
        body.end().await
    }
}

/// As [`connection`], of one request.
pub(super) fn http(input: &[u8]) {
    exchange(input, |listener| async move {
        // For as long as a head may take, and more.
        let _ = timeout(Duration::from_secs(60), serve_http(listener, Rc::new(Paths))).await;
    });
}

/// Send the input to who serves the listener, and wait for its end.
fn exchange<F: Future<Output = ()> + 'static>(input: &[u8], server: impl FnOnce(Listener) -> F + 'static) {
    let Some((&cut, rest)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(rest);
    let world = World::new(1);
    let (host, peer) = (world.add_host(), world.add_host());
    host.start(1);
    peer.start(1);
    let address = SocketAddr::new(host.address().into(), PORT);
    let serving = host.spawn(0, async move {
        let (listener, _) = Listener::bind(address).expect("a listener");
        server(listener).await;
    });
    peer.spawn(0, async move {
        let socket = loop {
            match Socket::connect(address).await {
                Ok(socket) => break socket,
                Err(_) => sleep(Duration::from_millis(1)).await,
            }
        };
        let socket = Rc::new(socket);
        let reader = Rc::clone(&socket);
        spawn(async move { while let Ok(Some(_)) = reader.receive().await {} });
        for piece in bytes.chunks(usize::from(cut).max(1) * 7) {
            if socket.send(vec![bytes.slice_ref(piece)], false).await.is_err() {
                break;
            }
        }
        socket.shutdown();
    });
    world.run(LIMIT, serving);
}

pub(super) fn connection_seeds() -> Vec<Vec<u8>> {
    let mut all = vec![255];
    let mut seeds = Vec::new();
    for frame in super::messages::frame_seeds() {
        let framed = [&u32::try_from(frame.len()).expect("a small frame").to_be_bytes()[..], &frame].concat();
        if all.len() < 4096 {
            all.extend(&framed);
        }
        seeds.push([&[3], &framed[..]].concat());
    }
    seeds.push(all);
    seeds
}

pub(super) fn http_seeds() -> Vec<Vec<u8>> {
    let requests = [
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /metrics?x=1 HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "GET http://a/metrics HTTP/1.1\nHost: a\n\n",
    ];
    requests.iter().map(|text| [&[9], text.as_bytes()].concat()).collect()
}
