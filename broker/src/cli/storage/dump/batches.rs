//! A segment's or snapshot's batches, and their records.

use std::{io::Write, path::Path};

use jackdaw_core::{
    limits::DECOMPRESSED_BATCH_BYTES_MAX,
    records::{BatchView, ControlType, Record, Records, TimestampType, compression::Decompressor},
};
use jackdaw_storage::inspect::{SegmentItem, SegmentReader};
use serde_json::Value;

use super::{
    super::super::base64,
    DumpError, Encoding, Wanted,
    decode::{self, Decoder},
    line::Printer,
};

pub(super) async fn dump(
    printer: &mut Printer<impl Write>,
    path: &Path,
    wanted: Wanted,
) -> Result<(), DumpError> {
    let mut reader = SegmentReader::open(path)?;
    let records = RecordPrinter { wanted, decoder: wanted.decoder(path) };
    let mut decompressor = Decompressor::default();
    while let Some(item) = reader.next().await? {
        match item {
            SegmentItem::Bad { position, size_bytes, reason } => {
                printer.has_damage = true;
                let values = vec![
                    ("position", position.into()),
                    ("size_bytes", size_bytes.into()),
                    ("reason", reason.into()),
                ];
                printer.line("bad", values)?;
            }
            SegmentItem::Batch { position, batch } => {
                let sound = batch.check();
                printer
                    .line("batch", header(position, &batch, sound.as_ref().err().map(ToString::to_string)))?;
                if sound.is_err() {
                    printer.has_damage = true;
                } else if wanted.records {
                    records.print(printer, &batch, &mut decompressor)?;
                }
            }
        }
    }
    Ok(())
}

fn header(position: u64, batch: &BatchView<'_>, damage: Option<String>) -> Vec<(&'static str, Value)> {
    let header = batch.header();
    let timestamp_type = match header.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    };
    let mut values = vec![
        ("base_offset", header.base_offset().into()),
        ("last_offset", header.last_offset().into()),
        ("records", header.records_count().into()),
        ("position", position.into()),
        ("size_bytes", batch.size_bytes().into()),
        ("leader_epoch", header.partition_leader_epoch().into()),
        ("codec", header.codec().map_or("undefined", |codec| codec.name()).into()),
        ("timestamp_type", timestamp_type.into()),
        ("base_timestamp", header.base_timestamp().into()),
        ("max_timestamp", header.max_timestamp().into()),
        ("producer_id", header.producer_id().into()),
        ("producer_epoch", header.producer_epoch().into()),
        ("base_sequence", header.base_sequence().into()),
        ("is_transactional", header.is_transactional().into()),
        ("is_control", header.is_control().into()),
        ("delete_horizon_ms", header.delete_horizon_ms().into()),
        ("crc", header.crc().into()),
        ("is_sound", damage.is_none().into()),
    ];
    if let Some(reason) = damage {
        values.push(("reason", reason.into()));
    }
    values
}

struct RecordPrinter {
    wanted: Wanted,
    decoder: Option<Decoder>,
}

impl RecordPrinter {
    fn print(
        &self,
        printer: &mut Printer<impl Write>,
        batch: &BatchView<'_>,
        decompressor: &mut Decompressor,
    ) -> Result<(), DumpError> {
        let header = batch.header();
        let codec = header.codec().unwrap_or(jackdaw_core::records::Codec::None);
        let section = match decompressor.decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX) {
            Ok(section) => section,
            Err(error) => return bad_record(printer, header.base_offset(), &error.to_string()),
        };
        for record in Records::new(section, header.records_count()) {
            let record = match record {
                Ok(record) => record,
                Err(error) => return bad_record(printer, header.base_offset(), &error.to_string()),
            };
            let offset = header.base_offset().wrapping_add(i64::from(record.offset_delta));
            let timestamp = match header.timestamp_type() {
                TimestampType::LogAppendTime => header.max_timestamp(),
                TimestampType::CreateTime => header.base_timestamp().wrapping_add(record.timestamp_delta),
            };
            let mut values = vec![("offset", offset.into()), ("timestamp", timestamp.into())];
            let shown = if header.is_control() { self.control(&record) } else { self.key_and_value(&record) };
            match shown {
                Ok(mut shown) => values.append(&mut shown),
                Err(reason) => {
                    printer.has_damage = true;
                    values.push(("reason", reason.into()));
                    values.push(("key", self.bytes(record.key)));
                    values.push(("value", self.bytes(record.value)));
                }
            }
            if record.headers_count() > 0 {
                values.push(("headers", self.headers(&record)));
            }
            printer.line(if header.is_control() { "control" } else { "record" }, values)?;
        }
        Ok(())
    }

    fn control(&self, record: &Record<'_>) -> Result<Vec<(&'static str, Value)>, String> {
        let Some(control_type) = ControlType::of_key(record.key.unwrap_or_default()) else {
            return Ok(vec![("type", Value::Null), ("value", self.bytes(record.value))]);
        };
        let value = decode::control(control_type, record.value.unwrap_or_default(), self.wanted.is_json);
        let value = value.map_err(|error| error.to_string())?;
        Ok(vec![("type", format!("{control_type:?}").into()), ("value", value)])
    }

    fn key_and_value(&self, record: &Record<'_>) -> Result<Vec<(&'static str, Value)>, String> {
        let (key, value) = match self.decoder {
            None => (self.bytes(record.key), self.bytes(record.value)),
            Some(decoder) => decoder
                .decode(record.key, record.value, self.wanted.is_json)
                .map_err(|error| format!("not decoded: {error}"))?,
        };
        Ok(vec![("key", key), ("value", value)])
    }

    fn headers(&self, record: &Record<'_>) -> Value {
        // Pairs: a key may stand there twice, and the order counts.
        let pairs = record.headers().map(|header| {
            let key = String::from_utf8_lossy(header.key).into_owned();
            Value::Array(vec![key.into(), self.bytes(header.value)])
        });
        Value::Array(pairs.collect())
    }

    fn bytes(&self, bytes: Option<&[u8]>) -> Value {
        let Some(bytes) = bytes else { return Value::Null };
        match (self.wanted.encoding, std::str::from_utf8(bytes)) {
            (Encoding::Base64, _) => base64::encode(bytes).into(),
            (Encoding::Text, Ok(text)) => text.into(),
            (Encoding::Text, Err(_)) => bytes.escape_ascii().to_string().into(),
        }
    }
}

fn bad_record(printer: &mut Printer<impl Write>, base_offset: i64, reason: &str) -> Result<(), DumpError> {
    printer.has_damage = true;
    printer.line("bad", vec![("base_offset", base_offset.into()), ("reason", reason.into())])?;
    Ok(())
}
