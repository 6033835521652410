//! Idempotent producer state of one partition.
