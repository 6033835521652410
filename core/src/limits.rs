//! Every bound in one place, each with its reason.
