//! The memory of a process, as the kernel counts it.

use std::fs;

/// What the process has in memory now.
pub fn resident_bytes(pid: u32) -> usize {
    field(pid, "VmRSS:")
}

/// The most that a process has had since it was watched.
pub struct Peak(u32);

impl Peak {
    pub fn watch(pid: u32) -> Self {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak of memory is reset");
        Self(pid)
    }

    pub fn bytes(&self) -> usize {
        field(self.0, "VmHWM:")
    }
}

fn field(pid: u32, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the broker's status");
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
    let kib: usize = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib << 10
}
