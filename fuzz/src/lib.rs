//! Everything that reads what it has not written, fed with damaged input: a table of targets, a corpus in the tree, a
//! mutator, and the measure of what each may allocate.
//!
//! Not cargo-fuzz or bolero: the former needs a nightly compiler, which this tree does not, and what finds faults here is
//! input that begins as something valid of every kind. So: the valid inputs are made by our own encoders from every
//! schema, the mutator knows what lengths, counts and varints look like, and `cargo test -p jackdaw-fuzz` replays the corpus.
//! What is absent: feedback from coverage.

pub mod corpus;
pub mod mutate;
pub mod run;
pub mod targets;

/// One reader of foreign bytes.
pub struct Target {
    pub name: &'static str,
    /// Reads the input. It may refuse it in any way but a panic.
    pub run: fn(&[u8]),
    /// Valid inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What a run may allocate in all, whatever the input.
    pub base_bytes: usize,
    /// What it may allocate on top for each byte of the input.
    pub bytes_per_byte: usize,
}

impl Target {
    /// What a run with an input of this size may allocate.
    pub fn allowance_bytes(&self, input_bytes: usize) -> usize {
        self.base_bytes + self.bytes_per_byte * input_bytes
    }
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    targets::ALL.iter().find(|target| target.name == name)
}
