//! A connection that is not read from for a while, because its client was told to wait.

use jackdaw_ring::{Socket, sleep_until};

use crate::{
    budget::Budget,
    ends::Ends,
    frame::{Frame, FrameError, FrameReader},
    pipeline::Service,
};

/// Wait for as long as the connection is muted. What it has sent already moves out of the core's receive buffers, which
/// others need meanwhile.
pub(crate) async fn hold<S: Service>(
    service: &S,
    session: &S::Session,
    (socket, ends): (&Socket, &Ends),
    (frames, mut frame): (&mut FrameReader, Option<&mut Frame>),
    budget: &Budget,
) -> Result<(), FrameError> {
    if service.muted_until(session).is_none() {
        return Ok(());
    }
    let mut memory = budget.permit();
    while let Some(until) = service.muted_until(session) {
        socket.stop_receiving().await?;
        let borrowed = frame.as_ref().map_or(0, |frame| frame.borrowed_bytes());
        let held_bytes = socket.received_bytes() + frames.buffered_bytes() + borrowed;
        ends.while_open(socket, memory.grow(held_bytes)).await.ok_or(FrameError::Closing)?;
        socket.own_received();
        frames.own_buffered();
        if let Some(frame) = frame.as_mut() {
            frame.own();
        }
        ends.while_open(socket, sleep_until(until)).await.ok_or(FrameError::Closing)?;
        memory.shrink(held_bytes);
    }
    Ok(())
}
