//! The one binary: `jackdaw` serves, its subcommands speak to a broker.

mod cli;
mod exit_code;
mod logging;
mod serve;
mod utc;

fn main() -> std::process::ExitCode {
    logging::install_panic_hook();
    cli::run().into()
}
