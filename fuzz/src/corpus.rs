//! The inputs in the tree: `fuzz/corpus/TARGET/NAME`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the inputs of a target are.
pub fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The inputs of a target and their names, sorted by name.
///
/// # Errors
/// Those of reading; a target without a directory has no inputs.
pub fn read(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let entries = match fs::read_dir(directory(target)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut inputs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, fs::read(&path)?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Add an input under a name made from its content, unless it is there.
///
/// # Errors
/// Those of writing.
pub fn add(target: &str, prefix: &str, input: &[u8]) -> io::Result<PathBuf> {
    let directory = directory(target);
    fs::create_dir_all(&directory)?;
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let path = directory.join(format!("{prefix}-{hash:016x}"));
    fs::write(&path, input)?;
    Ok(path)
}
