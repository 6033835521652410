//! The command line: what there is to say, and who does it. One file a command.

mod api_versions;
mod base64;
mod client;
mod cluster;
mod completion;
mod config;
mod consume;
mod error;
mod group;
mod options;
mod output;
mod produce;
mod quota;
mod selection;
mod server;
mod storage;
mod target;
#[cfg(test)]
mod tests;
mod top;
mod topic;

use std::io::Write as _;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use self::error::CommandError;
use crate::exit_code::{self, ExitCode};
use crate::logging::{self, LogLevels};

const LONG_ABOUT: &str = "Jackdaw is a Kafka-compatible broker for Linux.

Without a subcommand it serves: on 127.0.0.1:9092, with its data in ./data, unless the configuration says \
otherwise. The subcommands speak the Kafka protocol to a broker, Jackdaw or Apache Kafka.";

const EXAMPLES: &str = "Examples:
  jackdaw                                       serve, nothing configured
  jackdaw --config server.properties            serve as this file says
  jackdaw --override log.dirs=/data --log info,jackdaw_net=debug
  jackdaw topic create orders --partitions 6
  seq 10 | jackdaw produce orders
  jackdaw consume orders --follow
  jackdaw config set topic/orders retention.ms=86400000
  jackdaw group lag";

/// Everything on the command line.
#[derive(Parser, Debug)]
#[command(name = "jackdaw", version, about = "A Kafka-compatible broker, and its command line")]
#[command(long_about = LONG_ABOUT, after_help = EXAMPLES, after_long_help = long_help_end())]
#[command(disable_help_subcommand = true, max_term_width = 110)]
struct Cli {
    /// What is logged to stderr: a level (off, error, warn, info, debug, trace), and levels by target
    ///
    /// Example: info,jackdaw_net=debug. A server logs info unless told otherwise, other commands warn.
    #[arg(long, global = true, value_name = "LEVELS", env = "JACKDAW_LOG", hide_env_values = true)]
    #[arg(help_heading = "Logging")]
    log: Option<LogLevels>,

    #[command(flatten)]
    server: server::ServerOptions,

    #[command(subcommand)]
    command: Option<Command>,
}

fn long_help_end() -> String {
    format!("{EXAMPLES}\n\n{}", exit_code::HELP)
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create, list, describe, alter and delete topics, and their records
    #[command(subcommand)]
    Topic(topic::TopicCommand),
    /// Show and change configurations of topics, brokers, groups and client metrics
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// See what consumer groups do, and move their offsets
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Limit what users, clients and addresses take
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
    /// See what a cluster is made of: brokers, quorum, features, directories
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Show what a broker does, live
    Top(top::Top),
    /// Write records to a topic, one a line
    Produce(produce::Produce),
    /// Read records of a topic
    Consume(consume::Consume),
    /// Prepare a server's directories
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    /// Show which requests a broker serves, in which versions
    ApiVersions(api_versions::ApiVersions),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

/// Does what the arguments of this process say.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse().and_then(check_server_options) {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    let default = if cli.command.is_none() { LevelFilter::INFO } else { LevelFilter::WARN };
    if let Err(error) = logging::start(cli.log.unwrap_or_else(|| LogLevels::at(default))) {
        let _ = writeln!(std::io::stderr(), "error: the log cannot be started: {error}");
        return ExitCode::Error;
    }
    let result = match cli.command {
        None => server::run(&cli.server),
        Some(command) => run_command(command).map(|()| ExitCode::Ok),
    };
    result.unwrap_or_else(|error| {
        output::print_error(&error);
        error.exit_code()
    })
}

fn run_command(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Topic(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Group(command) => command.run(),
        Command::Quota(command) => command.run(),
        Command::Cluster(command) => command.run(),
        Command::Top(command) => command.run(),
        Command::Produce(command) => command.run(),
        Command::Consume(command) => command.run(),
        Command::Storage(command) => command.run(),
        Command::ApiVersions(command) => command.run(),
        Command::Completion(command) => command.run(),
    }
}

/// `--config` and `--override` belong to the server.
fn check_server_options(cli: Cli) -> Result<Cli, clap::Error> {
    match &cli.command {
        Some(_) if !cli.server.is_empty() => Err(Cli::command().error(
            ErrorKind::ArgumentConflict,
            "--config and --override before a subcommand have no effect: they are for serving",
        )),
        _ => Ok(cli),
    }
}

/// Help and version go to stdout and are no failure.
fn print_usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's choice.
    let _ = error.print();
    if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok }
}
