//! Whole-process tests: the built broker, real clients, a real disk.
