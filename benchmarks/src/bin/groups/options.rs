//! The command line.

use std::{net::SocketAddr, time::Duration};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JoinGroup, SyncGroup, Heartbeat.
    Classic,
    /// ConsumerGroupHeartbeat (KIP-848).
    Consumer,
}

/// The load and how long it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) bootstrap: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) groups: usize,
    /// In each group.
    pub(crate) members: usize,
    /// Over how long the groups begin.
    pub(crate) ramp: Duration,
    /// From the moment when all members have joined.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    /// How long the members go on after the figures are printed.
    pub(crate) hold: Duration,
    /// The broker's process, whose CPU time and memory are read.
    pub(crate) process: u32,
    /// Stands first in the row of figures.
    pub(crate) label: String,
}

pub(crate) const USAGE: &str = "\
groups --bootstrap ADDRESS:PORT --pid PID [--label NAME] [--protocol classic|consumer] [--groups 1000] [--members 10]
       [--ramp 20] [--warm-up 20] [--window 30] [--hold 0]     (seconds)
groups --header     print the names of the figures";

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            bootstrap: SocketAddr::from(([127, 0, 0, 1], 9092)),
            protocol: Protocol::Classic,
            groups: 1000,
            members: 10,
            ramp: Duration::from_secs(20),
            warm_up: Duration::from_secs(20),
            window: Duration::from_secs(30),
            hold: Duration::ZERO,
            process: 0,
            label: "broker".to_owned(),
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} has no value", pair.concat())) };
            options.set(name, value).ok_or_else(|| format!("{name} {value} is not understood"))?;
        }
        if options.process == 0 {
            return Err("--pid is missing".to_owned());
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let seconds = || value.parse().ok().map(Duration::from_secs);
        match name {
            "--bootstrap" => self.bootstrap = value.parse().ok()?,
            "--protocol" => {
                self.protocol = match value {
                    "classic" => Protocol::Classic,
                    "consumer" => Protocol::Consumer,
                    _ => return None,
                };
            }
            "--groups" => self.groups = value.parse().ok()?,
            "--members" => self.members = value.parse().ok().filter(|count| *count > 0)?,
            "--ramp" => self.ramp = seconds()?,
            "--warm-up" => self.warm_up = seconds()?,
            "--window" => self.window = seconds()?,
            "--hold" => self.hold = seconds()?,
            "--pid" => self.process = value.parse().ok()?,
            "--label" => value.clone_into(&mut self.label),
            _ => return None,
        }
        Some(())
    }
}
