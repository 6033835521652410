//! A small HTTP/1.1 endpoint for what people and monitors look at: GET and HEAD, one request a connection, answers whole
//! or in chunks.
//!
//! What is absent: bodies of requests, connections that stay open, TLS. Nothing of a request's head but its first line
//! means anything here.

use std::{io, rc::Rc};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::{Listener, Socket, sleep, spawn, timeout};

use crate::limits::{
    ACCEPT_PAUSE, FRAME_PROGRESS_TIMEOUT, HTTP_CONNECTIONS_MAX, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIMEOUT,
};

/// What is behind the paths.
pub trait HttpService: 'static {
    /// Answer a request for this path, without its query. A `reply` that is dropped ends the connection.
    fn answer(&self, path: &str, reply: Reply<'_>) -> impl Future<Output = io::Result<()>>;
}

/// The statuses in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    ServiceUnavailable,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::ServiceUnavailable => "503 Service Unavailable",
        }
    }
}

/// The answer to one request, not yet begun.
pub struct Reply<'a> {
    socket: &'a Socket,
    is_head: bool,
    /// HTTP/1.1: the body may come in chunks. Before it, the end of the connection is the body's end.
    takes_chunks: bool,
}

/// A body that comes piece by piece.
pub struct Body<'a> {
    socket: &'a Socket,
    is_head: bool,
    in_chunks: bool,
}

impl<'a> Reply<'a> {
    /// Answer with a text, a line of its own.
    pub async fn text(self, status: Status, text: &str) -> io::Result<()> {
        let body = format!("{text}\n");
        let allow = if status == Status::MethodNotAllowed { "Allow: GET, HEAD\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
            status.text(),
            body.len()
        );
        let mut buffers = vec![Bytes::from(head)];
        if !self.is_head {
            buffers.push(Bytes::from(body));
        }
        send(self.socket, buffers).await
    }

    /// Begin an answer whose length is not known yet.
    pub async fn begin(self, content_type: &str) -> io::Result<Body<'a>> {
        let coding = if self.takes_chunks { "Transfer-Encoding: chunked\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {content_type}\r\n{coding}Connection: close\r\n\r\n",
            Status::Ok.text()
        );
        send(self.socket, vec![Bytes::from(head)]).await?;
        Ok(Body { socket: self.socket, is_head: self.is_head, in_chunks: self.takes_chunks })
    }
}

impl Body<'_> {
    /// Send the next piece.
    pub async fn send(&mut self, piece: impl Into<Bytes>) -> io::Result<()> {
        let piece = piece.into();
        if self.is_head || piece.is_empty() {
            return Ok(());
        }
        if !self.in_chunks {
            return send(self.socket, vec![piece]).await;
        }
        let size = Bytes::from(format!("{:x}\r\n", piece.len()));
        send(self.socket, vec![size, piece, Bytes::from_static(b"\r\n")]).await
    }

    /// Say that it is whole.
    pub async fn end(self) -> io::Result<()> {
        if self.is_head || !self.in_chunks {
            return Ok(());
        }
        send(self.socket, vec![Bytes::from_static(b"0\r\n\r\n")]).await
    }
}

async fn send(socket: &Socket, buffers: Vec<Bytes>) -> io::Result<()> {
    timeout(FRAME_PROGRESS_TIMEOUT, socket.send(buffers, false))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Serve a listener for ever.
pub async fn serve_http<S: HttpService>(listener: Listener, service: Rc<S>) {
    // Each connection holds one.
    let open = Rc::new(());
    loop {
        match listener.accept().await {
            // Dropped, which closes it.
            Ok(_) if Rc::strong_count(&open) > HTTP_CONNECTIONS_MAX => {}
            Ok(socket) => {
                let (service, open) = (Rc::clone(&service), Rc::clone(&open));
                spawn(async move {
                    if let Err(error) = serve_one(&socket, &*service).await {
                        tracing::debug!(peer = %socket.peer(), %error, "HTTP connection ended");
                    }
                    socket.shutdown();
                    drop(open);
                });
            }
            Err(error) => {
                tracing::info!(%error, "cannot accept an HTTP connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one<S: HttpService>(socket: &Socket, service: &S) -> io::Result<()> {
    let head = timeout(HTTP_HEAD_TIMEOUT, read_head(socket))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let Some(head) = head else {
        let reply = Reply { socket, is_head: false, takes_chunks: false };
        return reply.text(Status::BadRequest, "the request's head is too long").await;
    };
    let Some(request) = RequestLine::parse(&head) else {
        let reply = Reply { socket, is_head: false, takes_chunks: false };
        return reply.text(Status::BadRequest, "this is no HTTP/1 request").await;
    };
    let is_head = request.method == "HEAD";
    let reply = Reply { socket, is_head, takes_chunks: request.takes_chunks };
    if !is_head && request.method != "GET" {
        return reply.text(Status::MethodNotAllowed, "only GET and HEAD are answered here").await;
    }
    service.answer(request.path, reply).await
}

/// All of a head, up to its empty line; `None` if it is too long.
async fn read_head(socket: &Socket) -> io::Result<Option<BytesMut>> {
    let mut head = BytesMut::new();
    loop {
        let Some(chunk) = socket.receive().await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if head.len() + chunk.len() > HTTP_HEAD_BYTES_MAX {
            return Ok(None);
        }
        // The empty line may have begun in the chunk before.
        let from = head.len().saturating_sub(3);
        head.extend_from_slice(&chunk);
        if head[from..].windows(4).any(|window| window == b"\r\n\r\n") {
            return Ok(Some(head));
        }
    }
}

/// The first line of a request.
#[derive(PartialEq, Eq, Debug)]
struct RequestLine<'a> {
    method: &'a str,
    /// Without its query.
    path: &'a str,
    takes_chunks: bool,
}

impl<'a> RequestLine<'a> {
    fn parse(head: &'a [u8]) -> Option<Self> {
        let end = head.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&head[..end]).ok()?;
        let mut parts = line.split(' ');
        let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
        let path = target.split('?').next()?;
        let is_good = parts.next().is_none()
            && !method.is_empty()
            && path.starts_with('/')
            && matches!(version, "HTTP/1.0" | "HTTP/1.1");
        is_good.then_some(Self { method, path, takes_chunks: version == "HTTP/1.1" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines() {
        let parse = |text: &'static str| RequestLine::parse(text.as_bytes());
        let good = |method, path, takes_chunks| Some(RequestLine { method, path, takes_chunks });
        let cases = [
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", good("GET", "/metrics", true)),
            ("GET /metrics?name=x HTTP/1.0\r\n\r\n", good("GET", "/metrics", false)),
            ("POST / HTTP/1.1\r\n\r\n", good("POST", "/", true)),
            ("GET metrics HTTP/1.1\r\n\r\n", None),
            ("GET /metrics\r\n\r\n", None),
            ("GET /metrics HTTP/2\r\n\r\n", None),
            ("GET /a b HTTP/1.1\r\n\r\n", None),
            (" / HTTP/1.1\r\n\r\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
        assert_eq!(RequestLine::parse(b"GET /\xff HTTP/1.1\r\n\r\n"), None);
    }
}
