//! What must differ between two brokers, and what has no order: `cases/rules.toml`.

use std::path::Path;

use crate::case::{read, tables, text};
use crate::compare::Difference;

/// A field of an API's answers, by a path whose `*` stands for one segment and `**` for any number.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// `*` is every API.
    pub(crate) api: String,
    pub(crate) path: String,
    pub(crate) why: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Of these only the kind of value is compared: none, zero, some.
    pub(crate) differs: Vec<Rule>,
    /// Lists that are compared as sets.
    pub(crate) unordered: Vec<Rule>,
    /// Differences that we want wherever they occur.
    pub(crate) declared: Vec<DeclaredRule>,
}

/// A wanted difference of a field, where Kafka's value is a given one.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredRule {
    pub(crate) rule: Rule,
    /// As the report prints it; none is any.
    pub(crate) kafka: Option<String>,
}

impl Rules {
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let table = read(path)?;
        let rules =
            |key: &str| -> Result<Vec<Rule>, String> { tables(&table, key)?.into_iter().map(rule).collect() };
        let declared =
            tables(&table, "declared")?.into_iter().map(declared_rule).collect::<Result<_, _>>()?;
        Ok(Self { differs: rules("differs")?, unordered: rules("unordered")?, declared })
    }

    pub(crate) fn differs(&self, api: &str, path: &[String]) -> bool {
        self.differs.iter().any(|rule| rule.holds(api, path))
    }

    pub(crate) fn is_unordered(&self, api: &str, path: &[String]) -> bool {
        self.unordered.iter().any(|rule| rule.holds(api, path))
    }
}

impl DeclaredRule {
    /// Whether this difference is meant.
    pub(crate) fn holds(&self, api: &str, difference: &Difference) -> bool {
        let path: Vec<String> = difference.path.split('.').map(str::to_owned).collect();
        let is_value = |wanted: &String| difference.kafka.as_ref() == Some(wanted);
        self.kafka.as_ref().is_none_or(is_value) && self.rule.holds(api, &path)
    }
}

fn declared_rule(table: &toml::Table) -> Result<DeclaredRule, String> {
    Ok(DeclaredRule { rule: rule(table)?, kafka: text(table, "kafka")? })
}

impl Rule {
    fn holds(&self, api: &str, path: &[String]) -> bool {
        (self.api == "*" || self.api.split(", ").any(|one| one == api)) && matches(&self.path, path)
    }
}

fn rule(table: &toml::Table) -> Result<Rule, String> {
    let needed = |key: &str| text(table, key)?.ok_or_else(|| format!("a rule without {key}"));
    Ok(Rule { api: needed("api")?, path: needed("path")?, why: needed("why")? })
}

/// Whether a pattern holds of a path.
pub(crate) fn matches(pattern: &str, path: &[String]) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    matches_from(&pattern, path)
}

fn matches_from(pattern: &[&str], path: &[String]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            matches_from(rest, path) || (!path.is_empty() && matches_from(pattern, &path[1..]))
        }
        ([first, rest @ ..], [segment, after @ ..]) => {
            (*first == "*" || first == segment) && matches_from(rest, after)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_segments() {
        let path: Vec<String> = ["Topics", "0", "Id"].map(str::to_owned).to_vec();
        let yes = ["Topics.*.Id", "**.Id", "**", "Topics.**", "Topics.0.Id"];
        assert!(yes.iter().all(|pattern| matches(pattern, &path)));
        assert!(["Topics.Id", "*.Id", "Topics.*", "Id"].iter().all(|pattern| !matches(pattern, &path)));
    }
}
