//! Changes to configurations: done, told, counted.

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::client::configs::{ConfigChange, ConfigResource};
use crate::cli::error::CommandError;
use crate::cli::options::Format;
use crate::cli::output;

/// Does these changes to each resource, or only checks them, and tells.
///
/// # Errors
/// A resource that does not exist, a change that is refused: told, and the other resources are changed.
pub(crate) fn apply(
    client: &mut Client,
    resources: &[ConfigResource],
    changes: &[ConfigChange],
    validate_only: bool,
    format: Format,
) -> Result<(), CommandError> {
    let mut results = Vec::new();
    for resource in resources {
        let result = client.alter_configs(resource, changes, validate_only);
        if result.is_ok() && format == Format::Text {
            output::print(&told(resource, changes, validate_only))?;
        }
        results.push((resource, result));
    }
    if format == Format::Json {
        let one = |(resource, result): &(&ConfigResource, Result<(), _>)| -> Value {
            json!({
                "resource": resource.to_string(),
                "changed": result.is_ok() && !validate_only,
                "error": result.as_ref().err().map(ToString::to_string),
            })
        };
        output::print_json(&results.iter().map(one).collect())?;
    }
    output::report_failures(results.into_iter().map(|(_, result)| result))
}

fn told(resource: &ConfigResource, changes: &[ConfigChange], validate_only: bool) -> String {
    if validate_only {
        return format!("The configuration of {resource} could be changed so.\n");
    }
    let one = |change: &ConfigChange| match change {
        ConfigChange::Set(key, value) => format!("{resource}: {key} is {value:?} now.\n"),
        ConfigChange::Unset(key) => format!("{resource}: {key} is not set now.\n"),
        ConfigChange::Append(key, value) => format!("{resource}: {key} has {value:?} now.\n"),
        ConfigChange::Subtract(key, value) => format!("{resource}: {key} is without {value:?} now.\n"),
    };
    changes.iter().map(one).collect()
}
