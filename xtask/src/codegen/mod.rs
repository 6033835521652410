//! `cargo xtask codegen`: the wire codec from `core/schema/`. With `--check` it writes nothing and fails on drift.

mod api;
mod expression;
mod message;
mod names;
mod output;
mod records;
// Public throughout: the codec's tests read the schema with it too.
#[allow(unreachable_pub)]
mod schema;

use std::{fs, path::Path};

use output::Output;
use schema::Message;

/// The messages of one schema file.
pub(crate) struct Family {
    /// The file's name without its ending, and the name of the generated module.
    pub(crate) name: String,
    pub(crate) messages: Vec<Message>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        ["--check"] => true,
        _ => return Err("usage: cargo xtask codegen [--check]".to_owned()),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent directory")?;
    let apis = load(&root.join("core/schema/api"))?;
    let records = load(&root.join("core/schema/records"))?;
    let mut output = Output::default();
    for family in &apis {
        let source = message::module(family, &format!("api/{}", family.name), "")?;
        output.add(format!("core/src/protocol/messages/{}.rs", family.name), source);
    }
    for family in &records {
        let source = message::module(family, &format!("records/{}", family.name), &records::enums(family))?;
        output.add(format!("core/src/protocol/records/{}.rs", family.name), source);
    }
    output.add("core/src/protocol/messages/mod.rs".to_owned(), api::messages_module(&apis)?);
    output.add("core/src/protocol/records/mod.rs".to_owned(), records::module(&records));
    output.add("core/src/protocol/api.rs".to_owned(), api::table(&apis)?);
    output.finish(root, check)
}

fn load(directory: &Path) -> Result<Vec<Family>, String> {
    let listed = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut families = Vec::new();
    for entry in listed {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let messages = schema::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a schema file without a name")?;
        families.push(Family { name: name.to_owned(), messages });
    }
    families.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(families)
}
