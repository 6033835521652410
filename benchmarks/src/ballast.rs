//! Page cache that is held, and given back as fast as a broker writes files.
//!
//! Where a virtual machine's host takes free memory back (free page reporting), the first use of a page costs several
//! times what is done with it. Measured on one: `write` of a new file 1.5 to 1.8 s of CPU time a GiB, and 0.24 s on
//! pages that a file had until just before. Memory that a process had until then does not help: a file's pages come
//! in larger pieces. So the generator holds files, and removes them a little ahead of what the broker writes.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io::{Error, Write},
    path::{Path, PathBuf},
};

const FILE_BYTES: u64 = 64 << 20;
/// Given back before it is written: more than a broker and the kernel hold on the way, less than the host takes back
/// within the two seconds that it waits.
const LEAD_BYTES: u64 = 256 << 20;

/// Files in the page cache. Dropping it removes them all.
#[derive(Default)]
pub struct Ballast {
    file_bytes: u64,
    lead_bytes: u64,
    files: RefCell<Vec<PathBuf>>,
    given_bytes: Cell<u64>,
}

impl Ballast {
    /// Writes files of so many bytes together, and waits until they are on the disk, so that nothing of that is left to do.
    ///
    /// # Errors
    /// The directory is not there, or has no room.
    pub fn take(directory: &Path, bytes: u64) -> Result<Self, Error> {
        Self::of_files(directory, bytes, FILE_BYTES, LEAD_BYTES)
    }

    fn of_files(directory: &Path, bytes: u64, file_bytes: u64, lead_bytes: u64) -> Result<Self, Error> {
        let ballast = Self { file_bytes, lead_bytes, files: RefCell::default(), given_bytes: Cell::new(0) };
        let block = vec![1; 64 << 10];
        for index in 0..bytes.div_ceil(file_bytes) {
            let path = directory.join(format!("ballast-{}-{index}", std::process::id()));
            let mut file = File::create_new(&path)?;
            ballast.files.borrow_mut().push(path);
            for _ in 0..file_bytes / block.len() as u64 {
                file.write_all(&block)?;
            }
            file.sync_all()?;
        }
        Ok(ballast)
    }

    /// So much was written since this was taken: gives that much back, and the lead.
    pub fn follow(&self, written_bytes: u64) {
        while self.given_bytes.get() < written_bytes.saturating_add(self.lead_bytes) {
            let Some(path) = self.files.borrow_mut().pop() else { return };
            remove(&path);
            self.given_bytes.set(self.given_bytes.get() + self.file_bytes);
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        self.files.borrow().iter().for_each(|path| remove(path));
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        eprintln!("{}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_a_little_ahead_of_what_is_written() {
        let directory = std::env::temp_dir();
        let (file_bytes, lead_bytes) = (64 << 10, 256 << 10);
        let ballast =
            Ballast::of_files(&directory, 384 << 10, file_bytes, lead_bytes).expect("room for files");
        let left = || ballast.files.borrow().iter().filter(|path| path.exists()).count();
        assert_eq!(left(), 6);
        ballast.follow(0);
        assert_eq!(left(), 2);
        ballast.follow(1);
        assert_eq!(left(), 1);
        let last = ballast.files.borrow()[0].clone();
        drop(ballast);
        assert!(!last.exists());
    }
}
