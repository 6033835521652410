//! Fetch by hand: the request in a form that is filled again and again, the response with the records left out.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub use request::{FetchFrame, FetchPartition, FetchTopic, ForgottenTopic};
pub use response::{
    AbortedTransaction, DivergingEpoch, FetchResponseEncoder, FetchResponseHead, FetchedPartition, Piece,
    SnapshotId,
};
