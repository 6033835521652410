//! What a core does between requests: messages to another core, timers.

use std::{
    hint::black_box,
    rc::Rc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use jackdaw_ring::{Executor, UringConfig, UringDriver, mailbox::mailbox, timeout, yield_now};

fn messages(criterion: &mut Criterion) {
    let (mut sender, mut receiver) = mailbox::<u64>(1024);
    criterion.bench_function("mailbox, 64 messages", |bencher| {
        bencher.iter(|| {
            for number in 0..64 {
                assert!(sender.try_send(black_box(number)).is_ok(), "there is room");
            }
            let mut sum = 0;
            while let Some(number) = receiver.try_receive() {
                sum += number;
            }
            sum
        });
    });
}

/// A timer that is set and taken back before its time, as almost all are.
fn timers(criterion: &mut Criterion) {
    criterion.bench_function("timer, set and taken back", |bencher| {
        bencher.iter_custom(|iterations| {
            let driver = UringDriver::new(&UringConfig::default()).unwrap_or_else(|error| panic!("{error}"));
            Executor::new(Rc::new(driver)).run(async move {
                let begun = Instant::now();
                for _ in 0..iterations {
                    assert!(timeout(Duration::from_secs(1), yield_now()).await.is_ok(), "it is not yet time");
                }
                begun.elapsed()
            })
        });
    });
}

fn short() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800))
}

criterion_group! { name = cores; config = short(); targets = messages, timers }
criterion_main!(cores);
