//! A configured value: parsed by its type, held to its range, refused in Kafka's words.

use std::fmt;

use super::row::{ConfigKey, Kind, Valid};

/// A value of the type its key has.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Boolean(bool),
    Int(i32),
    Short(i16),
    Long(i64),
    Double(f64),
    /// A string, class name or password, without the white space around it.
    Text(String),
    List(Vec<String>),
}

/// Why a value is refused. `Display` says what is allowed; [`Refusal::kafka_text`] is Kafka's own sentence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("not a number of type {}", .0.name())]
    NotANumber(Kind),
    #[error("must be true or false")]
    NotABoolean,
    #[error("must be at least {0}")]
    TooSmall(Bound),
    #[error("must be no more than {0}")]
    TooLarge(Bound),
    #[error("must be 1 to 9, or -1")]
    NotAGzipLevel,
    #[error("must be one of {}", .0.join(", "))]
    NotOneOf(&'static [&'static str]),
    #[error("must be one of {} (in any case)", .0.join(", "))]
    NotOneOfAnyCase(&'static [&'static str]),
    /// One element of a list is not among those allowed.
    #[error("{element} must be one of {}", .allowed.join(", "))]
    ElementNotOneOf { element: String, allowed: &'static [&'static str] },
    #[error("must have no empty element")]
    EmptyElement,
    #[error("must not be empty")]
    Empty,
    #[error("must be * or a list of partition:broker pairs")]
    NotReplicas(Vec<String>),
    #[error("must be latest, earliest, or by_duration: and an ISO 8601 length of time such as PT1H")]
    NotAnOffsetReset,
}

/// The end of a range, as its type prints it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    Whole(i64),
    Real(f64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Whole(n) => write!(f, "{n}"),
            Bound::Real(n) => write!(f, "{n}"),
        }
    }
}

impl Refusal {
    /// What Kafka 4.4 answers with INVALID_CONFIG; asked of a real broker, see the tests.
    pub fn kafka_text(&self, name: &str, value: &str) -> String {
        let (value, why) = match self {
            Refusal::NotANumber(kind) => (value, format!("Not a number of type {}", kind.name())),
            Refusal::NotABoolean => (value, "Expected value to be either true or false".to_owned()),
            Refusal::TooSmall(least) => (value, format!("Value must be at least {least}")),
            Refusal::TooLarge(most) => (value, format!("Value must be no more than {most}")),
            Refusal::NotAGzipLevel => (value, "Value must be between 1 and 9 or equal to -1".to_owned()),
            Refusal::NotOneOf(names) => (value, format!("String must be one of: {}", names.join(", "))),
            Refusal::NotOneOfAnyCase(names) => {
                (value, format!("String must be one of (case insensitive): {}", names.join(", ")))
            }
            Refusal::ElementNotOneOf { element, allowed } => {
                (element.as_str(), format!("String must be one of: {}", allowed.join(", ")))
            }
            Refusal::EmptyElement => return format!("Configuration '{name}' values must not be empty."),
            Refusal::Empty => (value, "String must be non-empty".to_owned()),
            Refusal::NotReplicas(elements) => {
                return format!(
                    "Invalid value [{}] for configuration {name}: {name} must be the literal '*' or a list of \
                     replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                    elements.join(", ")
                );
            }
            Refusal::NotAnOffsetReset => {
                let why = format!(
                    "Invalid value `{value}` for configuration {name}. The value must be either 'earliest', 'latest' \
                     or of the format 'by_duration:<PnDTnHnMn.nS>'."
                );
                (value, why)
            }
        };
        format!("Invalid value {value} for configuration {name}: {why}")
    }
}

impl ConfigKey {
    /// Parses and checks a value as Kafka does: white space around it does not count, numbers may carry a
    /// plus, booleans stand in any case, lists are split at commas.
    pub fn parse(&self, raw: &str) -> Result<Value, Refusal> {
        let raw = raw.trim();
        match self.kind {
            Kind::Boolean if raw.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Kind::Boolean if raw.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Kind::Boolean => Err(Refusal::NotABoolean),
            Kind::Int => self.whole(raw, i32::MIN.into(), i32::MAX.into()).map(|n| Value::Int(n as i32)),
            Kind::Short => self.whole(raw, i16::MIN.into(), i16::MAX.into()).map(|n| Value::Short(n as i16)),
            Kind::Long => self.whole(raw, i64::MIN, i64::MAX).map(Value::Long),
            Kind::Double => self.real(raw).map(Value::Double),
            Kind::String | Kind::Class | Kind::Password => self.text(raw).map(Value::Text),
            Kind::List => self.elements(raw).map(Value::List),
        }
    }

    fn whole(&self, raw: &str, smallest: i64, largest: i64) -> Result<i64, Refusal> {
        let number: i64 = raw.parse().map_err(|_| Refusal::NotANumber(self.kind))?;
        if number < smallest || number > largest {
            return Err(Refusal::NotANumber(self.kind));
        }
        match self.valid {
            Valid::AtLeast(least) | Valid::Between(least, _) if number < least => {
                Err(Refusal::TooSmall(Bound::Whole(least)))
            }
            Valid::Between(_, most) if number > most => Err(Refusal::TooLarge(Bound::Whole(most))),
            Valid::GzipLevel if number != -1 && !(1..=9).contains(&number) => Err(Refusal::NotAGzipLevel),
            _ => Ok(number),
        }
    }

    /// NaN passes every range, as in Kafka.
    fn real(&self, raw: &str) -> Result<f64, Refusal> {
        let number: f64 = raw.parse().map_err(|_| Refusal::NotANumber(self.kind))?;
        match self.valid {
            Valid::Fraction(least, _) if number < least => Err(Refusal::TooSmall(Bound::Real(least))),
            Valid::Fraction(_, most) if number > most => Err(Refusal::TooLarge(Bound::Real(most))),
            _ => Ok(number),
        }
    }

    fn text(&self, raw: &str) -> Result<String, Refusal> {
        match self.valid {
            Valid::OneOf(names) if !names.contains(&raw) => Err(Refusal::NotOneOf(names)),
            Valid::OneOfAnyCase(names) if !names.iter().any(|name| name.eq_ignore_ascii_case(raw)) => {
                Err(Refusal::NotOneOfAnyCase(names))
            }
            Valid::NonEmpty if raw.is_empty() => Err(Refusal::Empty),
            Valid::AutoOffsetReset if !is_offset_reset(raw) => Err(Refusal::NotAnOffsetReset),
            _ => Ok(raw.to_owned()),
        }
    }

    fn elements(&self, raw: &str) -> Result<Vec<String>, Refusal> {
        if raw.is_empty() {
            return Ok(Vec::new());
        }
        let mut elements: Vec<String> = Vec::new();
        for element in raw.split(',').map(str::trim) {
            if element.is_empty() {
                return Err(Refusal::EmptyElement);
            }
            // A value that stands twice counts once.
            if !elements.iter().any(|known| known == element) {
                elements.push(element.to_owned());
            }
        }
        match self.valid {
            Valid::ListOf(allowed) => {
                if let Some(element) = elements.iter().find(|element| !allowed.contains(&element.as_str())) {
                    return Err(Refusal::ElementNotOneOf { element: element.clone(), allowed });
                }
            }
            Valid::ThrottledReplicas if !are_replicas(&elements) => {
                return Err(Refusal::NotReplicas(elements));
            }
            _ => {}
        }
        Ok(elements)
    }
}

fn are_replicas(elements: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_pair = |element: &String| {
        element.split_once(':').is_some_and(|(p, broker)| is_number(p) && is_number(broker))
    };
    matches!(elements, [all] if all == "*") || elements.iter().all(is_pair)
}

fn is_offset_reset(raw: &str) -> bool {
    match raw.strip_prefix("by_duration:") {
        Some(length) => length.len() > 2 && length.starts_with('P'),
        None => raw == "latest" || raw == "earliest",
    }
}

impl fmt::Display for Value {
    /// The form that DescribeConfigs sends and that can be parsed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Short(value) => write!(f, "{value}"),
            Value::Long(value) => write!(f, "{value}"),
            Value::Double(value) => write!(f, "{value:?}"),
            Value::Text(value) => f.write_str(value),
            Value::List(elements) => f.write_str(&elements.join(",")),
        }
    }
}

#[cfg(test)]
mod tests;
