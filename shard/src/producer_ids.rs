//! Producer ids of one shard, taken from the controller in blocks.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
};

use jackdaw_core::{
    error_code::ErrorCode, protocol::messages::allocate_producer_ids::AllocateProducerIdsRequest,
};
use jackdaw_ring::channel::Notify;

use crate::shard::Shard;

/// What is left of this shard's block.
#[derive(Default)]
pub(crate) struct ProducerIds {
    block: RefCell<Range<i64>>,
    asking: Cell<bool>,
    answered: Notify,
}

/// One asks for all. Its client may go before the answer comes: then the next one asks.
struct Asking<'a>(&'a ProducerIds);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.set(false);
        self.0.answered.notify_all();
    }
}

impl ProducerIds {
    /// The next id that no producer of the cluster has had.
    pub(crate) async fn next(&self, shard: &Rc<Shard>) -> Result<i64, ErrorCode> {
        loop {
            if let Some(id) = self.block.borrow_mut().next() {
                return Ok(id);
            }
            if self.asking.replace(true) {
                self.answered.notified().await;
                continue;
            }
            let _asking = Asking(self);
            // The controller's host fills in who asks.
            let response = shard.controller(AllocateProducerIdsRequest::default()).await;
            let response = response.ok_or(ErrorCode::UnknownServerError)?;
            match ErrorCode::from_i16(response.error_code) {
                ErrorCode::None => {
                    let start = response.producer_id_start;
                    *self.block.borrow_mut() = start..start + i64::from(response.producer_id_len);
                }
                error => return Err(error),
            }
        }
    }
}
