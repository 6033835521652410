//! The same cluster on a virtual clock, network and disk, from a seed.
//!
//! A [`World`] holds hosts; a [`Host`] has a disk that lasts, an address, and a process with one executor a core, each
//! on a [`SimDriver`]. Tasks are those that production runs. One seed gives one order of events: [`World::trace_hash`]
//! tells two runs apart.
//!
//! What is absent: mocks of our own code, threads, the real clock, the real file system.

mod descriptors;
mod disk;
mod driver;
mod events;
pub mod faults;
mod host;
pub mod marks;
mod network;
pub mod prng;
pub mod trace;
pub mod workload;
mod world;

pub use disk::Rot;
pub use driver::SimDriver;
pub use host::{Crash, Host};
pub use prng::Random;
pub use world::World;
