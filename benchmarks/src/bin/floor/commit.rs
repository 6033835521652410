//! Durable appends: what is there is written, one flush makes it durable, meanwhile the next come.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    time::Duration,
};

use serde_json::json;

use crate::{Outcome, Plan, clock::Stretch};

const RECORD_BYTES: usize = 180;
const WRITTEN_BYTES: usize = 64 << 20;

pub(crate) fn growing(plan: &Plan) -> Outcome {
    commit(plan, 5, false)
}

pub(crate) fn growing_50(plan: &Plan) -> Outcome {
    commit(plan, 50, false)
}

pub(crate) fn written_50(plan: &Plan) -> Outcome {
    commit(plan, 50, true)
}

/// All appends in flight are written one by one, and one flush answers them all.
fn commit(plan: &Plan, in_flight: usize, is_written: bool) -> Outcome {
    let path = plan.directory.join("floor-commit");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let outcome = run(plan, &file, in_flight, is_written);
    std::fs::remove_file(path)?;
    outcome
}

fn run(plan: &Plan, file: &File, in_flight: usize, is_written: bool) -> Outcome {
    if is_written {
        file.write_all_at(&vec![0; WRITTEN_BYTES], 0)?;
        file.sync_all()?;
    }
    let record = [1; RECORD_BYTES];
    let end = std::time::Instant::now() + Duration::from_secs_f64(plan.seconds);
    let (mut position, mut records, mut flushes) = (0u64, 0u64, 0u64);
    let stretch = Stretch::begin();
    while std::time::Instant::now() < end {
        for _ in 0..in_flight {
            file.write_all_at(&record, position)?;
            position += RECORD_BYTES as u64;
            if is_written && position + RECORD_BYTES as u64 > WRITTEN_BYTES as u64 {
                position = 0;
            }
            records += 1;
        }
        file.sync_data()?;
        flushes += 1;
    }
    let (cpu, seconds) = stretch.end();
    Ok(json!({
        "cpu_us_per_record": cpu * 1e6 / records as f64,
        "records_per_s": records as f64 / seconds,
        "flush_us": seconds * 1e6 / flushes as f64,
    }))
}
