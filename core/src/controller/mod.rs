//! The controller as a replicated state machine (Kafka's QuorumController).
