//! `jackdaw storage dump`: what is in the files of a stopped server.

mod batches;
mod debug_json;
mod decode;
mod file;
mod line;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use jackdaw_storage::StorageError;

use self::{decode::Decoder, line::Printer};
use super::{
    super::{
        error::CommandError,
        options::{Format, FormatOptions},
        output::stdout,
    },
    on_a_ring,
};

#[derive(Args, Debug)]
#[command(
    after_help = "Prints segments (.log), indexes (.index, .timeindex, .txnindex), producer snapshots (.snapshot), metadata \
snapshots (.checkpoint), offset and leader epoch checkpoints, and the small text files, by their names.

Exit codes: 0 all could be read, 1 something is damaged or could not be read.

Examples:
  jackdaw storage dump /data/orders-0
  jackdaw storage dump /data/orders-0/00000000000000000000.log --records
  jackdaw storage dump /data/__cluster_metadata-0 --records --format json
  jackdaw storage dump /data/__consumer_offsets-*/*.log --records"
)]
pub(crate) struct DumpStorage {
    /// Files, or directories of which every file is printed
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,

    /// Also the records of each batch
    #[arg(long)]
    records: bool,

    /// How keys and values are printed that are not decoded
    #[arg(long, value_enum, default_value = "text")]
    encoding: Encoding,

    /// What the records are; the directory's name says it otherwise
    #[arg(long, value_enum, default_value = "auto")]
    decoder: DecoderChoice,

    #[command(flatten)]
    format: FormatOptions,
}

/// How bytes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// As UTF-8; bytes that are none are escaped
    Text,
    Base64,
}

/// Which records are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DecoderChoice {
    /// By the topic's name: metadata, offsets and groups, transactions, share groups
    Auto,
    /// Keys and values are bytes
    None,
    Metadata,
    Offsets,
    Transactions,
    ShareState,
}

/// What is printed of each file.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    records: bool,
    encoding: Encoding,
    decoder: DecoderChoice,
    is_json: bool,
}

/// Why a dump ends early.
#[derive(Debug, thiserror::Error)]
enum DumpError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl DumpStorage {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let wanted = Wanted {
            records: self.records,
            encoding: self.encoding,
            decoder: self.decoder,
            is_json: self.format.format == Format::Json,
        };
        let paths = self.paths;
        let dumped = on_a_ring(async move {
            let mut printer = Printer::new(stdout(), wanted.is_json);
            for path in &paths {
                file::dump(&mut printer, path, wanted).await?;
            }
            printer.out.flush()?;
            Ok(printer.has_damage)
        })?;
        match dumped {
            Ok(false) => Ok(()),
            Ok(true) => Err(CommandError::Reported),
            Err(DumpError::Output(error)) => Err(CommandError::Output(error)),
            Err(DumpError::Storage(error)) => Err(CommandError::Failed {
                what: format!("cannot dump: {error}"),
                advice: "Name files of a log directory; `jackdaw storage dump --help` lists the kinds.",
            }),
        }
    }
}

impl Wanted {
    /// What the records of this file are, if they are decoded.
    fn decoder(self, path: &Path) -> Option<Decoder> {
        match self.decoder {
            DecoderChoice::Auto => Decoder::of(path),
            DecoderChoice::None => None,
            DecoderChoice::Metadata => Some(Decoder::Metadata),
            DecoderChoice::Offsets => Some(Decoder::Offsets),
            DecoderChoice::Transactions => Some(Decoder::Transactions),
            DecoderChoice::ShareState => Some(Decoder::ShareState),
        }
    }
}
