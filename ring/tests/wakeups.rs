//! Cores that sleep and wake each other, under load: no wake-up is lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jackdaw_ring::{
    Executor, UringConfig, UringDriver,
    mesh::{Seat, mesh},
    now, sleep, spawn, timeout, yield_now,
};

fn run<T: 'static>(core: usize, spin: Duration, future: impl Future<Output = T> + 'static) -> T {
    let config = UringConfig { core, spin, ..UringConfig::default() };
    Executor::new(Rc::new(UringDriver::new(&config).unwrap())).run(future)
}

/// Every core sends to every other and counts what it gets; small mailboxes, so that they fill.
async fn exchange(seat: Seat<u64>, cores: usize, count: u64) {
    let endpoint = seat.join();
    let me = endpoint.core();
    let sender = endpoint.clone();
    let sending = spawn(async move {
        for value in 0..count {
            for to in (0..cores).filter(|to| *to != me) {
                sender.send(to, value).await;
            }
            if value % 64 == 0 {
                // Now and then let the core fall asleep between two sends.
                sleep(Duration::from_micros(30)).await;
            }
        }
    });
    let mut next = vec![0; cores];
    for _ in 0..count * (cores as u64 - 1) {
        let received = timeout(Duration::from_secs(30), endpoint.receive()).await;
        let (from, value) = received.expect("a wake-up was lost");
        assert_eq!(value, next[from], "the values of one core come in order");
        next[from] += 1;
    }
    sending.await;
}

fn exchange_on(cores: usize, count: u64, spin: Duration) {
    let threads: Vec<_> = mesh::<u64>(cores, 16)
        .into_iter()
        .enumerate()
        .map(|(core, seat)| std::thread::spawn(move || run(core, spin, exchange(seat, cores, count))))
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn three_cores_that_sleep() {
    exchange_on(3, 3_000, Duration::ZERO);
}

#[test]
fn two_cores_that_spin_first() {
    exchange_on(2, 3_000, Duration::from_micros(50));
}

/// The first sleep of a core is where other runtimes lost a wake-up: the peer sends before, while and after it joins.
#[test]
fn the_first_sleep_hears_the_first_message() {
    for round in 0..60u64 {
        let mut seats = mesh::<u64>(2, 4);
        let (other, mine) = (seats.pop().unwrap(), seats.pop().unwrap());
        let thread = std::thread::spawn(move || {
            run(1, Duration::ZERO, async move {
                let endpoint = other.join();
                timeout(Duration::from_secs(10), endpoint.receive()).await.expect("a wake-up was lost")
            })
        });
        run(0, Duration::ZERO, async move {
            let endpoint = mine.join();
            // From nothing to a few times what a thread takes to start.
            for _ in 0..round * 20 {
                yield_now().await;
            }
            endpoint.send(1, round).await;
            // No sleep here: the wake-up must leave although this core ends at once.
        });
        assert_eq!(thread.join().unwrap(), (0, round));
    }
}

/// Wakers called from threads that have no ring.
#[test]
fn other_threads_wake_a_sleeping_core() {
    run(0, Duration::ZERO, async {
        for _ in 0..200 {
            let turns = Arc::new(AtomicU64::new(0));
            let mut thread = None;
            let waiting = std::future::poll_fn(|context| {
                if turns.load(Ordering::Acquire) == 1 {
                    return std::task::Poll::Ready(());
                }
                if thread.is_none() {
                    let (waker, turns) = (context.waker().clone(), Arc::clone(&turns));
                    thread = Some(std::thread::spawn(move || {
                        turns.store(1, Ordering::Release);
                        waker.wake();
                    }));
                }
                std::task::Poll::Pending
            });
            timeout(Duration::from_secs(10), waiting).await.expect("a wake-up was lost");
            thread.unwrap().join().unwrap();
        }
    });
}

/// Completions and timers come through although tasks are always ready.
#[test]
fn a_busy_core_still_looks_at_the_kernel() {
    run(0, Duration::ZERO, async {
        let busy: Vec<_> = (0..1000)
            .map(|_| {
                spawn(async {
                    loop {
                        yield_now().await;
                    }
                })
            })
            .collect();
        let start = now();
        for _ in 0..3 {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(now().since(start) >= Duration::from_millis(3));
        let path = std::env::temp_dir().join(format!("jackdaw-busy-{}", std::process::id()));
        std::fs::write(&path, b"x").unwrap();
        jackdaw_ring::file::unlink(&path).await.unwrap();
        for task in busy {
            task.cancel();
        }
    });
}

/// More senders than the mailbox has room for, each in a task of its own, and one that gives up: the order stays.
#[test]
fn senders_that_wait_for_room_keep_their_order() {
    const COUNT: u64 = 2_000;
    let mut seats = mesh::<u64>(2, 4);
    let (other, mine) = (seats.pop().unwrap(), seats.pop().unwrap());
    let (go, wait) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        run(1, Duration::ZERO, async move {
            let endpoint = other.join();
            wait.recv().unwrap();
            for expected in 0..COUNT {
                let received = timeout(Duration::from_secs(30), endpoint.receive()).await;
                assert_eq!(received.expect("a sender was forgotten"), (0, expected));
            }
        });
    });
    run(0, Duration::ZERO, async move {
        let endpoint = mine.join();
        let mut sending = Vec::new();
        for value in 0..COUNT {
            let sender = endpoint.clone();
            sending.push(spawn(async move { sender.send(1, value).await }));
            if value == 100 {
                let sender = endpoint.clone();
                let given_up = spawn(async move { sender.send(1, 999_999).await });
                yield_now().await;
                given_up.cancel();
            }
        }
        assert_eq!(endpoint.try_send(1, 5), Err(5), "nobody overtakes those who wait");
        go.send(()).unwrap();
        for sent in sending {
            sent.await;
        }
        sleep(Duration::from_millis(1)).await;
    });
    assert!(thread.join().is_ok());
}
