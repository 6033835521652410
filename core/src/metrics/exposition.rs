//! The text form that Prometheus reads, version 0.0.4.

use std::fmt::{self, Write as _};

use super::{Family, Kind};

/// Of a page in this form.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A sample's value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    Unsigned(u64),
    Signed(i64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Unsigned(value as u64)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Signed(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Unsigned(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => value.fmt(formatter),
            Self::Signed(value) => value.fmt(formatter),
            Self::Real(value) if value.is_nan() => formatter.write_str("NaN"),
            Self::Real(value) => value.fmt(formatter),
        }
    }
}

/// A page in the making. All samples of a family follow its head.
#[derive(Default, Debug)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Begin a family.
    pub fn head(&mut self, family: &Family) {
        let (name, kind) = (family.name, family.kind.name());
        // Writing into a string cannot fail; here and below.
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
    }

    /// One sample. A label without a value is left out.
    ///
    /// # Panics
    /// Where the family has another number of labels.
    pub fn sample(&mut self, family: &Family, labels: &[&str], value: impl Into<Value>) {
        self.line(family, "", labels, None, value.into());
    }

    /// A family of one sample.
    pub fn single(&mut self, family: &Family, value: impl Into<Value>) {
        self.head(family);
        self.sample(family, &[], value);
    }

    /// One summary: quantiles such as `"0.99"` with their values, the sum and the count.
    pub fn summary(
        &mut self,
        family: &Family,
        labels: &[&str],
        quantiles: impl IntoIterator<Item = (&'static str, f64)>,
        sum: f64,
        count: u64,
    ) {
        assert_eq!(family.kind, Kind::Summary, "{} is no summary", family.name);
        for (quantile, value) in quantiles {
            self.line(family, "", labels, Some(quantile), value.into());
        }
        self.line(family, "_sum", labels, None, sum.into());
        self.line(family, "_count", labels, None, count.into());
    }

    fn line(&mut self, family: &Family, suffix: &str, labels: &[&str], quantile: Option<&str>, value: Value) {
        assert_eq!(family.labels.len(), labels.len(), "{} has other labels", family.name);
        self.text.push_str(family.name);
        self.text.push_str(suffix);
        let named = family.labels.iter().copied().zip(labels.iter().copied());
        let mut before = '{';
        for (name, value) in named.chain(quantile.map(|quantile| ("quantile", quantile))) {
            if value.is_empty() {
                continue;
            }
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.push_escaped(value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    fn push_escaped(&mut self, value: &str) {
        if !value.contains(['\\', '"', '\n']) {
            return self.text.push_str(value);
        }
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: Family = Family {
        name: "bytes_total",
        kind: Kind::Counter,
        labels: &["topic", "partition"],
        help: "Bytes of something.",
    };
    const TIMES: Family = Family { name: "times", kind: Kind::Summary, labels: &["api"], help: "Times." };
    const UP: Family = Family { name: "up", kind: Kind::Gauge, labels: &[], help: "Whether it is up." };

    #[test]
    fn a_page() {
        let mut page = Exposition::default();
        page.single(&UP, true);
        page.head(&BYTES);
        page.sample(&BYTES, &["", ""], 7_u64);
        page.sample(&BYTES, &["a", "0"], -1_i64);
        page.sample(&BYTES, &["a\"b\\c\nd", ""], 0.5);
        page.head(&TIMES);
        page.summary(&TIMES, &["Fetch"], [("0.50", 1.25), ("0.99", f64::NAN)], 10.0, 3);
        let expected = "\
# HELP up Whether it is up.
# TYPE up gauge
up 1
# HELP bytes_total Bytes of something.
# TYPE bytes_total counter
bytes_total 7
bytes_total{topic=\"a\",partition=\"0\"} -1
bytes_total{topic=\"a\\\"b\\\\c\\nd\"} 0.5
# HELP times Times.
# TYPE times summary
times{api=\"Fetch\",quantile=\"0.50\"} 1.25
times{api=\"Fetch\",quantile=\"0.99\"} NaN
times_sum{api=\"Fetch\"} 10
times_count{api=\"Fetch\"} 3
";
        assert_eq!(page.take(), expected);
        assert!(page.is_empty());
    }
}
