//! The rules of idempotence and transactions, row by row, and the snapshot file.

use super::*;
use crate::{
    error_code::ErrorCode::{self, *},
    records::test_random::Random,
};

const CLIENT: Origin = Origin::Client { is_verified: false };
const VERIFIED: Origin = Origin::Client { is_verified: true };
const PRODUCER: i64 = 1000;

/// A batch with these sequences, which stands at these offsets where it is appended.
fn batch(producer_epoch: i16, first_sequence: i32, count: i32, first_offset: i64) -> BatchInfo {
    BatchInfo {
        producer_id: PRODUCER,
        producer_epoch,
        first_sequence,
        last_sequence: crate::records::batch_header::add_to_sequence(first_sequence, count - 1),
        first_offset,
        last_offset: first_offset + i64::from(count) - 1,
        max_timestamp: 10_000 + first_offset,
        is_transactional: false,
    }
}

fn transactional(batch: BatchInfo) -> BatchInfo {
    BatchInfo { is_transactional: true, ..batch }
}

fn marker(producer_epoch: i16, coordinator_epoch: i32) -> EndMarker {
    EndMarker {
        producer_id: PRODUCER,
        producer_epoch,
        coordinator_epoch,
        is_abort: true,
        timestamp_ms: 50_000,
    }
}

/// Epoch 2, seven batches of ten records, sequences 0 to 69, offsets 100 to 169.
fn with_seven_batches() -> Producers {
    let mut producers = Producers::new(100);
    for index in 0..7 {
        producers.update(&batch(2, index * 10, 10, 100 + i64::from(index) * 10));
    }
    producers
}

/// The base offset of a duplicate, `None` for an append, or the code.
fn answer(producers: &Producers, batch: &BatchInfo, origin: Origin) -> Result<Option<i64>, ErrorCode> {
    match producers.check(batch, origin) {
        Ok(Verdict::Append) => Ok(Option::None),
        Ok(Verdict::Duplicate(known)) => Ok(Some(known.base_offset())),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Err(error.code())
        }
    }
}

#[test]
fn sequences_of_a_known_producer() {
    let producers = with_seven_batches();
    let append = Ok(Option::None);
    for (what, epoch, sequence, count, expected) in [
        ("next", 2, 70, 1, append),
        ("last again", 2, 60, 10, Ok(Some(160))),
        ("fifth last again", 2, 20, 10, Ok(Some(120))),
        ("sixth last again", 2, 10, 10, Err(OutOfOrderSequenceNumber)),
        ("another count at an old sequence", 2, 60, 9, Err(OutOfOrderSequenceNumber)),
        ("overlapping", 2, 65, 10, Err(OutOfOrderSequenceNumber)),
        ("a gap", 2, 71, 1, Err(OutOfOrderSequenceNumber)),
        ("from 0", 2, 0, 1, Err(OutOfOrderSequenceNumber)),
        ("old epoch", 1, 70, 1, Err(InvalidProducerEpoch)),
        ("old epoch, same sequences", 1, 60, 10, Err(InvalidProducerEpoch)),
        ("epoch -1", -1, 70, 1, Err(InvalidProducerEpoch)),
        ("new epoch at 0", 3, 0, 5, append),
        ("new epoch goes on", 3, 70, 5, Err(OutOfOrderSequenceNumber)),
    ] {
        assert_eq!(answer(&producers, &batch(epoch, sequence, count, 0), CLIENT), expected, "{what}");
    }
}

#[test]
fn an_unknown_producer_may_start_anywhere() {
    assert_eq!(answer(&Producers::new(0), &batch(5, 12_345, 3, 0), CLIENT), Ok(Option::None));
}

#[test]
fn other_origins_skip_sequences() {
    let producers = with_seven_batches();
    let odd = BatchInfo { first_sequence: -1, last_sequence: -1, ..batch(2, 0, 1, 0) };
    assert_eq!(answer(&producers, &odd, Origin::Coordinator), Ok(Option::None));
    assert_eq!(answer(&producers, &batch(2, 60, 10, 0), Origin::Replication), Ok(Option::None));
    assert_eq!(answer(&producers, &batch(1, 0, 1, 0), Origin::Coordinator), Err(InvalidProducerEpoch));
    assert_eq!(answer(&producers, &batch(1, 0, 1, 0), Origin::Replication), Ok(Option::None));
}

#[test]
fn sequences_go_from_the_last_number_to_zero() {
    let mut producers = Producers::new(0);
    let wrapping = batch(0, i32::MAX - 2, 5, 0);
    assert_eq!(wrapping.last_sequence, 1);
    producers.update(&wrapping);
    assert_eq!(answer(&producers, &wrapping, CLIENT), Ok(Some(0)));
    assert_eq!(answer(&producers, &batch(0, 2, 1, 0), CLIENT), Ok(Option::None));

    let mut producers = Producers::new(0);
    producers.update(&batch(0, i32::MAX, 1, 0));
    assert_eq!(answer(&producers, &batch(0, 0, 1, 0), CLIENT), Ok(Option::None));
    assert_eq!(answer(&producers, &batch(0, 1, 1, 0), CLIENT), Err(OutOfOrderSequenceNumber));
}

#[test]
fn a_new_epoch_forgets_the_batches_of_the_old() {
    let mut producers = with_seven_batches();
    producers.update(&batch(3, 0, 10, 170));
    assert_eq!(answer(&producers, &batch(2, 60, 10, 0), CLIENT), Err(InvalidProducerEpoch));
    assert_eq!(answer(&producers, &batch(3, 0, 10, 0), CLIENT), Ok(Some(170)));
    assert_eq!(producers.get(PRODUCER).unwrap().batches().len(), 1);
    assert_eq!(producers.end_offset(), 180);
}

#[test]
fn a_transaction_needs_verification_once() {
    let mut producers = with_seven_batches();
    let first = transactional(batch(2, 70, 10, 170));
    assert_eq!(answer(&producers, &first, CLIENT), Err(InvalidTxnState));
    assert_eq!(answer(&Producers::new(0), &first, CLIENT), Err(InvalidTxnState));
    assert_eq!(answer(&producers, &transactional(batch(1, 70, 10, 0)), CLIENT), Err(InvalidProducerEpoch));
    assert_eq!(answer(&producers, &first, VERIFIED), Ok(Option::None));
    producers.update(&first);
    assert_eq!(answer(&producers, &transactional(batch(2, 80, 1, 0)), CLIENT), Ok(Option::None));
    assert_eq!(answer(&producers, &first, CLIENT), Ok(Some(170)), "a duplicate needs no verification");
    assert_eq!(answer(&producers, &batch(2, 80, 1, 0), CLIENT), Err(InvalidTxnState));
}

#[test]
fn transactions_hold_the_last_stable_offset() {
    let mut producers = with_seven_batches();
    assert_eq!(producers.first_unstable_offset(), Option::None);
    producers.update(&transactional(batch(2, 70, 10, 170)));
    let other = BatchInfo { producer_id: 7, ..transactional(batch(0, 0, 5, 180)) };
    producers.update(&other);
    producers.update(&transactional(batch(2, 80, 10, 185)));
    assert_eq!(producers.first_unstable_offset(), Some(170));

    let completed = producers.end_transaction(&marker(3, 0), 195).unwrap();
    let expected =
        CompletedTransaction { producer_id: PRODUCER, first_offset: 170, last_offset: 195, is_aborted: true };
    assert_eq!(completed, expected);
    assert_eq!(producers.last_stable_offset_after(&completed), 180);
    assert_eq!(producers.first_unstable_offset(), Some(170), "until the marker is replicated");
    producers.on_high_watermark(195);
    assert_eq!(producers.first_unstable_offset(), Some(170));
    producers.on_high_watermark(196);
    assert_eq!(producers.first_unstable_offset(), Some(180));

    let completed = producers.end_transaction(&EndMarker { producer_id: 7, ..marker(1, 0) }, 196).unwrap();
    assert_eq!(producers.last_stable_offset_after(&completed), 197);
    producers.on_log_start_offset(197);
    assert_eq!(producers.first_unstable_offset(), Option::None);
    assert_eq!(producers.end_offset(), 197);
}

#[test]
fn a_marker_without_a_transaction_completes_nothing() {
    let mut producers = Producers::new(0);
    assert_eq!(producers.end_transaction(&marker(4, 9), 0), Option::None);
    let entry = producers.get(PRODUCER).unwrap();
    assert_eq!((entry.producer_epoch(), entry.coordinator_epoch(), entry.last_sequence()), (4, 9, -1));
    assert_eq!(answer(&producers, &batch(4, 0, 1, 0), CLIENT), Ok(Option::None));
    assert_eq!(answer(&producers, &batch(4, 1, 1, 0), CLIENT), Err(OutOfOrderSequenceNumber));
}

#[test]
fn epochs_of_markers() {
    use EndMarkerRules::*;
    let idle = with_seven_batches();
    let mut open = with_seven_batches();
    open.update(&transactional(batch(2, 70, 10, 170)));
    let mut last_epoch = Producers::new(0);
    last_epoch.update(&transactional(batch(i16::MAX, 0, 1, 0)));
    let mut ended = with_seven_batches();
    ended.end_transaction(&marker(2, 5), 170);
    for (what, producers, epoch, coordinator_epoch, rules, expected) in [
        ("version 1, equal", &open, 2, 0, SameEpoch, None),
        ("version 1, above", &open, 3, 0, SameEpoch, None),
        ("version 1, below", &open, 1, 0, SameEpoch, InvalidProducerEpoch),
        ("version 2, above", &open, 3, 0, NextEpoch, None),
        ("version 2, equal, open", &open, 2, 0, NextEpoch, InvalidProducerEpoch),
        ("version 2, equal, sent again", &idle, 2, 0, NextEpoch, None),
        ("version 2, equal, last epoch", &last_epoch, i16::MAX, 0, NextEpoch, None),
        ("version 2, below", &idle, 1, 0, NextEpoch, InvalidProducerEpoch),
        ("an older coordinator", &ended, 3, 4, SameEpoch, TransactionCoordinatorFenced),
        ("the same coordinator", &ended, 3, 5, SameEpoch, None),
        ("a replica", &ended, 0, 0, Replication, None),
    ] {
        let code = producers
            .check_marker(&marker(epoch, coordinator_epoch), rules)
            .map_or_else(|e| e.code(), |()| None);
        assert_eq!(code, expected, "{what}");
    }
}

#[test]
fn idle_producers_expire_but_not_in_a_transaction() {
    let mut producers = Producers::new(0);
    producers.update(&batch(0, 0, 1, 0));
    producers.update(&BatchInfo { producer_id: 7, ..transactional(batch(0, 0, 1, 1)) });
    producers.remove_expired(10_999, 1000);
    assert_eq!(producers.len(), 2);
    producers.remove_expired(11_000, 1000);
    assert_eq!(producers.iter().map(|(producer_id, _)| producer_id).collect::<Vec<_>>(), [7]);
}

#[test]
fn the_number_of_producers_is_bounded() {
    let mut producers = Producers::new(0);
    let bound = limits::PRODUCERS_PER_PARTITION_MAX as i64;
    for producer_id in 0..bound + 10 {
        let one = BatchInfo { producer_id, ..batch(0, 0, 1, producer_id) };
        let one = if producer_id == 0 { transactional(one) } else { one };
        assert_eq!(answer(&producers, &one, VERIFIED), Ok(Option::None));
        producers.update(&one);
        assert!(producers.len() <= bound as usize);
    }
    assert!(producers.get(0).is_some(), "its transaction is open");
    assert!(producers.get(1).is_none() && producers.get(bound / 16 - 1).is_none());
    assert!(producers.get(bound + 9).is_some());
}

#[test]
fn open_transactions_fill_the_table() {
    let mut producers = Producers::new(0);
    let bound = limits::PRODUCERS_PER_PARTITION_MAX as i64;
    for producer_id in 0..bound {
        producers.update(&BatchInfo { producer_id, ..transactional(batch(0, 0, 1, producer_id)) });
    }
    let one_more = BatchInfo { producer_id: bound, ..transactional(batch(0, 0, 1, bound)) };
    assert_eq!(answer(&producers, &one_more, VERIFIED), Err(ThrottlingQuotaExceeded));
}

const OF_IDEMPOTENT: &[u8] = include_bytes!("../../tests/fixtures/records/java-idempotent.snapshot");
const OF_TRANSACTIONS: &[u8] = include_bytes!("../../tests/fixtures/records/java-transactions.snapshot");

#[test]
fn snapshots_of_kafka_are_read_and_written_alike() {
    let idempotent = decode_snapshot(OF_IDEMPOTENT).unwrap();
    assert_eq!(idempotent.len(), 1);
    let entry = idempotent[0];
    assert_eq!((entry.producer_id, entry.producer_epoch, entry.last_sequence), (10, 0, 19));
    assert_eq!((entry.last_offset, entry.offset_delta, entry.coordinator_epoch), (19, 19, -1));
    let transactions = decode_snapshot(OF_TRANSACTIONS).unwrap();
    assert_eq!((transactions[0].last_sequence, transactions[0].last_offset), (-1, -1));
    assert_eq!((transactions[0].producer_epoch, transactions[0].coordinator_epoch), (3, 0));
    for bytes in [OF_IDEMPOTENT, OF_TRANSACTIONS] {
        let producers = Producers::from_snapshot(bytes, 20, 0, 1000).unwrap();
        assert_eq!(producers.encode_snapshot(), bytes);
    }
}

#[test]
fn replaying_a_log_of_kafka_gives_its_snapshot() {
    const LOG_OF_TRANSACTIONS: &[u8] = include_bytes!("../../tests/fixtures/records/java-transactions.log");
    const LOG_OF_IDEMPOTENT: &[u8] = include_bytes!("../../tests/fixtures/records/java-zstd.log");
    for (log, snapshot, completed_count, end_offset) in
        [(LOG_OF_TRANSACTIONS, OF_TRANSACTIONS, 3, 33), (LOG_OF_IDEMPOTENT, OF_IDEMPOTENT, 0, 20)]
    {
        let mut producers = Producers::new(0);
        let completed =
            crate::records::Batches::new(log).filter_map(|batch| producers.replay(&batch.unwrap()));
        assert_eq!(completed.count(), completed_count);
        assert_eq!(producers.end_offset(), end_offset);
        assert_eq!(producers.encode_snapshot(), snapshot);
    }
}

#[test]
fn a_reloaded_producer_knows_its_last_batch_and_its_transaction() {
    let mut producers = with_seven_batches();
    producers.update(&transactional(batch(2, 70, 10, 170)));
    let bytes = producers.encode_snapshot();
    let reloaded = Producers::from_snapshot(&bytes, 180, 10_170, 1000).unwrap();
    assert_eq!(answer(&reloaded, &batch(2, 70, 10, 0), CLIENT), Ok(Some(170)));
    assert_eq!(answer(&reloaded, &batch(2, 60, 10, 0), CLIENT), Err(OutOfOrderSequenceNumber));
    assert_eq!(answer(&reloaded, &transactional(batch(2, 80, 1, 0)), CLIENT), Ok(Option::None));
    assert_eq!(reloaded.first_unstable_offset(), Some(170));
    assert_eq!(reloaded.end_offset(), 180);
    assert_eq!(reloaded.encode_snapshot(), bytes);
}

#[test]
fn expired_producers_are_not_reloaded() {
    let bytes = with_seven_batches().encode_snapshot();
    assert_eq!(Producers::from_snapshot(&bytes, 170, 10_160 + 999, 1000).unwrap().len(), 1);
    assert_eq!(Producers::from_snapshot(&bytes, 170, 10_160 + 1000, 1000).unwrap().len(), 0);
}

#[test]
fn an_empty_snapshot_is_a_snapshot() {
    let bytes = Producers::new(7).encode_snapshot();
    assert_eq!(bytes.len(), 10);
    assert_eq!(decode_snapshot(&bytes), Ok(vec![]));
}

#[test]
fn corrupt_snapshots_are_refused() {
    for cut in 0..OF_IDEMPOTENT.len() {
        assert!(decode_snapshot(&OF_IDEMPOTENT[..cut]).is_err(), "cut to {cut}");
    }
    for position in 0..OF_IDEMPOTENT.len() {
        let mut bytes = OF_IDEMPOTENT.to_vec();
        bytes[position] ^= 0x40;
        assert!(decode_snapshot(&bytes).is_err(), "flipped at {position}");
    }
    // A count that lies, under a CRC that fits.
    for entries_count in [0, 2, -1, i32::MAX] {
        let mut bytes = OF_IDEMPOTENT.to_vec();
        bytes[6..10].copy_from_slice(&i32::to_be_bytes(entries_count));
        let crc = crate::records::crc::crc32c(&bytes[6..]);
        bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(decode_snapshot(&bytes), Err(CorruptSnapshot::Count { .. })), "{entries_count}");
    }
}

/// Producers that send again at random never get a record appended twice, and never a refusal while they keep
/// to five batches in flight.
#[test]
fn resending_within_five_batches_appends_once() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let mut producers = Producers::new(0);
        let mut sent: Vec<BatchInfo> = Vec::new();
        let (mut next_sequence, mut next_offset) = (i32::MAX - 200, 0);
        for _ in 0..400 {
            let resend = !sent.is_empty() && random.below(2) == 0;
            if resend {
                let back = random.below(sent.len().min(5) as u64) as usize;
                let known = sent[sent.len() - 1 - back];
                assert_eq!(answer(&producers, &known, CLIENT), Ok(Some(known.first_offset)), "seed {seed}");
            } else {
                let count = 1 + random.below(9) as i32;
                let fresh = batch(0, next_sequence, count, next_offset);
                assert_eq!(answer(&producers, &fresh, CLIENT), Ok(Option::None), "seed {seed}");
                producers.update(&fresh);
                next_sequence = crate::records::batch_header::add_to_sequence(next_sequence, count);
                next_offset += i64::from(count);
                sent.push(fresh);
            }
        }
        assert!(next_sequence < i32::MAX - 200, "the sequence wrapped");
    }
}
