//! A small blocking client that sends bytes: what real clients do not do.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use jackdaw_core::protocol::frame::{read_response, request_frame};
use jackdaw_core::protocol::{Message as _, Request};

/// No answer takes longer.
const READ_DEADLINE: Duration = Duration::from_secs(20);

/// More than any answer that a test asks for.
const LARGEST_ANSWER_BYTES: usize = 64 << 20;

/// A connection to a broker.
pub struct Connection {
    stream: TcpStream,
    next_correlation_id: i32,
    client_id: &'static str,
}

impl Connection {
    pub fn open(bootstrap: &str) -> Self {
        Self::try_open(bootstrap).unwrap_or_else(|e| panic!("cannot connect to {bootstrap}: {e}"))
    }

    /// The same under another client id than `test`.
    pub fn open_as(bootstrap: &str, client_id: &'static str) -> Self {
        Self { client_id, ..Self::open(bootstrap) }
    }

    pub fn try_open(bootstrap: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(bootstrap)?;
        stream.set_read_timeout(Some(READ_DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, next_correlation_id: 1, client_id: "test" })
    }

    /// A second handle of the same connection.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()?, ..*self })
    }

    /// A call to a broker that may be gone.
    pub fn try_call<R: Request>(&mut self, request: &R, version: i16) -> io::Result<R::Response> {
        let frame = request_frame(request, version, self.next_correlation_id, Some(self.client_id));
        self.next_correlation_id += 1;
        self.try_send_raw(&frame.unwrap_or_else(|e| panic!("{request:?} at version {version}: {e}")))?;
        let frame = Bytes::from(self.try_receive()?);
        let (_, response) = read_response::<R>(&frame, version)
            .unwrap_or_else(|e| panic!("{} {version}: {e}: {frame:02x?}", R::Response::NAME));
        Ok(response)
    }

    /// Sends a request and reads its answer.
    pub fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let correlation_id = self.send(request, version);
        let (answered, response) = self.answer::<R>(version);
        assert_eq!(answered, correlation_id, "the answer to another request");
        response
    }

    /// Sends a request: its correlation id.
    pub fn send<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        let frame = request_frame(request, version, correlation_id, Some(self.client_id));
        self.send_raw(&frame.unwrap_or_else(|e| panic!("{request:?} at version {version}: {e}")));
        correlation_id
    }

    /// Reads the next answer, which must be to such a request.
    pub fn answer<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = Bytes::from(self.receive());
        read_response::<R>(&frame, version)
            .unwrap_or_else(|e| panic!("{} {version}: {e}: {frame:02x?}", R::Response::NAME))
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).expect("the broker takes bytes");
    }

    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that no more bytes will come.
    pub fn end_sending(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("a half-closed connection");
    }

    /// The next frame, without its length.
    pub fn receive(&mut self) -> Vec<u8> {
        self.try_receive().expect("an answer")
    }

    pub fn try_receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length that is not negative");
        assert!(length <= LARGEST_ANSWER_BYTES, "an answer of {length} bytes");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    /// Whether there is something to receive, without waiting for it.
    pub fn is_answered(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket");
        let peeked = self.stream.peek(&mut [0; 1]);
        self.stream.set_nonblocking(false).expect("a socket");
        peeked.is_ok_and(|count| count > 0)
    }

    /// Whether the broker closed the connection, without a further byte.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(count) => count == 0,
            Err(e) => matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
        }
    }
}

/// A request frame: length, header version 1 (key, version, correlation id, client id "test"), body.
pub fn frame(api_key: i16, version: i16, correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(api_key.to_be_bytes());
    bytes.extend(version.to_be_bytes());
    bytes.extend(correlation_id.to_be_bytes());
    bytes.extend(b"\x00\x04test");
    bytes.extend(body);
    let length = i32::try_from(bytes.len() - 4).expect("a small frame");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Whether a broker on this machine answers ApiVersions.
pub fn answers(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let deadline = Some(Duration::from_secs(2));
    if stream.set_read_timeout(deadline).is_err() {
        return false;
    }
    let mut connection = Connection { stream, next_correlation_id: 1, client_id: "test" };
    connection.try_send_raw(&frame(18, 0, 7, &[])).is_ok()
        && connection.try_receive().is_ok_and(|answer| answer.starts_with(&[0, 0, 0, 7, 0, 0]))
}
