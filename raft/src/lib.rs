//! KRaft consensus as a state machine: `step(now, input)`, then drain the outputs. No I/O.
