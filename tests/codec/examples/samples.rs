//! Prints samples of every message at every version, one a line: name, version, hex. See `java/Recode.java`.

use jackdaw_codec_tests::{
    random::Random,
    sample::{Shape, sample},
    schemas,
};

fn main() {
    let argument = |position: usize| std::env::args().nth(position).and_then(|text| text.parse().ok());
    let seed = argument(1).unwrap_or(1);
    let rounds = argument(2).unwrap_or(1);
    for message in schemas() {
        for version in message.versions.first..=message.versions.last {
            for round in 0..rounds {
                let mut random = Random::named(seed + round, &message.name, version);
                let bytes = sample(message, version, &mut random, Shape { size: 2, ..Shape::PLAIN });
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                println!("{} {version} {hex}", message.name);
            }
        }
    }
}
