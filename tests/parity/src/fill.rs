//! A case's TOML as a value tree, with its placeholders filled in.

use std::collections::BTreeMap;

use crate::batch::batch;
use crate::value::Value;

/// What a case knows while it runs: `name`, `now`, and what it saved from answers.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    /// Unique to case and version; stands for `$name`.
    pub(crate) name: String,
    /// The same for all cases of a run, and for both brokers.
    pub(crate) now_ms: i64,
    /// What `$(…)` stands for.
    pub(crate) saved: BTreeMap<String, Value>,
}

impl Variables {
    fn get(&self, name: &str) -> Result<Value, String> {
        match name {
            "name" => Ok(Value::Text(self.name.clone())),
            "now" => Ok(Value::Int(self.now_ms)),
            _ => self.saved.get(name).cloned().ok_or_else(|| format!("nothing was saved as {name}")),
        }
    }
}

/// The tree that this TOML stands for:
/// `"$null"`, `"$name-x"`, `"$(saved)"`, `"$repeat(text,count)"`, and tables `{ batch = … }`, `{ batches = [ … ] }`.
pub(crate) fn fill(toml: &toml::Value, variables: &Variables) -> Result<Value, String> {
    Ok(match toml {
        toml::Value::String(text) => fill_text(text, variables)?,
        toml::Value::Integer(value) => Value::Int(*value),
        toml::Value::Float(value) => Value::Float(*value),
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Datetime(time) => return Err(format!("{time} has no place in a request")),
        toml::Value::Array(elements) => {
            let elements = elements.iter().map(|element| fill(element, variables));
            Value::List(elements.collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => return fill_table(table, variables),
    })
}

/// A table, or the batches that it describes.
pub(crate) fn fill_table(table: &toml::Table, variables: &Variables) -> Result<Value, String> {
    if let Some(described) = table.get("batch") {
        return batch(&fill(described, variables)?, variables.now_ms).map(Value::Bytes);
    }
    if let Some(described) = table.get("batches").and_then(toml::Value::as_array) {
        let mut bytes = Vec::new();
        for one in described {
            bytes.extend(batch(&fill(one, variables)?, variables.now_ms)?);
        }
        return Ok(Value::Bytes(bytes));
    }
    let fields = table.iter().map(|(name, value)| Ok((name.clone(), fill(value, variables)?)));
    Ok(Value::Struct(fields.collect::<Result<_, String>>()?))
}

fn fill_text(text: &str, variables: &Variables) -> Result<Value, String> {
    if text == "$null" {
        return Ok(Value::Null);
    }
    if let Some(name) = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'))
        && !name.contains(')')
    {
        return variables.get(name);
    }
    if let Some(arguments) = text.strip_prefix("$repeat(").and_then(|rest| rest.strip_suffix(')')) {
        let (text, count) = arguments.rsplit_once(',').ok_or("$repeat(text,count)")?;
        let count = count.parse().map_err(|_| format!("{count} is no count"))?;
        return Ok(Value::Text(text.replace("$name", &variables.name).repeat(count)));
    }
    inside(text, variables).map(Value::Text)
}

/// A text with placeholders in it.
fn inside(text: &str, variables: &Variables) -> Result<String, String> {
    let text = text.replace("$name", &variables.name);
    let mut parts = text.split("$(");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(')').ok_or_else(|| format!("{text} has a $( without an end"))?;
        filled.push_str(&variables.get(name)?.as_text());
        filled.push_str(rest);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled() {
        let saved = BTreeMap::from([("pid".to_owned(), Value::Int(7))]);
        let variables = Variables { name: "n1".to_owned(), now_ms: 5, saved };
        let filled = |text: &str| fill(&toml::Value::String(text.to_owned()), &variables);
        assert_eq!(filled("$null"), Ok(Value::Null));
        assert_eq!(filled("$name-a"), Ok(Value::Text("n1-a".to_owned())));
        assert_eq!(filled("$(pid)"), Ok(Value::Int(7)));
        assert_eq!(filled("a $(pid) b $(now)"), Ok(Value::Text("a 7 b 5".to_owned())));
        assert_eq!(filled("$repeat(ab,3)"), Ok(Value::Text("ababab".to_owned())));
        assert!(filled("$(other)").is_err());
    }
}
