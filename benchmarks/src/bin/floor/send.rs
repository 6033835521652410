//! A fetch of what the page cache has: a header, and a range of a file by `sendfile`.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

use rustix::fs::sendfile;
use serde_json::json;

use crate::{Outcome, Plan, clock::Stretch};

const RANGE_BYTES: usize = 1 << 20;
const FILE_BYTES: usize = 256 << 20;
const REQUEST_BYTES: usize = 100;
const HEADER_BYTES: usize = 100;

pub(crate) fn send_file(plan: &Plan) -> Outcome {
    let path = plan.directory.join("floor-send");
    let outcome = send(plan, &path);
    std::fs::remove_file(path)?;
    outcome
}

fn send(plan: &Plan, path: &Path) -> Outcome {
    let file = filled(path)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let ranges = plan.bytes / RANGE_BYTES as u64;
    // One request in flight, as a consumer has.
    let client = std::thread::spawn(move || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut answer = vec![0; HEADER_BYTES + RANGE_BYTES];
        for _ in 0..ranges {
            stream.write_all(&[1; REQUEST_BYTES])?;
            stream.read_exact(&mut answer)?;
        }
        Ok(())
    });
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut request = [0; REQUEST_BYTES];
    let stretch = Stretch::begin();
    for index in 0..ranges {
        stream.read_exact(&mut request)?;
        rustix::net::send(&stream, &[2; HEADER_BYTES], rustix::net::SendFlags::MORE)?;
        let mut position = (index * RANGE_BYTES as u64) % (FILE_BYTES as u64);
        let end = position + RANGE_BYTES as u64;
        while position < end {
            let left = usize::try_from(end - position)?;
            if sendfile(&stream, &file, Some(&mut position), left)? == 0 {
                return Err("the file is shorter than it was".into());
            }
        }
    }
    let (cpu, seconds) = stretch.end();
    client.join().map_err(|_| "the client ended early")??;
    let bytes = ranges as f64 * RANGE_BYTES as f64;
    Ok(json!({ "cpu_s_per_gb": cpu / bytes * 1e9, "mb_per_s": bytes / 1e6 / seconds }))
}

fn filled(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    let block = vec![3; 1 << 20];
    for _ in 0..FILE_BYTES / block.len() {
        file.write_all(&block)?;
    }
    Ok(file)
}
