//! Tests only: an executor on the real ring and a directory that goes when the test has passed.

use std::{
    future::Future,
    path::PathBuf,
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
};

use jackdaw_ring::{Executor, UringConfig, UringDriver, file};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Run `test` in a fresh directory.
pub(crate) fn in_dir<F: Future<Output = ()> + 'static>(test: impl FnOnce(PathBuf) -> F + 'static) {
    let driver = UringDriver::new(&UringConfig::default()).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("jackdaw-storage-{}-{number}", std::process::id()));
    Executor::new(Rc::new(driver)).run(async move {
        file::create_directory_all(&dir).unwrap();
        test(dir.clone()).await;
        remove_all(&dir);
    });
}

fn remove_all(dir: &std::path::Path) {
    for entry in file::list_directory(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir { remove_all(&path) } else { file::remove_file(&path).unwrap() }
    }
    file::remove_directory(dir).unwrap();
}
