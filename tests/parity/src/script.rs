//! A case at one version, played on one broker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::case::{Case, Step};
use crate::catalog::{Api, Catalog};
use crate::connection::{Connection, Outcome};
use crate::fill::{Variables, fill, fill_table};
use crate::value::Value;
use crate::wire;

/// A state that a step waits for is there by then.
const UNTIL: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// What came of a step whose answers are compared.
pub(crate) struct Played<'a> {
    pub(crate) api: &'a str,
    pub(crate) outcome: Outcome,
}

/// The broker, and the versions that steps without one are sent at: by API.
pub(crate) struct Target<'a> {
    pub(crate) address: &'a str,
    pub(crate) newest: &'a BTreeMap<String, i16>,
    pub(crate) catalog: &'a Catalog,
}

struct Player<'t, 'a> {
    target: &'t Target<'a>,
    connections: BTreeMap<&'a str, Connection<'a>>,
    variables: Variables,
}

/// Sends all requests of a case; its own at `version`.
pub(crate) fn play<'a>(
    target: &Target<'a>,
    case: &'a Case,
    version: i16,
    variables: Variables,
) -> Result<(Vec<Played<'a>>, Variables), String> {
    let mut player = Player { target, connections: BTreeMap::new(), variables };
    let mut played = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let version = if index == case.own { Some(version) } else { step.version };
        let named = |error: String| format!("step {} ({}): {error}", index + 1, step.api);
        let Some(outcome) = player.step(step, version).map_err(named)? else { continue };
        if step.compared {
            played.push(Played { api: &step.api, outcome });
        } else if !step.may_fail {
            succeeded(&outcome).map_err(named)?;
        }
    }
    Ok((played, player.variables))
}

impl<'a> Player<'_, 'a> {
    fn step(&mut self, step: &'a Step, version: Option<i16>) -> Result<Option<Outcome>, String> {
        if step.answer {
            return self.receive(step).map(Some);
        }
        let newest = || self.target.newest.get(&step.api).copied();
        let version = version.or_else(newest).ok_or_else(|| format!("{} is not served", step.api))?;
        let api = self.target.catalog.get(&step.api)?;
        let deadline = Instant::now() + UNTIL;
        loop {
            self.send(step, api, version)?;
            if step.pending {
                return Ok(None);
            }
            let outcome = self.receive(step)?;
            if self.is_reached(step, &outcome)? {
                return Ok(Some(outcome));
            }
            if Instant::now() > deadline {
                return Err(format!("{:?} is not so within {UNTIL:?}: {outcome:?}", step.until));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn send(&mut self, step: &'a Step, api: &'a Api, version: i16) -> Result<(), String> {
        let request = fill_table(&step.request, &self.variables)?;
        let body = wire::encode(&api.request, &request, version)?;
        let connection = match self.connections.remove(step.connection.as_str()) {
            Some(open) => open,
            None => Connection::open(self.target.address)?,
        };
        self.connections.entry(&step.connection).or_insert(connection).send(api, version, &body);
        Ok(())
    }

    fn receive(&mut self, step: &Step) -> Result<Outcome, String> {
        let connection = self.connections.get_mut(step.connection.as_str());
        let outcome = connection.ok_or_else(|| format!("no connection {}", step.connection))?.receive()?;
        let Outcome::Answer(answer) = &outcome else {
            self.connections.remove(step.connection.as_str());
            return Ok(outcome);
        };
        for (name, path) in &step.save {
            let value = answer.at(path).ok_or_else(|| format!("nothing stands at {path} in {answer:?}"))?;
            self.variables.saved.insert(name.clone(), value.clone());
        }
        Ok(outcome)
    }

    fn is_reached(&self, step: &Step, outcome: &Outcome) -> Result<bool, String> {
        for (path, wanted) in &step.until {
            let Outcome::Answer(answer) = outcome else { return Ok(false) };
            if answer.at(path) != Some(&fill(wanted, &self.variables)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A step of the preparation must hold no error.
fn succeeded(outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Answer(answer) if has_error(answer) => Err(format!("is answered {answer:?}")),
        Outcome::Answer(_) => Ok(()),
        other => Err(format!("{other:?} instead of an answer")),
    }
}

fn has_error(value: &Value) -> bool {
    match value {
        Value::Struct(fields) => fields
            .iter()
            .any(|(name, value)| name == "ErrorCode" && *value != Value::Int(0) || has_error(value)),
        Value::List(elements) => elements.iter().any(has_error),
        _ => false,
    }
}
