//! A line of the dump: what it is about, and named values; as text or as a JSON object.

use std::io::{self, Write};

use serde_json::{Map, Value};

/// Prints lines.
pub(super) struct Printer<W> {
    pub(super) out: W,
    is_json: bool,
    /// Something could not be read as what it should be.
    pub(super) has_damage: bool,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W, is_json: bool) -> Self {
        Self { out, is_json, has_damage: false }
    }

    /// One line: `kind name=value name=value`, or an object with the kind in it.
    pub(super) fn line(&mut self, kind: &str, values: Vec<(&str, Value)>) -> io::Result<()> {
        if self.is_json {
            let mut object = Map::new();
            object.insert("kind".to_owned(), kind.into());
            object.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
            return writeln!(self.out, "{}", Value::Object(object));
        }
        write!(self.out, "{kind}")?;
        for (name, value) in values {
            write!(self.out, " {name}=")?;
            match value {
                Value::String(text) if is_plain(&text) => write!(self.out, "{text}")?,
                Value::Null => write!(self.out, "-")?,
                value => write!(self.out, "{value}")?,
            }
        }
        writeln!(self.out)
    }
}

/// Text that needs no quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text != "-"
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_must_be() {
        let print = |is_json| {
            let mut printer = Printer::new(Vec::new(), is_json);
            let values = vec![
                ("n", 1.into()),
                ("plain", "a/b".into()),
                ("spaced", "a b".into()),
                ("null", Value::Null),
            ];
            printer.line("batch", values).unwrap();
            String::from_utf8(printer.out).unwrap()
        };
        assert_eq!(print(false), "batch n=1 plain=a/b spaced=\"a b\" null=-\n");
        assert_eq!(
            print(true),
            "{\"kind\":\"batch\",\"n\":1,\"null\":null,\"plain\":\"a/b\",\"spaced\":\"a b\"}\n"
        );
    }
}
