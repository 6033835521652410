//! A plain HTTP client, and the page of metrics read by name and labels.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer: its status, and its body without the framing.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// What the server sends until it ends the connection, for these bytes.
pub fn raw(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream.write_all(request).expect("a request sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

/// A request of HTTP/1.1 without a body.
pub fn request(address: &str, method: &str, path: &str) -> Answer {
    let text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\r\n");
    let answer = String::from_utf8(raw(address, text.as_bytes())).expect("text");
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no end of the head: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked && method != "HEAD" { unchunked(body) } else { body.to_owned() };
    Answer { status: status.unwrap_or_else(|| panic!("no status: {head}")), head: head.to_owned(), body }
}

pub fn get(address: &str, path: &str) -> Answer {
    request(address, "GET", path)
}

/// The pieces of a body put together; it must be whole.
fn unchunked(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        let (chunk, rest) = rest.split_at(size);
        body.push_str(chunk);
        chunks = rest.strip_prefix("\r\n").expect("a chunk's end");
        if size == 0 {
            assert_eq!(chunks, "", "the last chunk ends the body");
            return body;
        }
    }
}

/// A page of metrics: values by name and labels.
#[derive(Debug)]
pub struct Metrics {
    samples: BTreeMap<String, f64>,
    /// Names with their types.
    pub families: BTreeMap<String, String>,
}

impl Metrics {
    /// Read the page, which must follow the rules of its form.
    pub fn scrape(address: &str) -> Self {
        let answer = get(address, "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.head.contains("text/plain; version=0.0.4"), "{}", answer.head);
        Self::parse(&answer.body)
    }

    fn parse(page: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), BTreeMap::new());
        let mut family = String::new();
        for line in page.lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                let (name, kind) = head.split_once(' ').expect("a name and a type");
                assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} stands twice");
                family = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
                assert!(key.starts_with(&family), "{key} is not of {family}");
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(samples.insert(key.to_owned(), value).is_none(), "{key} stands twice");
            }
        }
        Self { samples, families }
    }

    /// The value of a sample as it stands in the page, `name{label="value"}`.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.samples.get(key).copied()
    }

    /// The same of a sample that must be there.
    pub fn value(&self, key: &str) -> f64 {
        self.get(key).unwrap_or_else(|| panic!("no {key} in {:#?}", self.samples))
    }

    /// The keys that begin so.
    pub fn keys<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.samples.keys().map(String::as_str).filter(move |key| key.starts_with(start))
    }
}
