//! The same work on many logs, some at a time, so that their waits for the disk overlap.

use std::{cell::RefCell, future::Future, rc::Rc};

use jackdaw_ring::spawn;

/// Do `work` on every item, on `parallel_count` of them at a time; the results in the items' order.
pub async fn side_by_side<T, R, F>(
    items: Vec<T>,
    parallel_count: usize,
    work: impl Fn(T) -> F + 'static,
) -> Vec<R>
where
    T: 'static,
    R: 'static,
    F: Future<Output = R>,
{
    let results: Rc<RefCell<Vec<Option<R>>>> = Rc::new(RefCell::new(items.iter().map(|_| None).collect()));
    let waiting = Rc::new(RefCell::new(items.into_iter().enumerate()));
    let work = Rc::new(work);
    let workers = (0..parallel_count.max(1)).map(|_| {
        let (waiting, results, work) = (Rc::clone(&waiting), Rc::clone(&results), Rc::clone(&work));
        spawn(async move {
            while let Some((index, item)) = next(&waiting) {
                let result = Box::pin(work(item)).await;
                results.borrow_mut()[index] = Some(result);
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await;
    }
    results.take().into_iter().flatten().collect()
}

/// The queue must not stay borrowed while a worker works.
fn next<I: Iterator>(waiting: &RefCell<I>) -> Option<I::Item> {
    waiting.borrow_mut().next()
}
