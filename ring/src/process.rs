//! What this process takes of its machine, as the kernel tells it under `/proc`.

use std::{fs, io};

use crate::executor;

/// Totals since the process began, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// User and system time together.
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub open_descriptors: u64,
    /// The soft limit; `None` where there is none.
    pub descriptor_limit: Option<u64>,
    pub threads: u64,
    /// Seconds since 1970.
    pub started_at: f64,
}

/// `None` where nobody can tell, as in the simulator.
pub fn process_usage() -> Option<ProcessUsage> {
    executor::with(|core| core.driver.process_usage())
}

pub(crate) fn read() -> io::Result<ProcessUsage> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let boot = fs::read_to_string("/proc/stat")?;
    let usage = parse(&stat, &boot).ok_or(io::ErrorKind::InvalidData)?;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    Ok(ProcessUsage { open_descriptors: open_descriptors()?, descriptor_limit: limit.current, ..usage })
}

/// Since Linux 6.2 the directory's size is their number; before, they must be counted.
fn open_descriptors() -> io::Result<u64> {
    match fs::metadata("/proc/self/fd")?.len() {
        0 => Ok(fs::read_dir("/proc/self/fd")?.count() as u64),
        count => Ok(count),
    }
}

/// Of `/proc/self/stat` and `/proc/stat`.
fn parse(stat: &str, boot: &str) -> Option<ProcessUsage> {
    let ticks_a_second = rustix::param::clock_ticks_per_second() as f64;
    // The program's name may contain anything, but it ends at the last parenthesis; the third field follows.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let booted_at: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(ProcessUsage {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks_a_second,
        threads: field(20)?,
        started_at: booted_at + field(22)? as f64 / ticks_a_second,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * rustix::param::page_size() as u64,
        ..ProcessUsage::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 9 0 0 0 250 150 0 0 20 0 5 0 1000 4096 3 1 1";
        let usage = parse(stat, "cpu 1 2\nbtime 1700000000\n").unwrap();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(usage.cpu_seconds, 400.0 / ticks);
        assert_eq!((usage.threads, usage.virtual_bytes), (5, 4096));
        assert_eq!(usage.resident_bytes, 3 * rustix::param::page_size() as u64);
        assert_eq!(usage.started_at, 1_700_000_000.0 + 1000.0 / ticks);
        assert_eq!(parse("7 (a) S 1", "btime 1\n"), None);
    }

    #[test]
    fn this_process_takes_something() {
        let usage = read().unwrap();
        assert!(usage.resident_bytes > 0 && usage.open_descriptors >= 3 && usage.threads >= 1, "{usage:?}");
    }
}
