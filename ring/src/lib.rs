//! One executor and one ring a core. Knows nothing about Kafka.
