//! Two answers, field by field.

use std::collections::BTreeMap;

use jackdaw_core::uuid::Uuid;

use crate::fill::Variables;
use crate::rules::Rules;
use crate::value::Value;

/// A field and what stands in it, as text. A message without fields is one line.
pub(crate) type Lines = Vec<(String, String)>;

/// A field that the two brokers fill otherwise; none where it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) kafka: Option<String>,
    pub(crate) jackdaw: Option<String>,
}

/// What one broker's answer is compared by.
pub(crate) struct View<'a> {
    pub(crate) api: &'a str,
    pub(crate) rules: &'a Rules,
    pub(crate) variables: &'a Variables,
    pub(crate) only: &'a [String],
}

impl View<'_> {
    /// The answer's fields, without what must differ.
    pub(crate) fn lines(&self, answer: &Value) -> Lines {
        let mut lines = Vec::new();
        flatten(&self.reduce(answer, &mut Vec::new()), "", &mut lines);
        lines
    }

    fn reduce(&self, value: &Value, path: &mut Vec<String>) -> Value {
        if self.rules.differs(self.api, path) {
            return kind_of(value);
        }
        match value {
            Value::List(elements) => self.reduce_list(elements, path),
            Value::Struct(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    path.push(name.clone());
                    let reduced = self.reduce(value, path);
                    path.pop();
                    (name.clone(), reduced)
                });
                Value::Struct(fields.collect())
            }
            other => self.without_names(other),
        }
    }

    fn reduce_list(&self, elements: &[Value], path: &mut Vec<String>) -> Value {
        let whole = path.join(".");
        let unordered = self.rules.is_unordered(self.api, path);
        path.push("*".to_owned());
        let mut reduced: Vec<Value> = elements.iter().map(|element| self.reduce(element, path)).collect();
        path.pop();
        if self.only.contains(&whole) {
            reduced.retain(|element| rendered(element).contains("NAME"));
        }
        if unordered {
            reduced.sort_by_cached_key(rendered);
        }
        Value::List(reduced)
    }

    /// What the case named or saved stands as its name.
    fn without_names(&self, value: &Value) -> Value {
        for (name, saved) in &self.variables.saved {
            if matches!(saved, Value::Uuid(id) if !id.is_zero()) && saved == value {
                return Value::Text(format!("<{name}>"));
            }
        }
        let Value::Text(text) = value else { return value.clone() };
        let mut text = text.replace(&self.variables.name, "NAME");
        for (name, saved) in &self.variables.saved {
            let saved = match saved {
                Value::Text(saved) => saved.replace(&self.variables.name, "NAME"),
                Value::Uuid(saved) if !saved.is_zero() => saved.to_string(),
                _ => continue,
            };
            if !saved.is_empty() {
                text = text.replace(&saved, &format!("<{name}>"));
            }
        }
        Value::Text(text)
    }
}

/// What stays comparable of a value that must differ.
fn kind_of(value: &Value) -> Value {
    Value::Text(match value {
        Value::Int(number) if *number > 0 => "<number>".to_owned(),
        Value::Float(_) => "<number>".to_owned(),
        Value::Uuid(id) if *id != Uuid::ZERO => "<id>".to_owned(),
        Value::Text(text) if !text.is_empty() => "<text>".to_owned(),
        Value::Bytes(bytes) if !bytes.is_empty() => "<bytes>".to_owned(),
        Value::List(elements) if !elements.is_empty() => "<list>".to_owned(),
        other => return other.clone(),
    })
}

fn rendered(value: &Value) -> String {
    let mut lines = Vec::new();
    flatten(value, "", &mut lines);
    format!("{lines:?}")
}

fn flatten(value: &Value, path: &str, lines: &mut Lines) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::List(elements) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                flatten(element, &below(&index.to_string()), lines);
            }
        }
        Value::Struct(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(value, &below(name), lines);
            }
        }
        other => lines.push((path.to_owned(), other.to_string())),
    }
}

/// Every field in which two answers differ, in the order of Kafka's.
pub(crate) fn differences(kafka: &Lines, jackdaw: &Lines) -> Vec<Difference> {
    let ours: BTreeMap<&str, &str> =
        jackdaw.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let theirs: BTreeMap<&str, &str> =
        kafka.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut found = Vec::new();
    for (path, text) in kafka {
        let other = ours.get(path.as_str()).copied();
        if other != Some(text.as_str()) {
            let jackdaw = other.map(str::to_owned);
            found.push(Difference { path: path.clone(), kafka: Some(text.clone()), jackdaw });
        }
    }
    for (path, text) in jackdaw {
        if !theirs.contains_key(path.as_str()) {
            found.push(Difference { path: path.clone(), kafka: None, jackdaw: Some(text.clone()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rule;

    fn answer(id: u8, name: &str, error: i64) -> Value {
        let topic = |name: &str, error| {
            Value::Struct(vec![
                ("Id".to_owned(), Value::Uuid(Uuid([id; 16]))),
                ("Name".to_owned(), Value::Text(name.to_owned())),
                ("Error".to_owned(), Value::Int(error)),
            ])
        };
        Value::Struct(vec![("Topics".to_owned(), Value::List(vec![topic(name, error), topic("b", 0)]))])
    }

    fn rules() -> Rules {
        let rule = |path: &str| Rule { api: "*".into(), path: path.into(), why: "a test".into() };
        Rules { differs: vec![rule("**.Id")], unordered: vec![rule("Topics")], declared: Vec::new() }
    }

    fn view<'a>(rules: &'a Rules, variables: &'a Variables) -> View<'a> {
        View { api: "A", rules, variables, only: &[] }
    }

    #[test]
    fn what_must_differ_and_names_are_left_out() {
        let named = |name: &str| Variables { name: name.into(), now_ms: 0, saved: BTreeMap::new() };
        let (rules, first, second) = (rules(), named("x1"), named("y2"));
        let kafka = view(&rules, &first).lines(&answer(1, "x1", 3));
        let jackdaw = view(&rules, &second).lines(&answer(2, "y2", 3));
        assert_eq!(differences(&kafka, &jackdaw), []);
        let jackdaw = view(&rules, &second).lines(&answer(0, "y2", 4));
        let paths: Vec<_> = differences(&kafka, &jackdaw).into_iter().map(|found| found.path).collect();
        assert_eq!(paths, ["Topics.0.Id", "Topics.0.Error", "Topics.1.Id"]);
    }

    #[test]
    fn a_field_that_one_lacks_is_a_difference() {
        let line = |path: &str| (path.to_owned(), "1".to_owned());
        let found = differences(&vec![line("a")], &vec![line("b")]);
        assert_eq!((found.len(), &found[0].jackdaw, &found[1].kafka), (2, &None, &None));
    }
}
