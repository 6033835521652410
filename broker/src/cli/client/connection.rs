//! One connection to one broker: framing, correlation, and the versions both sides speak.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::header::{RequestHeader, read_response_header};
use jackdaw_core::protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use jackdaw_core::protocol::{ApiKey, DecodeError, Message, Reader, Request, Writer};

use super::address::Address;
use super::error::ClientError;
use super::interrupt::Interrupt;

const CLIENT_ID: &str = "jackdaw-cli";
/// The largest answer that is read: a fetch asks for at most 50 MiB and may get one larger batch.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How often a waiting read looks for an interrupt.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(100);

/// What bounds a call.
#[derive(Clone, Debug)]
pub(crate) struct CallLimits {
    pub(crate) timeout: Duration,
    pub(crate) interrupt: Interrupt,
}

/// A request that was sent and awaits its answer.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Pending {
    pub(crate) version: i16,
    correlation_id: i32,
}

/// Answers come in the order of requests.
pub(crate) struct Connection {
    address: Address,
    stream: TcpStream,
    limits: CallLimits,
    next_correlation_id: i32,
    /// What the broker serves: lowest and highest version by key.
    served: HashMap<i16, (i16, i16)>,
}

impl Connection {
    /// Connects and asks the broker which versions it serves.
    pub(crate) fn open(address: &Address, limits: &CallLimits) -> Result<Self, ClientError> {
        let stream = connect(address, limits.timeout)
            .map_err(|source| ClientError::Connect { address: address.clone(), source })?;
        let mut connection = Self {
            address: address.clone(),
            stream,
            limits: limits.clone(),
            next_correlation_id: 0,
            served: HashMap::new(),
        };
        let versions = connection.ask_api_versions()?;
        connection.served =
            versions.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        tracing::debug!(address = %connection.address, apis = connection.served.len(), "connected");
        Ok(connection)
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The answer to ApiVersions. A broker that does not know our version answers with version 0, which names
    /// the versions it knows.
    pub(crate) fn ask_api_versions(&mut self) -> Result<ApiVersionsResponse, ClientError> {
        let mut version = 4;
        loop {
            let request = ApiVersionsRequest {
                client_software_name: CLIENT_ID.to_owned(),
                client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Default::default()
            };
            let pending = self.send_at(version, &request)?;
            let frame = self.receive_frame::<ApiVersionsRequest>(pending)?;
            let answer = read_api_versions(&frame, version)
                .map_err(|source| self.undecodable(ApiKey::ApiVersions, source))?;
            match ErrorCode::from_i16(answer.error_code) {
                ErrorCode::None => return Ok(answer),
                ErrorCode::UnsupportedVersion if version > 0 => {
                    let known = answer.api_keys.iter().find(|api| api.api_key == ApiKey::ApiVersions.code());
                    version = known.map_or(0, |api| api.max_version.clamp(0, version - 1));
                }
                _ => {
                    let what = format!("{} refuses ApiVersions", self.address);
                    return Err(ClientError::broker(what, answer.error_code, None));
                }
            }
        }
    }

    /// The highest version of `R` that both sides speak, `ceiling` at most.
    fn version<R: Request>(&self, ceiling: i16) -> Result<i16, ClientError> {
        let served = self.served.get(&R::KEY.code()).copied();
        let info = R::KEY.info();
        let (min, max) = (R::MIN_VERSION.max(info.min_version), info.stable_max_version.min(ceiling));
        common_version(served, min, max).ok_or_else(|| ClientError::NoCommonVersion {
            address: self.address.clone(),
            api: R::KEY,
            served: served.map_or("it serves none".to_owned(), |(served_min, served_max)| {
                format!("it serves {served_min} to {served_max}, we speak {min} to {max}")
            }),
        })
    }

    /// Sends a request, which is built for the version both sides speak, and awaits its answer.
    pub(crate) fn call<R: Request>(
        &mut self,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        self.call_up_to(i16::MAX, request)
    }

    /// The same in version `ceiling` at most: where a later version says less.
    pub(crate) fn call_up_to<R: Request>(
        &mut self,
        ceiling: i16,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let version = self.version::<R>(ceiling)?;
        let pending = self.send_at(version, &request(version))?;
        self.receive::<R>(pending)
    }

    /// Sends a request without awaiting the answer.
    pub(crate) fn send<R: Request>(
        &mut self,
        request: impl FnOnce(i16) -> R,
    ) -> Result<Pending, ClientError> {
        let version = self.version::<R>(i16::MAX)?;
        self.send_at(version, &request(version))
    }

    /// The answer to the oldest request that has none yet.
    pub(crate) fn receive<R: Request>(&mut self, pending: Pending) -> Result<R::Response, ClientError> {
        let frame = self.receive_frame::<R>(pending)?;
        let mut reader = Reader::new(&frame);
        read_response_header(&mut reader, R::KEY, pending.version)
            .and_then(|_| R::Response::decode(&mut reader, pending.version))
            .map_err(|source| self.undecodable(R::KEY, source))
    }

    fn send_at<R: Request>(&mut self, version: i16, request: &R) -> Result<Pending, ClientError> {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: R::KEY.code(),
            api_version: version,
            correlation_id,
            client_id: Some(CLIENT_ID.to_owned()),
        };
        let mut writer = Writer::new();
        writer.i32(0);
        header
            .write(&mut writer)
            .and_then(|()| request.encode(&mut writer, version))
            .map_err(|source| ClientError::Encode { api: R::KEY, source })?;
        let mut frame = writer.into_inner();
        let length = i32::try_from(frame.len() - 4).unwrap_or(i32::MAX);
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).map_err(|source| self.broken(R::KEY, source))?;
        tracing::trace!(address = %self.address, api = R::KEY.info().name, version, correlation_id, "sent");
        Ok(Pending { version, correlation_id })
    }

    /// A whole answer without its length; its correlation id is checked.
    fn receive_frame<R: Request>(&mut self, pending: Pending) -> Result<Bytes, ClientError> {
        let deadline = Instant::now() + self.limits.timeout;
        let mut length = [0; 4];
        self.read_exact(&mut length, R::KEY, deadline)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(4..=ANSWER_BYTES_MAX).contains(&length) {
            return Err(self.not_kafka("its length is impossible"));
        }
        let mut frame = vec![0; length];
        self.read_exact(&mut frame, R::KEY, deadline)?;
        if frame[..4] != pending.correlation_id.to_be_bytes() {
            return Err(self.not_kafka("it belongs to another request"));
        }
        Ok(frame.into())
    }

    fn read_exact(&mut self, buffer: &mut [u8], api: ApiKey, deadline: Instant) -> Result<(), ClientError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => return Err(ClientError::Closed { address: self.address.clone() }),
                Ok(length) => filled += length,
                Err(error) if is_pause(&error) => {
                    if self.limits.interrupt.is_raised() {
                        return Err(ClientError::Interrupted);
                    }
                    if Instant::now() >= deadline {
                        return Err(self.timed_out(api));
                    }
                }
                Err(source) => return Err(self.broken(api, source)),
            }
        }
        Ok(())
    }

    fn broken(&self, api: ApiKey, source: io::Error) -> ClientError {
        if is_pause(&source) {
            self.timed_out(api)
        } else {
            ClientError::Io { address: self.address.clone(), source }
        }
    }

    fn timed_out(&self, api: ApiKey) -> ClientError {
        ClientError::Timeout { address: self.address.clone(), api, timeout: self.limits.timeout }
    }

    fn undecodable(&self, api: ApiKey, source: DecodeError) -> ClientError {
        ClientError::Decode { address: self.address.clone(), api, source }
    }

    fn not_kafka(&self, reason: &'static str) -> ClientError {
        ClientError::NotKafka { address: self.address.clone(), reason }
    }
}

/// A read that ended only because its interval or a signal did.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn connect(address: &Address, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = None;
    for socket_address in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket_address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(INTERRUPT_INTERVAL.min(timeout)))?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address")))
}

/// An answer of version 0 is what a broker sends that does not know the version asked for.
fn read_api_versions(frame: &Bytes, version: i16) -> Result<ApiVersionsResponse, DecodeError> {
    let read = |version| {
        let mut reader = Reader::new(frame);
        read_response_header(&mut reader, ApiKey::ApiVersions, version)?;
        ApiVersionsResponse::decode(&mut reader, version)
    };
    match frame.get(4..6) {
        Some(code) if code == ErrorCode::UnsupportedVersion.code().to_be_bytes() => read(0),
        _ => read(version),
    }
}

fn common_version(served: Option<(i16, i16)>, min: i16, max: i16) -> Option<i16> {
    let (served_min, served_max) = served?;
    let highest = served_max.min(max);
    (highest >= served_min.max(min)).then_some(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_taken() {
        let cases = [
            (Some((0, 13)), 3, 13, Some(13)),
            (Some((0, 9)), 3, 13, Some(9)),
            (Some((0, 20)), 3, 13, Some(13)),
            (Some((14, 20)), 3, 13, None),
            (Some((0, 2)), 3, 13, None),
            (None, 0, 13, None),
        ];
        for (served, min, max, expected) in cases {
            assert_eq!(common_version(served, min, max), expected, "{served:?} {min} {max}");
        }
    }

    #[test]
    fn an_old_broker_answers_with_version_0() {
        let refusal = Bytes::from_static(&[0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 2]);
        let answer = read_api_versions(&refusal, 4).unwrap();
        assert_eq!(answer.error_code, 35);
        assert_eq!(answer.api_keys[0].max_version, 2);
    }
}
