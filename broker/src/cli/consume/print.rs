//! How a record is printed: chosen fields on a line, or a JSON object on a line.

use std::io::{self, Write};

use clap::ValueEnum;
use jackdaw_core::records::TimestampType;

use crate::cli::base64;
use crate::cli::client::fetcher::FetchedRecord;
use crate::utc;

/// What a record has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Field {
    Topic,
    Partition,
    Offset,
    /// In UTC
    Timestamp,
    Key,
    /// As key=value, separated by commas
    Headers,
    Value,
}

/// Prints the records of one topic.
#[derive(Debug)]
pub(super) struct RecordPrinter<'a> {
    topic: &'a str,
    style: Style<'a>,
}

#[derive(Debug)]
enum Style<'a> {
    Text { fields: &'a [Field], separator: &'a str, null: &'a str },
    Json,
}

impl<'a> RecordPrinter<'a> {
    pub(super) fn json(topic: &'a str) -> Self {
        Self { topic, style: Style::Json }
    }

    /// Keys and values are printed as the bytes they are.
    pub(super) fn text(topic: &'a str, fields: &'a [Field], separator: &'a str, null: &'a str) -> Self {
        Self { topic, style: Style::Text { fields, separator, null } }
    }

    pub(super) fn print(&self, record: &FetchedRecord<'_>, out: &mut impl Write) -> io::Result<()> {
        match self.style {
            Style::Json => self.print_json(record, out),
            Style::Text { fields, separator, null } => {
                for (index, &field) in fields.iter().enumerate() {
                    if index > 0 {
                        out.write_all(separator.as_bytes())?;
                    }
                    self.print_field(field, record, null, out)?;
                }
                out.write_all(b"\n")
            }
        }
    }

    fn print_field(
        &self,
        field: Field,
        fetched: &FetchedRecord<'_>,
        null: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let record = &fetched.record;
        match field {
            Field::Topic => out.write_all(self.topic.as_bytes()),
            Field::Partition => write!(out, "{}", fetched.partition),
            Field::Offset => write!(out, "{}", fetched.offset),
            Field::Timestamp => out.write_all(utc::to_text(fetched.timestamp_ms).as_bytes()),
            Field::Key => out.write_all(record.key.unwrap_or(null.as_bytes())),
            Field::Value => out.write_all(record.value.unwrap_or(null.as_bytes())),
            Field::Headers => {
                for (index, header) in record.headers().enumerate() {
                    if index > 0 {
                        out.write_all(b",")?;
                    }
                    out.write_all(header.key)?;
                    out.write_all(b"=")?;
                    out.write_all(header.value.unwrap_or(null.as_bytes()))?;
                }
                Ok(())
            }
        }
    }

    /// `jackdaw produce --format json` reads these lines.
    fn print_json(&self, fetched: &FetchedRecord<'_>, out: &mut impl Write) -> io::Result<()> {
        let timestamp_type = match fetched.timestamp_type {
            TimestampType::CreateTime => "create",
            TimestampType::LogAppendTime => "append",
        };
        out.write_all(b"{\"topic\":")?;
        serde_json::to_writer(&mut *out, self.topic)?;
        write!(
            out,
            ",\"partition\":{},\"offset\":{},\"timestamp\":{},\"timestamp_type\":\"{timestamp_type}\",",
            fetched.partition, fetched.offset, fetched.timestamp_ms
        )?;
        print_bytes("key", fetched.record.key, out)?;
        out.write_all(b",")?;
        print_bytes("value", fetched.record.value, out)?;
        out.write_all(b",\"headers\":[")?;
        for (index, header) in fetched.record.headers().enumerate() {
            out.write_all(if index > 0 { b",{\"key\":" } else { b"{\"key\":" })?;
            serde_json::to_writer(&mut *out, &String::from_utf8_lossy(header.key))?;
            out.write_all(b",")?;
            print_bytes("value", header.value, out)?;
            out.write_all(b"}")?;
        }
        out.write_all(b"]}\n")
    }
}

/// A JSON member: a string where the bytes are UTF-8, else base64 under a name that says so.
fn print_bytes(name: &str, bytes: Option<&[u8]>, out: &mut impl Write) -> io::Result<()> {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => write!(out, "\"{name}\":null"),
        Some(Ok(text)) => {
            write!(out, "\"{name}\":")?;
            Ok(serde_json::to_writer(&mut *out, text)?)
        }
        Some(Err(bytes)) => write!(out, "\"{name}_base64\":\"{}\"", base64::encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use jackdaw_core::records::{BatchBuilder, Header, NewRecord, Records};

    use super::*;

    fn printed(printer: &RecordPrinter<'_>, record: &NewRecord<'_>) -> String {
        let mut builder = BatchBuilder::new();
        builder.append(record);
        let batch = builder.build_uncompressed();
        let body = batch.body();
        let record = Records::new(body, 1).next().unwrap().unwrap();
        let fetched = FetchedRecord {
            partition: 2,
            offset: 7,
            timestamp_ms: 1_795_514_400_000,
            timestamp_type: TimestampType::CreateTime,
            record,
        };
        let mut out = Vec::new();
        printer.print(&fetched, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const HEADERS: [Header<'static>; 2] =
        [Header { key: b"a", value: Some(b"1") }, Header { key: b"b", value: None }];

    #[test]
    fn fields_are_printed_in_the_order_asked_for() {
        let record = NewRecord { key: Some(b"k"), value: None, headers: &HEADERS, timestamp_ms: 0 };
        let fields =
            [Field::Timestamp, Field::Partition, Field::Offset, Field::Headers, Field::Key, Field::Value];
        let printer = RecordPrinter::text("t", &fields, "|", "null");
        assert_eq!(printed(&printer, &record), "2026-11-24T10:00:00.000Z|2|7|a=1,b=null|k|null\n");
        let printer = RecordPrinter::text("t", &[Field::Value, Field::Topic], "\t", "");
        assert_eq!(printed(&printer, &record), "\tt\n");
    }

    #[test]
    fn json_lines_keep_nulls_headers_and_bytes() {
        let record = NewRecord { key: None, value: Some(b"\x00\xff"), headers: &HEADERS, timestamp_ms: 0 };
        let expected = concat!(
            r#"{"topic":"t","partition":2,"offset":7,"timestamp":1795514400000,"timestamp_type":"create","#,
            r#""key":null,"value_base64":"AP8=","headers":[{"key":"a","value":"1"},{"key":"b","value":null}]}"#,
            "\n"
        );
        assert_eq!(printed(&RecordPrinter::json("t"), &record), expected);
    }
}
