//! What the programs of this crate share: a client's connection, frames of a socket, what a process has used.

pub mod connection;
pub mod frames;
pub mod process;
