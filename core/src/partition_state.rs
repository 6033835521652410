//! The offsets of one partition and their order.
