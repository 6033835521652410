//! The page of `/metrics`: written and sent in chunks, with turns for others in between.

mod groups;
mod node;
mod partitions;
mod requests;
mod shards;
mod topics;

use std::io;

use jackdaw_core::metrics::{CONTENT_TYPE, Exposition, Family};
use jackdaw_net::http::{Body, Reply};
use jackdaw_ring::yield_now;

use super::collect::NodeSamples;
use crate::limits::METRICS_CHUNK_BYTES;

/// Answer with all samples.
pub(super) async fn write(samples: &NodeSamples, reply: Reply<'_>) -> io::Result<()> {
    let body = reply.begin(CONTENT_TYPE).await?;
    let mut page = Page { text: Exposition::default(), body };
    node::write(&mut page, samples);
    shards::write(&mut page, samples);
    requests::write(&mut page, samples).await?;
    topics::write(&mut page, samples).await?;
    partitions::write(&mut page, samples).await?;
    groups::write(&mut page, samples).await?;
    page.end().await
}

/// A page on its way.
struct Page<'a> {
    text: Exposition,
    body: Body<'a>,
}

impl Page<'_> {
    /// A family with a sample for each item.
    async fn each<T>(
        &mut self,
        family: &Family,
        items: impl Iterator<Item = T>,
        mut sample: impl FnMut(&mut Exposition, T),
    ) -> io::Result<()> {
        self.text.head(family);
        for item in items {
            sample(&mut self.text, item);
            if self.text.len() >= METRICS_CHUNK_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> io::Result<()> {
        self.body.send(self.text.take()).await?;
        yield_now().await;
        Ok(())
    }

    async fn end(mut self) -> io::Result<()> {
        self.send().await?;
        self.body.end().await
    }
}
