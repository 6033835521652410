//! The command line: pairs of a name and a value, and after `--` a program.

use std::{collections::BTreeMap, error::Error, net::SocketAddr, path::Path, str::FromStr, time::Duration};

use jackdaw_bench::ballast::Ballast;

/// What was not asked for by the end is an error: a misspelt name must not go unseen.
pub(crate) struct Arguments {
    values: BTreeMap<String, String>,
    program: Vec<String>,
}

impl Arguments {
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let mut values = BTreeMap::new();
        for pair in words[..end].chunks(2) {
            let [name, value] = pair else { return Err(format!("{} has no value", pair.concat())) };
            if !name.starts_with("--") || values.insert(name.clone(), value.clone()).is_some() {
                return Err(format!("{name} is no option, or is there twice"));
            }
        }
        Ok(Self { values, program: words.get(end + 1..).unwrap_or_default().to_vec() })
    }

    pub(crate) fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.values.remove(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name} {text} is not understood"))
    }

    pub(crate) fn number<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    pub(crate) fn text(&mut self, name: &str, default: &str) -> String {
        self.values.remove(name).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn seconds(&mut self, name: &str, default: f64) -> Result<Duration, String> {
        Duration::try_from_secs_f64(self.number(name, default)?).map_err(|error| format!("{name}: {error}"))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.text(name, "no").as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(format!("{name} {other} is neither yes nor no")),
        }
    }

    pub(crate) fn bootstrap(&mut self) -> Result<SocketAddr, String> {
        self.number("--bootstrap", SocketAddr::from(([127, 0, 0, 1], 9092)))
    }

    pub(crate) fn acks(&mut self, default: i16) -> Result<i16, String> {
        match self.values.remove("--acks").as_deref() {
            None => Ok(default),
            Some("all" | "-1") => Ok(-1),
            Some("1") => Ok(1),
            Some(other) => Err(format!("--acks {other} is neither all nor 1")),
        }
    }

    /// Page cache to hold until the broker writes: `--ballast-bytes`, in `--ballast-in`.
    pub(crate) fn ballast(&mut self) -> Result<Ballast, Box<dyn Error>> {
        let bytes = self.number("--ballast-bytes", 0)?;
        let directory = self.text("--ballast-in", "/tmp");
        Ok(Ballast::take(Path::new(&directory), bytes)?)
    }

    pub(crate) fn program(&mut self) -> Vec<String> {
        std::mem::take(&mut self.program)
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        match self.values.keys().next() {
            Some(name) => Err(format!("{name} is not an option here")),
            None if !self.program.is_empty() => Err("no program is run here".to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arguments, String> {
        Arguments::parse(&text.split(' ').map(str::to_owned).collect::<Vec<String>>())
    }

    #[test]
    fn names_have_values_and_every_one_is_known() {
        let mut arguments = parse("--rate 5 --flush yes -- a --b").expect("pairs");
        assert_eq!(arguments.number("--rate", 1), Ok(5));
        assert_eq!(arguments.number("--other", 7), Ok(7));
        assert!(arguments.finish().is_err(), "--flush was not asked for");
        assert_eq!(arguments.flag("--flush"), Ok(true));
        assert_eq!(arguments.program(), ["a", "--b"]);
        assert_eq!(arguments.finish(), Ok(()));
        assert!(parse("--rate").is_err());
        assert!(parse("--rate 1 --rate 2").is_err());
    }
}
