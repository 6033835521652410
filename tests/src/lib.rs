//! Whole-process tests: the built broker, real clients, a real disk.
//!
//! `JACKDAW_BIN` names the broker to start; without it the one that Cargo built beside the tests, release before debug.
//! `JACKDAW_TEST_BOOTSTRAP=host:port` tests a broker that is already running; what must start and stop its own is then left out.
//! `JACKDAW_TEST_BROKER=apache` puts Apache Kafka in the broker's place, so that a test can be held against it.
//! The client programs are installed by `tests/clients/setup`.

pub mod apache;
pub mod broker;
pub mod broker_log;
pub mod checks;
pub mod command;
pub mod consumption;
pub mod dump;
pub mod group_scene;
pub mod group_view;
pub mod hostile;
pub mod http;
pub mod kcat;
pub mod library;
pub mod load;
pub mod loop_disk;
pub mod members;
pub mod memory;
pub mod program;
pub mod promises;
pub mod record;
pub mod requests;
pub mod seeded;
pub mod tool;
pub mod wire;
pub mod wire_member;
