//! The exit codes of `jackdaw`, all of them.

/// Why the process ended. Scripts and service files may rely on these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Done; for a server: stopped on request.
    Ok = 0,
    /// It failed, and stderr says why. Trying again may help.
    Error = 1,
    /// Arguments or configuration are wrong: trying again does not help.
    Usage = 2,
    /// A write or fsync failed where the node cannot do without: what the disk holds is no longer known.
    FsyncFailed = 10,
    /// The metadata log is corrupt. A start would fail again: restore it from another node or a backup.
    CorruptMetadata = 11,
    /// An invariant is broken (a panic): a defect of Jackdaw, worth a report.
    BrokenInvariant = 12,
    /// SIGINT ended a client command before it was done (128 + 2, as shells count).
    Interrupted = 130,
}

impl ExitCode {
    /// The number that the parent process sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

/// The same list for `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0    done
  1    failed; stderr says why
  2    arguments or configuration are wrong
  10   a server stopped because its disk failed or is full: check the disk before the next start
  11   a server stopped because its metadata log is corrupt
  12   a broken invariant: a defect of Jackdaw, worth a report
  130  interrupted by SIGINT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let all = [
            ExitCode::Ok,
            ExitCode::Error,
            ExitCode::Usage,
            ExitCode::FsyncFailed,
            ExitCode::CorruptMetadata,
            ExitCode::BrokenInvariant,
            ExitCode::Interrupted,
        ];
        let listed: Vec<u8> =
            HELP.lines().skip(1).filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(listed, all.map(ExitCode::code));
    }
}
