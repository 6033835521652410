//! A connection that sends and receives frames of any API.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::catalog::Api;
use crate::value::Value;
use crate::wire;

/// Who is silent for so long will not answer.
const SILENCE: Duration = Duration::from_secs(4);

/// A claim beyond it is no answer.
const LARGEST_ANSWER_BYTES: usize = 64 << 20;

/// What came of a request.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Answer(Value),
    /// The broker closed the connection instead.
    Closed,
    /// Neither an answer nor an end.
    Silence,
}

/// An open connection and the requests on it that are not answered yet.
pub(crate) struct Connection<'a> {
    stream: TcpStream,
    next_correlation_id: i32,
    awaited: VecDeque<(i32, &'a Api, i16)>,
}

impl<'a> Connection<'a> {
    /// Connects to `host:port`.
    pub(crate) fn open(address: &str) -> Result<Self, String> {
        let explained = |error: io::Error| format!("cannot connect to {address}: {error}");
        let stream = TcpStream::connect(address).map_err(explained)?;
        stream.set_read_timeout(Some(SILENCE)).map_err(explained)?;
        stream.set_nodelay(true).map_err(explained)?;
        Ok(Self { stream, next_correlation_id: 1, awaited: VecDeque::new() })
    }

    /// Sends a request whose body is already bytes.
    pub(crate) fn send(&mut self, api: &'a Api, version: i16, body: &[u8]) {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        self.awaited.push_back((correlation_id, api, version));
        let mut frame = vec![0; 4];
        frame.extend(api.key.to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(correlation_id.to_be_bytes());
        frame.extend(b"\x00\x06parity");
        if wire::is_flexible(&api.request, version) {
            frame.push(0);
        }
        frame.extend(body);
        let length = frame.len() as u32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        // A broker that closed the connection is noticed when its answer is awaited.
        let _ = self.stream.write_all(&frame);
    }

    /// The answer to the oldest request that has none yet.
    pub(crate) fn receive(&mut self) -> Result<Outcome, String> {
        let Some((correlation_id, api, version)) = self.awaited.pop_front() else {
            return Err("no request awaits an answer".to_owned());
        };
        let frame = match self.frame() {
            Ok(frame) => frame,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(Outcome::Silence);
            }
            Err(_) => return Ok(Outcome::Closed),
        };
        let (id, mut body) = frame.split_at_checked(4).ok_or("an answer without a correlation id")?;
        if id != correlation_id.to_be_bytes() {
            return Err(format!("{id:?} is another correlation id than {correlation_id}"));
        }
        // ApiVersions is read before the client knows what the broker speaks.
        if wire::is_flexible(&api.response, version) && api.name() != "ApiVersions" {
            body = body.strip_prefix(&[0]).ok_or("tags in the header of an answer")?;
        }
        let answer = wire::decode(&api.response, body, version);
        answer.map(Outcome::Answer).map_err(|error| format!("{} {version}: {error}", api.response.name))
    }

    fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LARGEST_ANSWER_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}
