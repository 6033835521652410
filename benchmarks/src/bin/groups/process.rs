//! What a process has used, from /proc.

use std::io::Error;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time of all its threads, ended ones too, to the kernel's tick (10 ms).
    pub(crate) cpu_seconds: f64,
    /// How long its present threads were ready to run and had no CPU: what the neighbours took.
    pub(crate) waited_seconds: f64,
    /// Resident memory.
    pub(crate) resident_kib: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Result<Self, Error> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| Error::other(format!("no times in {stat:?}")))?;
        Ok(Self {
            cpu_seconds: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            waited_seconds: waited_ns(process)? as f64 / 1e9,
            resident_kib: resident_kib(&status).ok_or_else(|| Error::other("no VmRSS: has it ended?"))?,
        })
    }
}

fn waited_ns(process: u32) -> Result<u64, Error> {
    let mut total = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end while the others are read.
        let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        total += text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(total)
}

fn cpu_ticks(stat: &str) -> Option<u64> {
    // The program's name may hold spaces and brackets; user and system time are the 12th and 13th word behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 10 11 12 13 250 50 16 17 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn resident_memory_is_a_line_of_the_status() {
        assert_eq!(resident_kib("Name:\ta\nVmHWM:\t  99 kB\nVmRSS:\t  4096 kB\n"), Some(4096));
        assert_eq!(resident_kib("Name:\ta\n"), None);
    }
}
