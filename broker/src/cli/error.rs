//! How a command fails: the text, the advice, the exit code.

use std::io;

use super::client::error::ClientError;
use crate::exit_code::ExitCode;

/// Why a command did not do all it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    #[error("{what}: {source}")]
    Input { what: String, source: io::Error },
    #[error("line {number}: {reason}")]
    Line { number: u64, reason: String },
    #[error("{0}")]
    Usage(String),
    #[error("{what}")]
    Failed { what: String, advice: &'static str },
    /// A command without an end was told to stop: nothing to say.
    #[error("interrupted")]
    Stopped,
    /// Everything was said before; only the exit code is left.
    #[error("a part failed")]
    Reported,
}

impl CommandError {
    /// What to say on stderr, if anything.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Reported | Self::Stopped => None,
            // The reader closed the pipe: it has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            error => Some(error.to_string()),
        }
    }

    /// Lines that say what to do next.
    pub(crate) fn advice(&self) -> Vec<String> {
        match self {
            Self::Client(error) => error.advice(),
            Self::Failed { advice, .. } => vec![(*advice).to_owned()],
            _ => Vec::new(),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Ok,
            Self::Client(ClientError::Interrupted) | Self::Stopped => ExitCode::Interrupted,
            Self::Usage(_) => ExitCode::Usage,
            _ => ExitCode::Error,
        }
    }
}
