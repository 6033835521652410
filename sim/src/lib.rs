//! The same cluster on a virtual clock, network and disk, from a seed.
