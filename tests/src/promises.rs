//! What a producer was promised, held against what the log has: nothing lost, nothing doubled, order kept.

use std::time::Duration;

use jackdaw_core::records::{Batches, Records, compression::Decompressor};

use crate::library::Library;
use crate::program::Program;
use crate::requests::{self, Topic};
use crate::wire::Connection;

/// No acknowledgement takes longer, over a restart of the broker.
const ACK_DEADLINE: Duration = Duration::from_secs(60);
const FETCH: i16 = 16;
const BATCH_BYTES_MAX: usize = 16 << 20;

/// A producer that numbers its records from 0 in each partition, under way over restarts of the broker.
pub struct PromisedLoad {
    program: Program,
    command: String,
    topic: Topic,
    acks: &'static str,
    partitions: Vec<Ledger>,
}

/// One partition's acknowledgements and its log.
#[derive(Default)]
struct Ledger {
    /// The value at each offset, as far as the log was read.
    log: Vec<u64>,
    /// The number that the log must bring next.
    next: u64,
    /// Acknowledged, not yet held against the log: number and offset.
    acked: Vec<(u64, usize)>,
    acked_count: usize,
    doubled_count: usize,
}

impl PromisedLoad {
    /// Begins to write to a topic that nobody else writes to; ACKS as in `tests/clients/README.md`.
    pub fn start(
        library: Library,
        bootstrap: &str,
        topic: &Topic,
        partitions: usize,
        acks: &'static str,
    ) -> Self {
        let mut program = library.start(bootstrap);
        let command = format!("load {} {partitions} {acks}", topic.name);
        program.send(&command);
        let partitions = (0..partitions).map(|_| Ledger::default()).collect();
        Self { program, command, topic: topic.clone(), acks, partitions }
    }

    /// Waits until there are so many acknowledgements more.
    pub fn await_acks(&mut self, count: usize) {
        let wanted = self.acked_count() + count;
        while self.acked_count() < wanted {
            match self.program.next_within(&self.command, ACK_DEADLINE) {
                Some(line) => self.note(&line),
                None => self.program.fail(&self.command, "no further acknowledgement"),
            }
        }
    }

    /// Notes the acknowledgements that have come.
    pub fn note_acks(&mut self) {
        while let Some(line) = self.program.next_within(&self.command, Duration::ZERO) {
            self.note(&line);
        }
    }

    /// Ends the load: every record that it sent is acknowledged then.
    pub fn stop(&mut self) {
        self.program.send("stop");
        match self.program.finish(&self.command) {
            Ok(lines) => lines.iter().for_each(|line| self.note(line)),
            Err(error) => self.program.fail(&self.command, &error),
        }
    }

    pub fn acked_count(&self) -> usize {
        self.partitions.iter().map(|ledger| ledger.acked_count).sum()
    }

    /// Records that stand in the log twice, which a producer that is not idempotent is not spared.
    pub fn doubled_count(&self) -> usize {
        self.partitions.iter().map(|ledger| ledger.doubled_count).sum()
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        format!("{} {}", self.program.name(), self.topic.name)
    }

    fn note(&mut self, line: &str) {
        let numbers: Vec<u64> = line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect();
        let ([partition, n, offset], true) = (&numbers[..], line.starts_with("acked ")) else {
            self.program.fail(&self.command, line);
        };
        let ledger = &mut self.partitions[*partition as usize];
        ledger.acked.push((*n, *offset as usize));
        ledger.acked_count += 1;
    }

    /// Reads what the logs have more, and holds what was acknowledged against them.
    ///
    /// # Errors
    /// The first promise that is broken.
    pub fn check(&mut self, connection: &mut Connection) -> Result<(), String> {
        let is_idempotent = self.acks == "idempotent";
        for partition in 0..self.partitions.len() {
            let values = self.read(connection, partition)?;
            let ledger = &mut self.partitions[partition];
            let checked = ledger.take_log(&values, is_idempotent).and_then(|()| ledger.check_acks());
            checked.map_err(|error| format!("{} {partition}: {error}", self.topic.name))?;
        }
        Ok(())
    }

    /// The same when the load has stopped: then the log has nothing but what was acknowledged.
    ///
    /// # Errors
    /// The first promise that is broken.
    pub fn check_all(&mut self, connection: &mut Connection) -> Result<(), String> {
        self.check(connection)?;
        for (partition, ledger) in self.partitions.iter().enumerate() {
            let distinct = ledger.log.len() - ledger.doubled_count;
            if distinct != ledger.acked_count {
                let acked = ledger.acked_count;
                return Err(format!(
                    "{} {partition}: {distinct} records for {acked} acknowledged",
                    self.topic.name
                ));
            }
        }
        Ok(())
    }

    /// The values behind those that were read before.
    fn read(&self, connection: &mut Connection, partition: usize) -> Result<Vec<u64>, String> {
        let number = i32::try_from(partition).expect("few partitions");
        let from = self.partitions[partition].log.len();
        let end = requests::await_end_offset(connection, &self.topic.name, number) as usize;
        if end < from {
            return Err(format!(
                "{} {partition}: the log ends at {end}, and readers were at {from}",
                self.topic.name
            ));
        }
        let mut values = Vec::new();
        while from + values.len() < end {
            let offset = (from + values.len()) as i64;
            let fetched = requests::fetch(connection, &self.topic, FETCH, number, offset);
            let bytes = fetched.records.unwrap_or_default();
            if fetched.error_code != 0 || bytes.is_empty() {
                let error = fetched.error_code;
                return Err(format!("{} {partition}: error {error} at offset {offset}", self.topic.name));
            }
            append_values(&bytes, offset, &mut values)?;
        }
        Ok(values)
    }
}

impl Ledger {
    /// New numbers come in order; an old one is a retry that was stored twice.
    fn take_log(&mut self, values: &[u64], is_idempotent: bool) -> Result<(), String> {
        for &value in values {
            let offset = self.log.len();
            if value > self.next {
                return Err(format!(
                    "record {value} stands at offset {offset}, and {} is missing before it",
                    self.next
                ));
            }
            if value < self.next {
                if is_idempotent {
                    return Err(format!("record {value} stands at offset {offset} a second time"));
                }
                self.doubled_count += 1;
            }
            self.next = self.next.max(value + 1);
            self.log.push(value);
        }
        Ok(())
    }

    fn check_acks(&mut self) -> Result<(), String> {
        for (n, offset) in std::mem::take(&mut self.acked) {
            match self.log.get(offset) {
                Some(&value) if value == n => {}
                Some(value) => {
                    return Err(format!(
                        "record {n} was acknowledged at offset {offset}, where {value} stands"
                    ));
                }
                None => {
                    let end = self.log.len();
                    return Err(format!(
                        "record {n} was acknowledged at offset {offset}, and the log ends at {end}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The records' values, which are numbers, from `from` on: a batch may begin before it.
fn append_values(bytes: &[u8], from: i64, values: &mut Vec<u64>) -> Result<(), String> {
    let mut decompressor = Decompressor::default();
    for batch in Batches::new(bytes) {
        let batch = batch.map_err(|corrupt| corrupt.to_string())?;
        batch.check_crc().map_err(|corrupt| corrupt.to_string())?;
        let header = batch.header();
        let codec = header.codec().ok_or("a codec that is not defined")?;
        let section =
            decompressor.decompress(codec, batch.body(), BATCH_BYTES_MAX).map_err(|e| e.to_string())?;
        for record in Records::new(section, header.records_count()) {
            let record = record.map_err(|invalid| invalid.to_string())?;
            if header.base_offset() + i64::from(record.offset_delta) < from {
                continue;
            }
            let text = std::str::from_utf8(record.value.unwrap_or_default()).unwrap_or_default();
            values.push(text.parse().map_err(|_| format!("a value {text:?} that nobody sent"))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    fn ledger(log: &[u64], acked: &[(u64, usize)], is_idempotent: bool) -> Result<(), String> {
        let mut ledger = Ledger { acked: acked.to_vec(), ..Ledger::default() };
        ledger.take_log(log, is_idempotent)?;
        ledger.check_acks()
    }

    #[test]
    fn broken_promises_are_found() {
        assert_eq!(ledger(&[0, 1, 2], &[(0, 0), (2, 2)], true), Ok(()));
        assert_eq!(ledger(&[0, 1, 0, 1, 2], &[(1, 3), (2, 4)], false), Ok(()));
        for (log, acked, is_idempotent, why) in [
            (&[0, 1, 0, 1][..], &[][..], true, "doubled"),
            (&[0, 2], &[], false, "missing or in another order"),
            (&[0, 1], &[(2, 2)], false, "acknowledged and not there"),
            (&[0, 1], &[(1, 0)], true, "elsewhere"),
        ] {
            assert!(ledger(log, acked, is_idempotent).is_err(), "{why}");
        }
    }
}
