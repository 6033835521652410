//! `jackdaw` without a subcommand: the server's options, its configuration, and the start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use jackdaw_core::config::{BrokerConfig, Notice, Settings};

use super::error::CommandError;
use crate::exit_code::ExitCode;
use crate::serve;

/// Variables that begin like those that set a key, and are options of the command line.
const OWN_VARIABLES: [&str; 2] = ["JACKDAW_BOOTSTRAP_SERVER", "JACKDAW_LOG"];

/// What a server is started with.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Serving")]
pub(crate) struct ServerOptions {
    /// A file in the form of Kafka's server.properties
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Sets one key, above the file and the environment; may be repeated
    ///
    /// A variable of the environment, JACKDAW_ and the key in upper case with underscores for dots, sets a key
    /// above the file: JACKDAW_LOG_DIRS=/data.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

impl ServerOptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_none() && self.overrides.is_empty()
    }
}

/// Serves until told to stop.
pub(crate) fn run(options: &ServerOptions) -> Result<ExitCode, CommandError> {
    let (config, notices) = load(options.config.as_deref(), &options.overrides)?;
    for notice in notices {
        match notice.is_a_slip() {
            true => tracing::warn!("{notice}"),
            false => tracing::info!("{notice}"),
        }
    }
    Ok(serve::serve(config))
}

/// A node's configuration: the file under the environment under the overrides.
pub(crate) fn load(
    file: Option<&Path>,
    overrides: &[String],
) -> Result<(BrokerConfig, Vec<Notice>), CommandError> {
    let text = match file {
        Some(path) => {
            // A wrong path is a wrong configuration: trying again does not help.
            let failed = |source| CommandError::Usage(format!("cannot read {}: {source}", path.display()));
            Some((path.display().to_string(), std::fs::read_to_string(path).map_err(failed)?))
        }
        None => None,
    };
    judge(text, std::env::vars_os(), overrides)
}

fn judge(
    file: Option<(String, String)>,
    environment: impl Iterator<Item = (OsString, OsString)>,
    overrides: &[String],
) -> Result<(BrokerConfig, Vec<Notice>), CommandError> {
    let wrong = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let mut settings = Settings::default();
    if let Some((path, text)) = file {
        settings.read_file(&path, &text).map_err(|error| wrong(&error))?;
    }
    // What is not UTF-8 names no key of ours.
    let variables = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !OWN_VARIABLES.contains(&name.as_str()));
    settings.read_environment(variables).map_err(|error| wrong(&error))?;
    for text in overrides {
        settings.read_override(text).map_err(|error| wrong(&error))?;
    }
    BrokerConfig::new(settings).map_err(|errors| wrong(&errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn overrides_go_before_the_environment_before_the_file() {
        let file = Some(("f".to_owned(), "num.partitions=2\nnode.id=7\nlog.dirs=/a\n".to_owned()));
        let environment = variables(&[("JACKDAW_NUM_PARTITIONS", "3"), ("JACKDAW_LOG_DIRS", "/b")]);
        let (config, notices) = judge(file, environment, &["num.partitions=4".to_owned()]).unwrap();
        assert_eq!((config.node.id, config.topics.num_partitions), (7, 4));
        assert_eq!(config.log.dirs, ["/b"]);
        assert_eq!(notices, []);
    }

    #[test]
    fn options_in_the_environment_are_no_keys() {
        let environment = variables(&[("JACKDAW_LOG", "info"), ("JACKDAW_NO_KEY", "x"), ("PATH", "/bin")]);
        let (_, notices) = judge(None, environment, &[]).unwrap();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].to_string().contains("JACKDAW_NO_KEY"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_matter_of_usage() {
        let error = load(Some(Path::new("/nonexistent/server.properties")), &[]).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage, "{error}");
        assert!(error.to_string().starts_with("cannot read /nonexistent/server.properties: "), "{error}");
    }

    #[test]
    fn what_is_wrong_is_a_matter_of_usage() {
        for overrides in [["num.partitions=many".to_owned()], ["no equals sign".to_owned()]] {
            let error = judge(None, variables(&[]), &overrides).unwrap_err();
            assert_eq!(error.exit_code(), ExitCode::Usage, "{error}");
        }
    }
}
