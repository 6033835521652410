//! Time.

use std::{cell::RefCell, rc::Rc, time::Duration};

use jackdaw_ring::{channel::Queue, now, sleep, sleep_until, spawn, timeout, unix_ms};

use crate::Place;

pub(crate) async fn timers_fire_in_order_and_never_early(_: Place) {
    let start = now();
    let order = Rc::new(RefCell::new(Vec::new()));
    let sleepers: Vec<_> = [30u64, 10, 20, 10]
        .into_iter()
        .map(|millis| {
            let order = Rc::clone(&order);
            spawn(async move {
                sleep_until(start + Duration::from_millis(millis)).await;
                order.borrow_mut().push(millis);
                assert!(now().since(start) >= Duration::from_millis(millis));
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper.await;
    }
    assert_eq!(*order.borrow(), [10, 10, 20, 30]);
    assert!(unix_ms() > 1_700_000_000_000);
}

pub(crate) async fn a_timeout_drops_what_it_waited_for(_: Place) {
    let queue = Queue::<u32>::bounded(1);
    for _ in 0..100 {
        assert!(timeout(Duration::from_micros(20), queue.pop()).await.is_err());
    }
    queue.push(7).await.unwrap();
    assert_eq!(timeout(Duration::from_secs(1), queue.pop()).await.unwrap(), Some(7));
    assert!(timeout(Duration::ZERO, std::future::ready(1)).await.is_ok(), "what is ready wins");
    sleep(Duration::ZERO).await;
}

pub(crate) async fn many_timers_at_once(_: Place) {
    let sleepers: Vec<_> = (0..2000u64)
        .map(|number| {
            spawn(async move {
                let start = now();
                let length = Duration::from_micros(number * 7 % 5000);
                if number % 3 == 0 {
                    assert!(timeout(length, sleep(Duration::from_secs(100))).await.is_err());
                } else {
                    sleep(length).await;
                }
                assert!(now().since(start) >= length);
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper.await;
    }
}
