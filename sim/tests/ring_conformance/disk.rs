//! Files, directories, flushes.

use std::{io::IoSlice, time::Duration};

use jackdaw_ring::{
    File,
    file::{self, OpenOptions},
    sleep, spawn,
};

use crate::{Place, pattern};

const NEW: OpenOptions = OpenOptions { write: true, create: true, create_new: false, truncate: false };

pub(crate) async fn writes_reads_and_sizes(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let path = directory.join("file");
    let open = File::open(&path, NEW).unwrap();
    let data = pattern(1 << 20);
    let (left, right) = data.split_at(1000);
    open.write_all_at(&mut [IoSlice::new(left), IoSlice::new(&[]), IoSlice::new(right)], 0).unwrap();
    assert_eq!(open.size().unwrap(), 1 << 20);
    assert!(open.read(10, 1 << 19).await.unwrap() == data[10..10 + (1 << 19)]);
    assert_eq!(open.read((1 << 20) - 5, 100).await.unwrap(), data[(1 << 20) - 5..], "short at the end");
    assert_eq!(open.read(1 << 21, 10).await.unwrap().len(), 0);
    let mut small = [0; 16];
    assert_eq!(open.read_at(&mut small, 100).unwrap(), 16);
    assert_eq!(small, data[100..116]);
    open.set_size(8).unwrap();
    open.write_all_at(&mut [IoSlice::new(b"x")], 10).unwrap();
    assert_eq!(file::read_all(&path, 100).unwrap(), [&data[..8], &[0, 0, b'x']].concat(), "a hole is zeros");
    assert!(file::read_all(&path, 10).is_err());
    open.set_size(20).unwrap();
    assert_eq!(file::metadata(&path).unwrap().unwrap().size_bytes, 20);
    open.set_modified(1_234_567_890_123).unwrap();
    assert_eq!(file::metadata(&path).unwrap().unwrap().modified_ms, 1_234_567_890_123);
    file::unlink(&path).await.unwrap();
    assert_eq!(file::metadata(&path).unwrap(), None);
    assert!(file::unlink(&path).await.is_err());
    assert_eq!(open.size().unwrap(), 20, "an open file outlives its name");
}

/// Through the ring: whole, wherever they go, in whatever order they end, and also where nobody waits for them.
pub(crate) async fn writes_through_the_ring(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let path = directory.join("file");
    let data = pattern(300_000);
    let mut open = File::open(&path, NEW).unwrap();
    let pieces = (0..data.len()).step_by(70_000).map(|start| start..data.len().min(start + 70_000));
    let writes: Vec<_> = pieces
        .map(|range| {
            let (open, piece) = (open.clone(), data.slice(range.clone()));
            spawn(async move { open.write_all(range.start as u64, piece).await })
        })
        .collect();
    for write in writes {
        write.await.unwrap();
    }
    open.sync_data().await.unwrap();
    assert!(open.read(0, data.len() + 1).await.unwrap() == data);
    open.write_all(0, pattern(0)).await.unwrap();
    let reader = File::open(&path, OpenOptions::default()).unwrap();
    assert_eq!(reader.write_all(0, data.slice(..1)).await.unwrap_err().raw_os_error(), Some(libc::EBADF));
    let other = data.slice(1..);
    for _ in 0..20 {
        let (moved, bytes) = (open, other.clone());
        let abandoned = spawn(async move { moved.write_all(0, bytes).await });
        sleep(Duration::from_micros(10)).await;
        // The last to hold the file: it stays open until the write is done, or the number would be the next file's.
        abandoned.cancel();
        let next = directory.join("next");
        let next_file = File::open(&next, NEW).unwrap();
        sleep(Duration::from_millis(50)).await;
        assert_eq!(next_file.size().unwrap(), 0);
        file::unlink(&next).await.unwrap();
        assert!(reader.read(0, other.len()).await.unwrap() == other);
        open = File::open(&path, NEW).unwrap();
        open.write_all_at(&mut [IoSlice::new(&data)], 0).unwrap();
    }
}

pub(crate) async fn opens_as_asked(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let path = directory.join("file");
    let code = |options| File::open(&path, options).err().and_then(|error| error.raw_os_error());
    assert_eq!(code(OpenOptions::default()), Some(libc::ENOENT));
    let made = File::open(&path, OpenOptions { write: true, create_new: true, ..OpenOptions::default() });
    made.unwrap().write_all_at(&mut [IoSlice::new(b"abc")], 0).unwrap();
    assert_eq!(code(OpenOptions { create_new: true, ..NEW }), Some(libc::EEXIST));
    let reader = File::open(&path, OpenOptions::default()).unwrap();
    assert!(reader.write_all_at(&mut [IoSlice::new(b"x")], 0).is_err());
    assert_eq!(File::open(&path, NEW).unwrap().size().unwrap(), 3);
    assert_eq!(File::open(&path, OpenOptions { truncate: true, ..NEW }).unwrap().size().unwrap(), 0);
    assert!(File::open(&directory, NEW).is_err());
    assert!(File::open(&directory.join("missing").join("file"), NEW).is_err());
}

pub(crate) async fn directories_and_names(Place { directory, .. }: Place) {
    let topic = directory.join("topic-0");
    file::create_directory_all(&topic.join("deep").join("er")).unwrap();
    file::create_directory_all(&topic).unwrap();
    let write = |name: &str, content: &[u8]| {
        File::open(&topic.join(name), NEW).unwrap().write_all_at(&mut [IoSlice::new(content)], 0).unwrap();
    };
    write("b", b"b");
    write("a", b"a");
    let listed = file::list_directory(&topic).unwrap();
    let names: Vec<(&str, bool)> = listed.iter().map(|entry| (entry.name.as_str(), entry.is_dir)).collect();
    assert_eq!(names, [("a", false), ("b", false), ("deep", true)]);
    file::rename(&topic.join("a"), &topic.join("b")).unwrap();
    assert_eq!(file::read_all(&topic.join("b"), 10).unwrap(), b"a", "a rename replaces");
    assert_eq!(file::metadata(&topic.join("a")).unwrap(), None);
    assert!(file::rename(&topic.join("a"), &topic.join("c")).is_err());
    assert!(file::remove_directory(&topic).is_err(), "it is not empty");
    assert!(file::remove_file(&topic.join("deep")).is_err(), "it is a directory");
    assert!(file::list_directory(&topic.join("none")).is_err());
    let moved = directory.join("topic-0-delete");
    file::rename(&topic, &moved).unwrap();
    assert!(file::metadata(&moved.join("deep").join("er")).unwrap().unwrap().is_dir);
    file::sync_directory(&moved).await.unwrap();
    assert!(file::sync_directory(&topic).await.is_err());
    file::remove_file(&moved.join("b")).unwrap();
    file::remove_directory(&moved.join("deep").join("er")).unwrap();
    file::remove_directory(&moved.join("deep")).unwrap();
    file::remove_directory(&moved).unwrap();
    assert_eq!(file::metadata(&moved).unwrap(), None);
}

pub(crate) async fn flushes_are_shared(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let open = File::open(&directory.join("file"), NEW).unwrap();
    let flushes: Vec<_> = (0..8u64)
        .map(|number| {
            let open = open.clone();
            spawn(async move {
                open.write_all_at(&mut [IoSlice::new(b"record")], number * 6).unwrap();
                open.sync_data().await
            })
        })
        .collect();
    for flush in flushes {
        flush.await.unwrap();
    }
    assert_eq!(open.size().unwrap(), 48);
}

/// Who waits for a flush may go; the others still get theirs, and the file stays usable.
pub(crate) async fn an_abandoned_flush_still_counts(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let open = File::open(&directory.join("file"), NEW).unwrap();
    for _ in 0..20 {
        open.write_all_at(&mut [IoSlice::new(&pattern(10_000))], 0).unwrap();
        let (first, second) = (open.clone(), open.clone());
        let first = spawn(async move { first.sync_data().await });
        let second = spawn(async move { second.sync_data().await });
        sleep(Duration::from_micros(10)).await;
        first.cancel();
        second.await.unwrap();
    }
    assert!(open.sync_failed().is_none());
    open.sync_data().await.unwrap();
}

pub(crate) async fn locks_are_per_process(Place { directory, .. }: Place) {
    file::create_directory_all(&directory).unwrap();
    let path = directory.join(".lock");
    let first = File::open(&path, NEW).unwrap();
    first.lock().unwrap();
    let again = File::open(&path, NEW).unwrap();
    again.lock().unwrap();
}
