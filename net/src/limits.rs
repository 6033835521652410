//! Bounds of one connection and one core's network, each with its reason.

use std::time::Duration;

/// Requests of one connection that are dispatched and not yet answered. Clients pipeline 5 by default; librdkafka
/// may send thousands, which then wait in the socket.
pub const PIPELINE_REQUESTS_MAX: usize = 64;

/// A frame up to this size is put together from pooled receive buffers; a larger one is received straight into
/// memory of its own. Four pooled buffers: beyond that the copy costs more than the two extra ring entries.
pub const POOLED_FRAME_BYTES_MAX: usize = 64 * 1024;

/// What a peer that has not yet sent a large frame gets for its first one, whatever size it announced; doubled as
/// bytes arrive.
pub const FIRST_ALLOCATION_BYTES: usize = 256 * 1024;

/// An answer up to this size gives its request's memory back before it leaves: 64 of them wait on one connection at most.
pub const UNCOUNTED_ANSWER_BYTES: usize = 16 * 1024;

/// What a peer that has sent large frames gets at once for the next: twice the default `max.message.bytes`. More is
/// doubled as bytes arrive, whatever it has sent before: it may be slow now.
pub const PROVEN_BYTES_MAX: usize = 2 << 20;

/// A part of a budget of at least `RESERVED_FROM_BYTES`, an eighth, is left to those who take no more than this in all:
/// heartbeats go on where a few large requests have taken all the rest.
pub const SMALL_TAKE_BYTES: usize = 64 * 1024;
pub const RESERVED_FROM_BYTES: usize = 1 << 20;

/// Answers that are ready are sent together up to this size.
pub const SEND_BATCH_BYTES: usize = 256 * 1024;

/// A large frame is received, and answers are sent, in steps of this size. Each has its own time limit, so that a slow
/// peer is told from a stalled one.
pub const PROGRESS_STEP_BYTES: usize = 256 * 1024;

/// File ranges are sent in steps of this size, as much as a core sends in one turn.
pub const FILE_STEP_BYTES: usize = 1 << 20;

/// A frame that has begun must make progress within this time, or it holds memory for nobody. A large one must grow by
/// `PROGRESS_STEP_BYTES`: 9 KB a second.
pub const FRAME_PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);

const _: () = assert!(POOLED_FRAME_BYTES_MAX <= FIRST_ALLOCATION_BYTES);

/// HTTP connections of a node: a few monitors, a load balancer's probes, a curious person. Each holds a head or a chunk.
pub const HTTP_CONNECTIONS_MAX: usize = 32;

/// A request's head, of which only the first line is looked at; browsers send one or two KiB.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 << 10;

/// How long a head may take: whoever connects has something to ask.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Before another try where no connection can be accepted, for want of descriptors say.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
