//! A disk of the test's own: a file system on a loop device, whose power can be cut.
//!
//! The device reads and writes its file with direct I/O, so that nothing that the file system has not sent to its disk
//! is in the file. Root alone may make one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// XFS takes no less.
const SIZE_BYTES: u64 = 320 << 20;
/// What a killed process had in flight ends by then.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// `FS_IOC_SHUTDOWN` with the flag "without flushing the log": from there on the file system writes nothing, and reads
/// and writes fail.
const SHUTDOWN: &str = "import fcntl,os,struct,sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    Ext4,
    Xfs,
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The disk as it was the moment after the broker's processes had ended.
    Copy,
    /// The file system stops writing in the middle of its work.
    Shutdown,
}

/// A mounted disk; gone with its data when dropped.
pub struct LoopDisk {
    system: FileSystem,
    dir: TempDir,
    device: Option<String>,
}

impl LoopDisk {
    /// None with a note where this process may not make one.
    pub fn make(system: FileSystem, size_bytes: Option<u64>) -> Option<Self> {
        if let Err(missing) = possible(system) {
            eprintln!("left out: {missing}");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("jackdaw-disk-").tempdir().expect("a temporary directory");
        let mut disk = Self { system, dir, device: None };
        std::fs::create_dir(disk.mounted()).expect("a directory");
        let image = std::fs::File::create(disk.image()).expect("the disk's file");
        image.set_len(size_bytes.unwrap_or(SIZE_BYTES)).expect("the disk's file");
        let image = disk.image();
        match system {
            // All is written now: a thread of the kernel that does it later would look like the broker's writes.
            FileSystem::Ext4 => {
                let eager = "lazy_itable_init=0,lazy_journal_init=0";
                run(Command::new("mkfs.ext4").args(["-q", "-N", "4096", "-E", eager]).arg(image));
            }
            FileSystem::Xfs => run(Command::new("mkfs.xfs").arg("-q").arg(image)),
        }
        disk.mount();
        Some(disk)
    }

    /// Where it is mounted.
    pub fn mounted(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    /// A directory on it for a broker: the root of an ext4 has one more that Kafka would not know.
    pub fn data_dir(&self) -> PathBuf {
        self.mounted().join("data")
    }

    /// Cuts the power: mounted again, the disk has what was on stable storage. For `Copy` its writers have ended; for
    /// `Shutdown` they end before `after_shutdown` returns.
    pub fn cut(&mut self, cut: Cut, after_shutdown: impl FnOnce()) {
        match cut {
            Cut::Copy => {
                after_shutdown();
                self.copy();
                self.unmount();
                std::fs::rename(self.copied(), self.image()).expect("the copy takes the disk's place");
            }
            Cut::Shutdown => {
                self.fail();
                after_shutdown();
                self.unmount();
            }
        }
        self.mount();
    }

    /// From here on its reads and writes fail, and what was not written is lost.
    pub fn fail(&self) {
        run(Command::new("python3").args(["-c", SHUTDOWN]).arg(self.mounted()));
    }

    /// Unmounts it and mounts it again.
    pub fn remount(&mut self) {
        self.unmount();
        self.mount();
    }

    /// With these options of `mount -o remount`.
    pub fn remount_with(&self, options: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.mounted()));
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    fn copied(&self) -> PathBuf {
        self.dir.path().join("copy")
    }

    /// Copies the file at a moment at which nothing is written to it.
    fn copy(&self) {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let before = self.writes();
            run(Command::new("cp").arg("--sparse=always").args([self.image(), self.copied()]));
            if self.writes() == before {
                return;
            }
            assert!(Instant::now() < deadline, "{} is still written to", self.device());
        }
    }

    /// Requests that the device has finished and has under way.
    fn writes(&self) -> String {
        let name = self.device().trim_start_matches("/dev/");
        let path = format!("/sys/block/{name}/stat");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        // Writes, sectors written, in flight, discards, flushes.
        let fields: Vec<&str> = text.split_whitespace().collect();
        [4, 6, 8, 11, 15].map(|i| fields.get(i).copied().unwrap_or_default()).join(" ")
    }

    fn device(&self) -> &str {
        self.device.as_deref().expect("a mounted disk")
    }

    fn mount(&mut self) {
        let mut command = Command::new("losetup");
        command.args(["--find", "--show", "--direct-io=on"]).arg(self.image());
        let output = command.output().expect("losetup");
        let device = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "losetup: {}", String::from_utf8_lossy(&output.stderr));
        let name = device.trim_start_matches("/dev/");
        let direct = std::fs::read_to_string(format!("/sys/block/{name}/loop/dio")).unwrap_or_default();
        self.device = Some(device.clone());
        assert_eq!(
            direct.trim(),
            "1",
            "{device} does not use direct I/O: the file's own file system has none"
        );
        // A copy of a mounted XFS has its id.
        let options = if self.system == FileSystem::Xfs { "nouuid" } else { "defaults" };
        run(Command::new("mount").args(["-o", options, &device]).arg(self.mounted()));
    }

    fn unmount(&mut self) {
        let Some(device) = self.device.take() else { return };
        let deadline = Instant::now() + SETTLED_WITHIN;
        // A killed process is in its ring's work for a moment.
        while !succeeds(Command::new("umount").arg(self.mounted())) {
            assert!(Instant::now() < deadline, "{} stays in use", self.mounted().display());
            std::thread::sleep(Duration::from_millis(20));
        }
        run(Command::new("losetup").args(["--detach", &device]));
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let Some(device) = self.device.take() else { return };
        // Lazily: a test that fails may have left something open.
        let _ = succeeds(Command::new("umount").arg("--lazy").arg(self.mounted()));
        let _ = succeeds(Command::new("losetup").args(["--detach", &device]));
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "XFS",
        })
    }
}

/// Whether such a disk can be made here.
fn possible(system: FileSystem) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    if uid.split_whitespace().nth(1) != Some("0") {
        return Err("only root may mount a disk of the test's own".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Err("there are no loop devices here".to_owned());
    }
    let (tool, package) = match system {
        FileSystem::Ext4 => ("mkfs.ext4", "e2fsprogs"),
        FileSystem::Xfs => ("mkfs.xfs", "xfsprogs"),
    };
    match Command::new(tool).arg("-V").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(format!("{tool} is not installed (Debian's package {package})")),
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
