//! A partition's log on disk in Kafka's own layout. Never the network.
