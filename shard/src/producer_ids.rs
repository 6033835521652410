//! Producer ids of one shard, taken from the controller in blocks.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_ring::channel::Notify;

use crate::{
    controller_host::{ControllerCall, ControllerReply},
    shard::Shard,
};

/// What is left of this shard's block.
#[derive(Default)]
pub(crate) struct ProducerIds {
    block: RefCell<Range<i64>>,
    asking: Cell<bool>,
    answered: Notify,
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
            let reply = shard.controller(ControllerCall::AllocateProducerIds).await;
            self.asking.set(false);
            self.answered.notify_all();
            match reply {
                ControllerReply::ProducerIds(Ok(block)) => *self.block.borrow_mut() = block,
                ControllerReply::ProducerIds(Err(error)) => return Err(error),
                _ => return Err(ErrorCode::UnknownServerError),
            }
        }
    }
}
