//! What the programs of this crate share: a connection, frames of a socket, what a process used, page cache held warm.

pub mod ballast;
pub mod connection;
pub mod frames;
pub mod process;
