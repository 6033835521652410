//! One connection on the real driver: frames, the order of answers, memory, and every way to end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use jackdaw_net::{
    Answer, ConnectionConfig, Connections, Dispatched, Piece, Response, Service,
    budget::Budget,
    limits::PIPELINE_REQUESTS_MAX,
    listener::{Allowed, Loads, Placed, accept},
    serve,
};
use jackdaw_ring::{Executor, JoinHandle, Listener, Socket, UringConfig, UringDriver, sleep, spawn, timeout};

const SECONDS: Duration = Duration::from_secs(10);
const REQUEST_MAX_BYTES: usize = 4 << 20;
const DECODED_BYTES: usize = 100_000;
const HELD_BYTES: usize = 8 << 20;
const LARGE_BYTES: usize = 1 << 20;

/// Answers with the request's own bytes; the first says how.
struct Echo {
    dispatched: Cell<usize>,
    budget: Budget,
    /// Requests that begin with "m" are answered from now on.
    released: Rc<Cell<bool>>,
}

impl Echo {
    fn new(budget: &Budget) -> Self {
        Self { dispatched: Cell::default(), budget: budget.clone(), released: Rc::default() }
    }
}

impl Service for Echo {
    type Session = ();

    fn open(&self, _peer: SocketAddr) {}

    fn memory_bytes(&self, frame: &Bytes) -> usize {
        match frame.first() {
            // Decoded into much.
            Some(b'm') => DECODED_BYTES,
            Some(b'B') => 2 * LARGE_BYTES,
            _ => 0,
        }
    }

    async fn dispatch(&self, _session: &mut (), frame: Bytes) -> Dispatched {
        self.dispatched.set(self.dispatched.get() + 1);
        let answer = Answer::Send(Response::Bytes(framed(&frame)));
        match frame.first() {
            Some(b'l') => Dispatched::later(async move {
                sleep(Duration::from_millis(2)).await;
                answer
            }),
            // An answer that holds memory until it has been sent.
            Some(b'h') => {
                let budget = self.budget.clone();
                Dispatched::later(async move {
                    let mut permit = budget.answer_permit();
                    permit.grow(HELD_BYTES).await;
                    let pieces = vec![Piece::Bytes(framed(&vec![b'h'; HELD_BYTES]))];
                    Answer::Send(Response::Pieces { pieces, memory: Some(permit) })
                })
            }
            Some(b'm') => {
                let released = Rc::clone(&self.released);
                Dispatched::later(async move {
                    while !released.get() {
                        sleep(Duration::from_millis(1)).await;
                    }
                    answer
                })
            }
            Some(b'p') => Dispatched::later(std::future::pending()),
            Some(b'n') => Dispatched::Done(Answer::Nothing),
            Some(b'c') => Dispatched::close("asked to"),
            // A large answer to a small request.
            Some(b'b' | b'B') => {
                Dispatched::Done(Answer::Send(Response::Bytes(framed(&vec![b'b'; LARGE_BYTES]))))
            }
            _ => Dispatched::Done(answer),
        }
    }
}

fn framed(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u32(body.len() as u32);
    frame.put_slice(body);
    frame.freeze()
}

struct Served {
    client: Socket,
    serving: JoinHandle<()>,
    service: Rc<Echo>,
    config: ConnectionConfig,
}

fn run(future: impl Future<Output = ()> + 'static) {
    run_with(UringConfig::default(), future);
}

fn run_with(config: UringConfig, future: impl Future<Output = ()> + 'static) {
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(async move {
        timeout(Duration::from_secs(60), future).await.expect("the test hangs");
    });
}

fn config(budget_bytes: usize) -> ConnectionConfig {
    ConnectionConfig {
        request_max_bytes: REQUEST_MAX_BYTES,
        budget: Budget::new(budget_bytes),
        connections: Connections::default(),
    }
}

async fn connect(config: &ConnectionConfig) -> Served {
    let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = spawn(async move { Socket::connect(address).await.unwrap() });
    let server = listener.accept().await.unwrap();
    let service = Rc::new(Echo::new(&config.budget));
    let serving = spawn(serve(server, Rc::clone(&service), config.clone()));
    Served { client: client.await, serving, service, config: config.clone() }
}

impl Served {
    async fn send(&self, bytes: impl Into<Bytes>) {
        self.client.send(vec![bytes.into()], false).await.unwrap();
    }

    async fn receive(&self, length: usize) -> Bytes {
        let mut all = BytesMut::new();
        while all.len() < length {
            let received = timeout(SECONDS, self.client.receive()).await.expect("an answer is missing");
            all.extend_from_slice(&received.unwrap().expect("the connection was closed"));
        }
        all.freeze()
    }

    async fn expect(&self, answers: &[Bytes]) {
        let expected = answers.concat();
        assert!(self.receive(expected.len()).await == expected, "other answers than expected");
    }

    async fn expect_end(self) {
        timeout(SECONDS, self.serving).await.expect("the connection is still served");
        assert_eq!(self.config.connections.count(), 0);
    }
}

#[test]
fn frames_split_at_every_byte_are_whole() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        let wire = [framed(b"first"), framed(b""), framed(b"second one")].concat();
        for split in 1..wire.len() {
            served.send(Bytes::copy_from_slice(&wire[..split])).await;
            sleep(Duration::from_micros(200)).await;
            served.send(Bytes::copy_from_slice(&wire[split..])).await;
            served.expect(&[Bytes::copy_from_slice(&wire)]).await;
        }
        for byte in &wire {
            served.send(Bytes::copy_from_slice(&[*byte])).await;
            sleep(Duration::from_micros(200)).await;
        }
        served.expect(&[Bytes::from(wire)]).await;
    });
}

#[test]
fn frames_around_every_border_come_back() {
    run(async {
        let served = Rc::new(connect(&config(64 << 20)).await);
        for size in [16 << 10, 64 << 10, 256 << 10, 512 << 10, 1 << 20, REQUEST_MAX_BYTES] {
            for size in [size - 5, size - 1, size, size + 1] {
                if size > REQUEST_MAX_BYTES {
                    continue;
                }
                let body: Vec<u8> = (0..size).map(|index| (index * 7 + index / 253) as u8 | 0x80).collect();
                let frame = framed(&body);
                let (sender, wire) = (Rc::clone(&served), [frame.clone(), framed(b"after")].concat());
                let sending = spawn(async move { sender.send(wire).await });
                served.expect(&[frame, framed(b"after")]).await;
                sending.await;
            }
        }
        assert_eq!(served.config.budget.left_bytes(), 64 << 20);
    });
}

#[test]
fn a_lying_length_ends_the_connection_after_the_answers_before_it() {
    run(async {
        for length in [-1, i32::MIN, REQUEST_MAX_BYTES as i32 + 1, i32::MAX] {
            let served = connect(&config(1 << 20)).await;
            let wire = [framed(b"fine"), Bytes::copy_from_slice(&length.to_be_bytes())].concat();
            served.send(wire).await;
            served.expect(&[framed(b"fine")]).await;
            assert!(served.client.receive().await.unwrap().is_none());
            served.expect_end().await;
        }
    });
}

#[test]
fn answers_keep_the_order_of_the_requests() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        let requests: Vec<Bytes> = (0..200)
            .map(|index| framed(format!("{}{index}", ["now", "late"][index % 3 % 2]).as_bytes()))
            .collect();
        let quiet = framed(b"x");
        served.send(requests.concat()).await;
        served.send(quiet.clone()).await;
        // "now..." begins with the letter of requests without an answer.
        let answers: Vec<Bytes> = requests.into_iter().filter(|request| request[4] == b'l').collect();
        served.expect(&[Bytes::from(answers.concat()), quiet]).await;
    });
}

#[test]
fn a_request_to_close_lets_the_answers_before_it_leave() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        served.send([framed(b"late"), framed(b"close"), framed(b"never")].concat()).await;
        served.expect(&[framed(b"late")]).await;
        assert!(matches!(served.client.receive().await, Ok(None) | Err(_)));
        served.expect_end().await;
    });
}

#[test]
fn small_frames_that_wait_hold_their_memory() {
    run(async {
        let total = 1 << 20;
        let served = connect(&config(total)).await;
        let mut body = vec![b'x'; 40_000];
        body[0] = b'p';
        for _ in 0..3 {
            served.send(framed(&body)).await;
            // In two pieces at least: longer than any pooled buffer.
        }
        while served.service.dispatched.get() < 3 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(served.config.budget.left_bytes(), total - 3 * 40_000);
        let budget = served.config.budget.clone();
        let (client, serving) = (served.client, served.serving);
        drop(client);
        timeout(SECONDS, serving).await.expect("still served");
        assert_eq!(budget.left_bytes(), total);
    });
}

#[test]
fn decoded_requests_that_wait_are_counted_and_the_rest_waits_in_the_socket() {
    run(async {
        let config = config(5 * DECODED_BYTES);
        let served = connect(&config).await;
        let requests: Vec<Bytes> = (0..40).map(|index| framed(format!("m{index}").as_bytes())).collect();
        served.send(requests.concat()).await;
        sleep(Duration::from_millis(20)).await;
        // Five within the budget, and the one that may go beyond.
        assert_eq!(served.service.dispatched.get(), 6);
        assert_eq!(config.budget.left_bytes(), 0);
        // Small requests of others need none.
        let other = connect(&config).await;
        other.send(framed(b"x")).await;
        other.expect(&[framed(b"x")]).await;
        served.service.released.set(true);
        served.expect(&requests).await;
        assert_eq!(config.budget.left_bytes(), 5 * DECODED_BYTES);
    });
}

#[test]
fn an_answer_holds_its_memory_until_it_is_sent() {
    run(async {
        let config = config(HELD_BYTES + HELD_BYTES / 2);
        let served = connect(&config).await;
        served.send(framed(b"held")).await;
        while config.budget.left_bytes() > HELD_BYTES {
            sleep(Duration::from_millis(1)).await;
        }
        // More than the socket's buffers take: nobody reads.
        sleep(Duration::from_millis(50)).await;
        assert_eq!(config.budget.left_bytes(), HELD_BYTES / 2);
        served.receive(4 + HELD_BYTES).await;
        while config.budget.left_bytes() < HELD_BYTES {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(config.budget.left_bytes(), HELD_BYTES + HELD_BYTES / 2);
    });
}

#[test]
fn answers_that_are_ready_hold_their_memory_until_they_are_sent() {
    run(async {
        let config = config(16 * LARGE_BYTES);
        let served = connect(&config).await;
        // More than the socket's buffers take, and nobody reads.
        served.send(vec![framed(b"B"); 40].concat()).await;
        sleep(Duration::from_millis(100)).await;
        assert!(served.service.dispatched.get() < 40, "all are made, and none of them counted");
        served.receive(40 * (4 + LARGE_BYTES)).await;
        while config.budget.left_bytes() < 16 * LARGE_BYTES {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn where_memory_is_short_parts_are_smaller_and_never_nothing() {
    run(async {
        let budget = Budget::new(1000);
        let mut permits: Vec<_> = (0..3).map(|_| budget.permit()).collect();
        let mut granted = Vec::new();
        for permit in &mut permits {
            granted.push(permit.grow_up_to(100, 900).await);
        }
        assert_eq!(granted, [250, 187, 140]);
        permits[0].shrink(50);
        assert_eq!(budget.left_bytes(), 473);
        drop(permits);
        assert_eq!(budget.left_bytes(), 1000);
        let mut all = budget.permit();
        all.grow(1000).await;
        let mut beyond = budget.permit();
        assert_eq!(beyond.grow_up_to(100, 900).await, 100);
        let mut third = budget.permit();
        assert!(!third.try_grow(1));
        // An answer waits for no request.
        assert!(budget.answer_permit().try_grow(1));
        drop(beyond);
        assert!(third.try_grow(1));
    });
}

#[test]
fn large_requests_leave_a_part_to_small_ones() {
    let budget = Budget::new(8 << 20);
    let (mut large, mut larger) = (budget.permit(), budget.permit());
    assert!(large.try_grow(7 << 20));
    // This one goes beyond the budget, as one may.
    assert!(larger.try_grow(100_000));
    let mut third = budget.permit();
    assert!(!third.try_grow(100_000));
    let mut small: Vec<_> = (0..16).map(|_| budget.permit()).collect();
    assert!(small.iter_mut().all(|permit| permit.try_grow(60_000)));
    assert!(!small[0].try_grow(60_000), "no longer small");
}

#[test]
fn without_memory_large_frames_take_turns() {
    run(async {
        let config = config(300 << 10);
        let mut clients = Vec::new();
        for _ in 0..6 {
            let served = connect(&config).await;
            clients.push(spawn(async move {
                let frame = framed(&vec![b'x'; 1 << 20]);
                let served = Rc::new(served);
                for _ in 0..3 {
                    let (sender, sent) = (Rc::clone(&served), frame.clone());
                    let sending = spawn(async move { sender.send(sent).await });
                    served.expect(std::slice::from_ref(&frame)).await;
                    sending.await;
                }
            }));
        }
        for client in clients {
            timeout(SECONDS * 3, client).await.expect("frames wait for each other's memory");
        }
        assert_eq!(config.budget.left_bytes(), 300 << 10);
    });
}

#[test]
fn a_reset_or_half_close_abandons_what_waits_and_answers_what_is_ready() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        served.send([framed(b"ready"), framed(b"parked"), framed(b"behind it")].concat()).await;
        served.expect(&[framed(b"ready")]).await;
        drop(served.client);
        timeout(SECONDS, served.serving).await.expect("a parked request outlives its client");
        assert_eq!(served.config.connections.count(), 0);

        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let thread = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(&[framed(b"one"), framed(b"two"), framed(b"parked")].concat()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).unwrap();
            answers
        });
        let server = listener.accept().await.unwrap();
        timeout(SECONDS, serve(server, Rc::new(Echo::new(&Budget::new(0))), config(1 << 20)))
            .await
            .expect("still served");
        assert_eq!(thread.join().unwrap(), [framed(b"one"), framed(b"two")].concat());
    });
}

#[test]
fn a_parked_connection_stays_registered() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        served.send(framed(b"parked")).await;
        sleep(Duration::from_millis(5)).await;
        assert_eq!(served.config.connections.count(), 1);
        served.config.connections.shutdown_all();
        served.expect_end().await;
    });
}

/// More requests than a connection may have under way, all of which wait.
async fn with_a_full_pipeline(config: &ConnectionConfig) -> Served {
    let served = connect(config).await;
    let parked: Vec<Bytes> = (0..PIPELINE_REQUESTS_MAX + 20).map(|_| framed(b"parked")).collect();
    served.send(parked.concat()).await;
    // One is with the writer, and one with the reader, which has no room for it.
    while served.service.dispatched.get() < PIPELINE_REQUESTS_MAX + 2 {
        sleep(Duration::from_millis(1)).await;
    }
    served
}

#[test]
fn a_client_that_goes_with_a_full_pipeline_is_missed() {
    run(async {
        let served = with_a_full_pipeline(&config(1 << 20)).await;
        drop(served.client);
        timeout(SECONDS, served.serving).await.expect("the client's going is never noticed");
        assert_eq!(served.config.connections.count(), 0);
        // What it sent before it went has had its effect.
        assert_eq!(served.service.dispatched.get(), PIPELINE_REQUESTS_MAX + 20);
    });
}

#[test]
fn a_full_pipeline_outlives_neither_a_stop_nor_the_idle_limit() {
    run(async {
        let served = with_a_full_pipeline(&config(1 << 20)).await;
        served.config.connections.shutdown_all();
        served.expect_end().await;
        let served = with_a_full_pipeline(&config(1 << 20)).await;
        spawn(served.config.connections.clone().close_idle(Duration::from_millis(50)));
        served.expect_end().await;
    });
}

#[test]
fn who_is_slow_in_the_middle_of_a_request_is_not_idle() {
    run(async {
        let served = connect(&config(1 << 20)).await;
        spawn(served.config.connections.clone().close_idle(Duration::from_secs(2)));
        let request = framed(&[b'x'; 40]);
        for byte in request.chunks(1) {
            served.send(Bytes::copy_from_slice(byte)).await;
            sleep(Duration::from_millis(100)).await;
        }
        served.expect(&[request]).await;
    });
}

/// Its first requests have all the memory, the next waits for some.
async fn without_memory(config: &ConnectionConfig, next: Bytes) -> Served {
    let served = connect(config).await;
    let requests: Vec<Bytes> = (0..6).map(|index| framed(format!("m{index}").as_bytes())).collect();
    served.send([Bytes::from(requests.concat()), next].concat()).await;
    while served.service.dispatched.get() < 6 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(5)).await;
    assert_eq!(served.service.dispatched.get(), 6);
    served
}

#[test]
fn a_client_that_goes_while_its_request_waits_for_memory_is_missed() {
    run(async {
        // A decoded request that needs memory, one that was put together, and a large one.
        for next in [framed(b"m6"), framed(&[b'x'; 40_000]), framed(&[b'x'; 300_000])] {
            let config = config(5 * DECODED_BYTES);
            let served = without_memory(&config, next.clone()).await;
            drop(served.client);
            timeout(SECONDS, served.serving).await.expect("the client's going is never noticed");
            assert_eq!(config.budget.left_bytes(), 5 * DECODED_BYTES);
            let served = without_memory(&config, next).await;
            served.config.connections.shutdown_all();
            served.expect_end().await;
            assert_eq!(config.budget.left_bytes(), 5 * DECODED_BYTES);
        }
    });
}

#[test]
fn a_request_that_has_all_memory_gives_it_back_when_its_client_goes() {
    run(async {
        let mut parked = vec![b'x'; 40_000];
        parked[0] = b'p';
        let served = connect(&config(0)).await;
        served.send([framed(&parked), framed(&parked)].concat()).await;
        while served.service.dispatched.get() < 1 {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(20)).await;
        drop(served.client);
        timeout(SECONDS, served.serving).await.expect("the second request waits for the memory of the first");
    });
}

#[test]
fn clients_that_do_not_read_stop_nobody_else() {
    let pool = UringConfig { receive_buffers: 64, receive_buffer_bytes: 1024, ..UringConfig::default() };
    run_with(pool, async {
        let config = config(64 << 20);
        let mut stalled = Vec::new();
        for _ in 0..20 {
            let served = Rc::new(connect(&config).await);
            let flooding = Rc::clone(&served);
            let flood = spawn(async move {
                for _ in 0..400 {
                    // Large answers that nobody takes, and requests that fill buffers behind them.
                    let requests = [framed(b"big"), framed(&[b'x'; 900])].concat();
                    // Fails once the connection is closed as idle.
                    let _ = flooding.client.send(vec![requests.into()], false).await;
                    sleep(Duration::from_micros(50)).await;
                }
            });
            stalled.push((served, flood));
        }
        sleep(Duration::from_millis(200)).await;
        let served = connect(&config).await;
        for _ in 0..50 {
            served.send(framed(&[b'x'; 3000])).await;
            served.expect(&[framed(&[b'x'; 3000])]).await;
        }
        // They are idle, and end as idle connections do.
        spawn(config.connections.clone().close_idle(Duration::from_millis(100)));
        for (served, flood) in stalled {
            flood.cancel();
            while Rc::strong_count(&served) > 1 {
                sleep(Duration::from_millis(1)).await;
            }
            if let Ok(served) = Rc::try_unwrap(served) {
                timeout(SECONDS, served.serving).await.expect("a stalled connection is served for ever");
            }
        }
    });
}

const ALLOWED: Allowed =
    Allowed { connections: 16, descriptors: usize::MAX, of_address: usize::MAX, creation_rate: u64::MAX };

#[test]
fn a_burst_of_connections_is_counted_where_it_goes() {
    run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let loads = Loads::new(2);
        let own: Vec<_> = (0..6).map(|_| loads.enter(0, address.ip())).collect();
        let placed = Rc::new(std::cell::RefCell::new(Vec::new()));
        let (into, counted) = (Rc::clone(&placed), loads.clone());
        spawn(async move {
            // None is served yet: they wait in a mailbox.
            accept(&listener, 0, &counted, |_| ALLOWED, |one| into.borrow_mut().push(one)).await;
        });
        let clients: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        while placed.borrow().len() < 10 {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(20)).await;
        let moved = placed.borrow().iter().filter(|one| matches!(one, Placed::Other(..))).count();
        assert_eq!(placed.borrow().len(), 10, "max.connections was passed");
        assert!((7..=8).contains(&moved), "{moved} of 10 went to the other core");
        placed.borrow_mut().clear();
        assert_eq!(loads.total(), 6);
        drop((own, clients));
    });
}
