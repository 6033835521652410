//! Tasks of one core.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use jackdaw_ring::{channel, sleep, spawn, yield_now};

use crate::Place;

/// A task that never waits for anything still lets completions, timers and other tasks through.
pub(crate) async fn tasks_share_their_core(_: Place) {
    let stop = Rc::new(Cell::new(false));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let stop = Rc::clone(&stop);
            spawn(async move {
                while !stop.get() {
                    yield_now().await;
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(2)).await;
    let (sender, receiver) = channel::once();
    spawn(async move {
        sleep(Duration::from_millis(1)).await;
        sender.send(5);
    });
    assert_eq!(receiver.await, Some(5));
    stop.set(true);
    for task in busy {
        task.await;
    }
}

pub(crate) async fn a_cancelled_task_is_dropped(_: Place) {
    let dropped = Rc::new(RefCell::new(0));
    struct Mark(Rc<RefCell<i32>>);
    impl Drop for Mark {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
        }
    }
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let mark = Mark(Rc::clone(&dropped));
            spawn(async move {
                let _mark = mark;
                sleep(Duration::from_secs(1000)).await;
            })
        })
        .collect();
    yield_now().await;
    for task in &tasks {
        task.cancel();
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(*dropped.borrow(), 3);
    assert!(!tasks[0].is_finished());
}
