//! Options that commands share: the cluster to speak to, the output's format.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::client::Client;
use super::client::address::Address;
use super::client::interrupt::Interrupt;
use super::error::CommandError;

/// The cluster to speak to.
#[derive(Args, Debug)]
pub(crate) struct ClusterOptions {
    /// Brokers to ask first, separated by commas; one that answers is enough
    #[arg(
        short,
        long,
        value_name = "HOST:PORT",
        env = "JACKDAW_BOOTSTRAP_SERVER",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "127.0.0.1:9092"
    )]
    bootstrap_server: Vec<Address>,

    /// How long to wait for a connection and for each answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
}

impl ClusterOptions {
    /// A client that stops at SIGINT.
    pub(crate) fn client(&self) -> Result<Client, CommandError> {
        let interrupt = Interrupt::install()
            .map_err(|source| CommandError::Input { what: "cannot listen for signals".to_owned(), source })?;
        Ok(Client::new(self.bootstrap_server.clone(), self.timeout, interrupt))
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// `--format`.
#[derive(Args, Debug)]
pub(crate) struct FormatOptions {
    /// How results are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// A time on the command line, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        // A socket's time-out cannot be zero; a day is as good as for ever.
        Ok(duration) if (0.001..=86_400.0).contains(&seconds) => Ok(duration),
        _ => Err("write a number of seconds from 0.001 to 86400".to_owned()),
    }
}

/// The name of a group on the command line. Brokers keep offsets of a group without a name, by an old rule of the
/// protocol; nobody means it.
pub(crate) fn group_name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a group's name is not empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A key with its value on the command line.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_may_contain_equals_signs() {
        assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(key_value("a="), Ok(("a".to_owned(), String::new())));
        assert!(key_value("a").is_err());
        assert!(key_value("=a").is_err());
    }
}
