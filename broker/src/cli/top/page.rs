//! The metrics page: fetched over HTTP, read as samples.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::cli::client::address::Address;

/// More than a node of 200,000 partitions tells.
const PAGE_BYTES_MAX: u64 = 1 << 30;

/// A page that is not there is no reason to wait.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Names with their samples, each with its labels.
#[derive(Debug, Default)]
pub(super) struct Page(BTreeMap<String, Vec<Sample>>);

#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

impl Page {
    pub(super) fn samples(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.0.get(name).into_iter().flatten()
    }

    /// The sample without labels.
    pub(super) fn single(&self, name: &str) -> Option<f64> {
        self.samples(name).find(|sample| sample.labels.is_empty()).map(|sample| sample.value)
    }

    /// What cannot be read is left out.
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, sample)) = parse_line(line) {
                page.0.entry(name.to_owned()).or_default().push(sample);
            }
        }
        page
    }
}

/// `name{label="value",...} number`
fn parse_line(line: &str) -> Option<(&str, Sample)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, Sample { labels, value }))
}

fn parse_labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (index, '"') => break index,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.push((name.trim_start_matches(',').to_owned(), value));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some((labels, &rest[1..]))
}

/// # Errors
/// Nobody there, no page of ours, no answer in time.
pub(super) fn get(address: &Address, timeout: Duration) -> io::Result<Page> {
    let mut found = (address.host.as_str(), address.port).to_socket_addrs()?;
    let found = found.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&found, timeout.min(CONNECT_TIMEOUT))?;
    stream.set_read_timeout(Some(timeout))?;
    // In this version the end of the connection is the end of the page.
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let is_page = answer.lines().next().is_some_and(|status| status.split(' ').nth(1) == Some("200"));
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if is_page => Ok(Page::parse(body)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "what answers there is not a page of metrics")),
    }
}

#[cfg(test)]
impl Page {
    pub(super) fn of(text: &str) -> Self {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let page = Page::of(
            "# TYPE a gauge\na 5\nb{x=\"1\",y=\"q\\\"}\\n\"} 1.5e3\nb{x=\"2\"} NaN\nbroken{x=\"1\nempty\nd{} 7 1700000000\n",
        );
        assert_eq!(page.single("a"), Some(5.0));
        let b: Vec<_> = page.samples("b").collect();
        assert_eq!((b[0].label("y"), b[0].value), (Some("q\"}\n"), 1500.0));
        assert!(b[1].value.is_nan() && b[1].label("y").is_none());
        assert_eq!(page.single("d"), Some(7.0));
        assert_eq!(page.0.len(), 3);
    }
}
