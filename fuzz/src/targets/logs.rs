//! The small files of a log directory: producer snapshots, checkpoints, `meta.properties`, `partition.metadata`.

use jackdaw_core::producer_state::{BatchInfo, Producers, decode_snapshot};
use jackdaw_core::records::{BatchView, Frame, crc::crc32c};
use jackdaw_storage::{LeaderEpochs, MetaProperties, checkpoint, clean_shutdown, layout, partition_metadata};

use super::{
    records,
    segments::{simulate, write},
};

/// A producer snapshot; where the first byte is odd its CRC is made right.
pub(super) fn producer_snapshot(input: &[u8]) {
    const CRC_AT: usize = 2;
    let mut bytes = input.to_vec();
    if bytes.len() >= CRC_AT + 4 {
        let crc = crc32c(&bytes[CRC_AT + 4..]);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    }
    for bytes in [input, &bytes] {
        let _ = decode_snapshot(bytes);
        if let Ok(producers) = Producers::from_snapshot(bytes, 100, 1_767_225_600_000, 86_400_000) {
            let again = producers.encode_snapshot();
            let reread = Producers::from_snapshot(&again, 100, 1_767_225_600_000, 86_400_000);
            assert_eq!(reread.expect("an own snapshot is refused").len(), producers.len());
        }
    }
}

pub(super) fn producer_snapshot_seeds() -> Vec<Vec<u8>> {
    let mut producers = Producers::new(0);
    for batch in records::batches() {
        let Frame::Complete(batch) = BatchView::parse(&batch) else { continue };
        if let Some(info) = BatchInfo::of(batch.header()) {
            producers.update(&info);
        }
    }
    assert!(!producers.is_empty());
    vec![producers.encode_snapshot(), Producers::new(0).encode_snapshot()]
}

/// A checkpoint of offsets, and one of leader epochs.
pub(super) fn checkpoints(input: &[u8]) {
    let input = input.to_vec();
    simulate(move |dir| async move {
        let path = dir.join("recovery-point-offset-checkpoint");
        write(&path, &input);
        if let Ok(offsets) = checkpoint::read_offsets(&path) {
            checkpoint::write_offsets(&path, &offsets).await.expect("written");
            assert_eq!(checkpoint::read_offsets(&path).expect("read again"), offsets);
        }
        write(&dir.join(layout::LEADER_EPOCHS), &input);
        if let Ok(mut epochs) = LeaderEpochs::read(&dir) {
            epochs.truncate_from_end(5);
            let _ = (epochs.end_offset_for(1, 100), epochs.to_text());
        }
    });
}

pub(super) fn checkpoint_seeds() -> Vec<Vec<u8>> {
    let texts = ["0\n2\norders 0 17\norders 1 0\n", "0\n0\n", "0\n3\n0 0\n2 5\n7 9\n"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The files of a few lines.
pub(super) fn meta_properties(input: &[u8]) {
    let input = input.to_vec();
    simulate(move |dir| async move {
        for name in ["meta.properties", "partition.metadata", ".kafka_cleanshutdown"] {
            write(&dir.join(name), &input);
        }
        if let Ok(Some(read)) = MetaProperties::read(&dir) {
            read.write(&dir).await.expect("written");
            assert_eq!(MetaProperties::read(&dir).expect("read again"), Some(read));
        }
        let _ = partition_metadata::read(&dir);
        let _ = clean_shutdown::take(&dir).await;
    });
}

pub(super) fn meta_properties_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "#\n#Mon Jan 01 00:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\ndirectory.id=tEnNVGqaQBuhXpzUZvGOVw\nnode.id=1\nversion=1\n",
        "version: 0\ntopic_id: tEnNVGqaQBuhXpzUZvGOVw\n",
        "{\"version\":0,\"brokerEpoch\":7}",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
