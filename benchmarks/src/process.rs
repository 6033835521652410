//! What a process has used, from /proc.

use std::{io::Error, ops::Sub};

/// A process at one moment, or with `-` what it used between two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of all its threads, ended ones too, to the kernel's tick (10 ms).
    pub user_seconds: f64,
    pub system_seconds: f64,
    /// User and system time of its present threads to the nanosecond; a thread that ends takes its time with it.
    pub run_seconds: f64,
    /// How long its present threads were ready to run and had no CPU: what the neighbours took.
    pub waited_seconds: f64,
    /// Sent to the disk on its behalf, whenever that happens.
    pub written_bytes: f64,
    /// Present threads giving up their CPU, and losing it.
    pub voluntary_switches: f64,
    pub forced_switches: f64,
    /// Taken from the whole machine by its host.
    pub stolen_seconds: f64,
    /// Resident memory: of the later moment.
    pub resident_kib: u64,
    /// The most that it ever had.
    pub resident_peak_kib: u64,
}

impl Usage {
    /// # Errors
    /// No such process, or one that has ended.
    pub fn of(process: u32) -> Result<Self, Error> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}"));
        let (stat, status) = (read("stat")?, read("status")?);
        // Only the owner may read it.
        let io = read("io").unwrap_or_default();
        let machine = std::fs::read_to_string("/proc/stat")?;
        let (user, system) = cpu_ticks(&stat).ok_or_else(|| Error::other(format!("no times in {stat:?}")))?;
        let second = rustix::param::clock_ticks_per_second() as f64;
        let threads = Threads::of(process)?;
        Ok(Self {
            user_seconds: user as f64 / second,
            system_seconds: system as f64 / second,
            run_seconds: threads.run_ns as f64 / 1e9,
            waited_seconds: threads.waited_ns as f64 / 1e9,
            written_bytes: field(&io, "write_bytes:").unwrap_or(0) as f64,
            voluntary_switches: threads.voluntary as f64,
            forced_switches: threads.forced as f64,
            stolen_seconds: stolen_ticks(&machine) as f64 / second,
            resident_kib: field(&status, "VmRSS:").ok_or_else(|| Error::other("no VmRSS: has it ended?"))?,
            resident_peak_kib: field(&status, "VmHWM:").unwrap_or(0),
        })
    }

    /// User and system time.
    pub fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user_seconds: self.user_seconds - earlier.user_seconds,
            system_seconds: self.system_seconds - earlier.system_seconds,
            run_seconds: self.run_seconds - earlier.run_seconds,
            waited_seconds: self.waited_seconds - earlier.waited_seconds,
            written_bytes: self.written_bytes - earlier.written_bytes,
            voluntary_switches: self.voluntary_switches - earlier.voluntary_switches,
            forced_switches: self.forced_switches - earlier.forced_switches,
            stolen_seconds: self.stolen_seconds - earlier.stolen_seconds,
            resident_kib: self.resident_kib,
            resident_peak_kib: self.resident_peak_kib,
        }
    }
}

#[derive(Default)]
struct Threads {
    run_ns: u64,
    waited_ns: u64,
    voluntary: u64,
    forced: u64,
}

impl Threads {
    fn of(process: u32) -> Result<Self, Error> {
        let mut all = Self::default();
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
            // A thread may end while the others are read.
            let path = thread?.path();
            let times = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let mut times = times.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
            all.run_ns += times.next().unwrap_or(0);
            all.waited_ns += times.next().unwrap_or(0);
            let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
            all.voluntary += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
            all.forced += field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
        }
        Ok(all)
    }
}

fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    // The program's name may hold spaces and brackets; user and system time are the 12th and 13th word behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    Some((times.next()?.parse().ok()?, times.next()?.parse().ok()?))
}

/// The eighth figure of the line of all CPUs.
fn stolen_ticks(stat: &str) -> u64 {
    let line = stat.lines().next().unwrap_or_default();
    line.split_whitespace().nth(8).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 10 11 12 13 250 50 16 17 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some((250, 50)));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn a_figure_is_found_by_the_name_of_its_line() {
        let status = "Name:\ta\nVmHWM:\t  99 kB\nVmRSS:\t  4096 kB\n";
        assert_eq!(field(status, "VmRSS:"), Some(4096));
        assert_eq!(field("Name:\ta\n", "VmRSS:"), None);
        let switches = "nonvoluntary_ctxt_switches:\t3\nvoluntary_ctxt_switches:\t5\n";
        assert_eq!(field(switches, "voluntary_ctxt_switches:"), Some(5));
    }

    #[test]
    fn stolen_time_is_the_eighth_figure() {
        assert_eq!(stolen_ticks("cpu  1 2 3 4 5 6 7 88 9 10\ncpu0 1 2\n"), 88);
        assert_eq!(stolen_ticks(""), 0);
    }
}
