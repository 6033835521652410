//! The metadata image: what the metadata log says, as an immutable snapshot.
