//! `jackdaw top`: shards, requests, topics and groups of a running broker, refreshed in place.

mod frame;
mod look;
mod page;

use std::time::{Duration, Instant};

use clap::Args;

use self::frame::Frame;
use self::look::Look;
use super::client::Client;
use super::client::address::Address;
use super::client::configs::ConfigResource;
use super::client::error::ClientError;
use super::error::CommandError;
use super::options::{self, ClusterOptions, Format, FormatOptions};
use super::output;
use super::output::screen::{Screen, pause};
use super::output::table;

/// Show what a broker does, live.
#[derive(Args, Debug)]
#[command(after_help = "\
Shards, requests and bytes come from the broker's metrics page (jackdaw.http.listener). Where that cannot be reached, as on
Apache Kafka, topics and their rates are shown by the offsets of their partitions.

Examples:
  jackdaw top
  jackdaw top --http 10.0.0.7:9644 --interval 5
  jackdaw top --bootstrap-server broker-2:9092 --once
  jackdaw top --once --format json

Rates are those of the time between two looks. SIGINT ends it.")]
pub(crate) struct Top {
    /// The address of the metrics page [default: what the broker's configuration says]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<Address>,

    /// Between two looks
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = options::seconds)]
    interval: Duration,

    /// Print one frame, whole, and end
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl Top {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self.watch() {
            Err(CommandError::Client(ClientError::Interrupted)) => Err(CommandError::Stopped),
            result => result,
        }
    }

    fn watch(&self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let interrupt = client.interrupt().clone();
        let mut screen = Screen::default();
        let mut last: Option<(Instant, Look)> = None;
        let page = match &self.http {
            Some(address) => Some(address.clone()),
            None => page_of_broker(&mut client)?,
        };
        loop {
            let begun = Instant::now();
            match self.look(&mut client, page.as_ref()) {
                Ok(look) => {
                    if let Some((before, last)) = &last {
                        let frame = Frame::new(last, &look, begun.duration_since(*before));
                        self.show(&frame, &mut screen)?;
                        if self.once {
                            return Ok(());
                        }
                    }
                    last = Some((begun, look));
                }
                // A broker that restarts is worth waiting for once there was something to see.
                Err(error) if error.is_retriable() && last.is_some() => {
                    screen.forget();
                    output::print_error(&error.into());
                    last = None;
                }
                Err(error) => return Err(error.into()),
            }
            pause(begun + self.interval, &interrupt)?;
        }
    }

    /// One look: at the page where there is one.
    fn look(&self, client: &mut Client, page: Option<&Address>) -> Result<Look, ClientError> {
        match page.map(|address| (address, page::get(address, client.timeout()))) {
            Some((address, Ok(page))) => Ok(Look::of_page(address, &page)),
            // Whoever names it wants it.
            Some((address, Err(source))) if self.http.is_some() => {
                Err(ClientError::Connect { address: address.clone(), source })
            }
            _ => Look::of_offsets(client),
        }
    }

    fn show(&self, frame: &Frame, screen: &mut Screen) -> Result<(), CommandError> {
        match (self.output.format, table::terminal_height()) {
            (Format::Json, _) => output::print(&frame.json()),
            (Format::Text, Some(height)) if !self.once => {
                screen.draw(&frame.lines(Some(height.saturating_sub(1))))
            }
            (Format::Text, _) => output::print(&(frame.lines(None).join("\n") + "\n")),
        }
    }
}

/// Where the broker that was asked first serves its page, by its own words; `None` where it serves none.
fn page_of_broker(client: &mut Client) -> Result<Option<Address>, ClientError> {
    const KEY: &str = "jackdaw.http.listener";
    let asked = client.any()?.address().clone();
    client.refresh_nodes()?;
    let ids = client.metadata.node_ids();
    let is_asked = |id: &&i32| client.metadata.address(**id) == Some(&asked);
    let Some(&id) = ids.iter().find(is_asked).or(ids.first()) else { return Ok(None) };
    let configs = client.describe_configs(&ConfigResource::Broker(id), false)?;
    let told = configs.into_iter().find(|config| config.name == KEY).and_then(|config| config.value);
    let Some((host, port)) = told.as_deref().and_then(|told| told.rsplit_once(':')) else { return Ok(None) };
    // One that stands for all addresses of its host.
    let is_any = matches!(host, "" | "0.0.0.0" | "[::]");
    let host = if is_any { asked.host } else { host.to_owned() };
    Ok(port.parse().ok().map(|port| Address { host, port }))
}
