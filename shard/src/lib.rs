//! One core's share of the broker. Makes no system call of its own.
