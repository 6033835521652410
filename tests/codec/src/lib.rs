//! The wire codec against two other codecs and against bytes that Apache Kafka took; this half makes the bytes.

pub mod exchange;
pub mod random;
pub mod sample;
// The generator's own parser: a mistake in it shows when other codecs refuse the bytes made from what it read.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../xtask/src/codegen/schema.rs"]
pub mod schema;

use std::{fs, path::Path, sync::LazyLock};

use schema::Message;

/// Every message of `core/schema/`, in the order of the files and of their lines.
pub fn schemas() -> &'static [Message] {
    static SCHEMAS: LazyLock<Vec<Message>> = LazyLock::new(load);
    &SCHEMAS
}

/// The message of this name.
pub fn schema_of(name: &str) -> &'static Message {
    let found = schemas().iter().find(|message| message.name == name);
    found.unwrap_or_else(|| panic!("{name} has no schema"))
}

fn load() -> Vec<Message> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/schema");
    let mut messages = Vec::new();
    for directory in ["api", "records"] {
        let mut files: Vec<_> = fs::read_dir(root.join(directory))
            .expect("a schema directory")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
            .collect();
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).expect("a schema file");
            messages.extend(schema::parse(&text).expect("a schema"));
        }
    }
    messages
}
