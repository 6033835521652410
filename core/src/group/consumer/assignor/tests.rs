//! Properties of targets.
