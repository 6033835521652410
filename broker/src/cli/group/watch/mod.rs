//! `jackdaw group watch`: a group's lag, refreshed in place on a terminal, line after line elsewhere.

mod rates;
mod view;

use std::time::{Duration, Instant};

use clap::Args;

use self::rates::Looks;
use self::view::Look;
use super::progress::Progress;
use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::screen::{Screen, pause};
use crate::cli::output::table;
use crate::utc;

/// Show a group's lag again and again, with rates.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw group watch billing
  jackdaw group watch billing --interval 5 >> billing.log        plain lines where stdout is no terminal
  jackdaw group watch billing --format json --count 2            one JSON object a look

Rates are in records a second, since the look before. SIGINT ends it.")]
pub(crate) struct Watch {
    /// The group's name
    #[arg(value_parser = options::group_name)]
    group: String,

    /// Between two looks
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = options::seconds)]
    interval: Duration,

    /// End after so many looks
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl Watch {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self.watch() {
            // That is how watching ends, with the exit code of `jackdaw consume --follow`.
            Err(CommandError::Client(ClientError::Interrupted)) => Err(CommandError::Stopped),
            result => result,
        }
    }

    fn watch(&self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let interrupt = client.interrupt().clone();
        let mut looks = Looks::default();
        let mut screen = Screen::default();
        let mut last: Option<Instant> = None;
        let mut count = 0;
        loop {
            let begun = Instant::now();
            match Progress::ask(&mut client, &self.group) {
                Ok(progress) => {
                    let elapsed = last.map_or(Duration::ZERO, |last| begun.duration_since(last));
                    let (rates, sum) = looks.next(&progress, elapsed);
                    let look = Look { time_ms: utc::now_ms(), progress: &progress, rates: &rates, sum };
                    self.show(&look, &mut screen)?;
                    last = Some(begun);
                    count += 1;
                }
                // A broker that restarts is worth waiting for once there was something to see.
                Err(error) if error.is_retriable() && last.is_some() => {
                    screen.forget();
                    output::print_error(&error.into());
                }
                Err(error) => return Err(error.into()),
            }
            if self.count.is_some_and(|limit| count >= limit) {
                return Ok(());
            }
            pause(begun + self.interval, &interrupt)?;
        }
    }

    fn show(&self, look: &Look<'_>, screen: &mut Screen) -> Result<(), CommandError> {
        match (self.output.format, table::terminal_height()) {
            (Format::Json, _) => output::print(&look.json()),
            (Format::Text, None) => output::print(&look.plain()),
            // The line below the last is where the cursor rests.
            (Format::Text, Some(height)) => screen.draw(&look.screen(height.saturating_sub(1))),
        }
    }
}
