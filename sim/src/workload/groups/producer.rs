//! A producer that writes to all partitions and says what was acknowledged.

use std::{rc::Rc, time::Duration};

use jackdaw_core::{protocol::messages::ProduceRequest, records::Codec};
use jackdaw_ring::{sleep, unix_ms};

use super::{Shared, broken};
use crate::{
    Random,
    workload::{
        connection::{Connection, Lost},
        node::{
            batches::{BatchPlan, build},
            requests::{FIRST_BY_ID, Part, produce},
        },
    },
};

pub(super) async fn run(shared: Rc<Shared>, mut random: Random) {
    let writer = shared.next_writer.get();
    shared.next_writer.set(writer + 1);
    let mut number = 0;
    loop {
        if shared.is_serving() {
            let _ = serve(&shared, &mut random, writer, &mut number).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(shared: &Rc<Shared>, random: &mut Random, writer: u64, number: &mut u32) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    let places = shared.places();
    while shared.is_serving() {
        let place = *random.pick(&places);
        let key = (shared.topic_id(place.0), place.1);
        let stamp = (writer, *number);
        *number += 1;
        let records = random.between(1, 3);
        let plan = BatchPlan {
            key,
            stamp,
            records,
            largest_value_bytes: 40,
            codec: Codec::None,
            sequence: None,
            now_ms: unix_ms(),
        };
        let part = Part { key, name: String::new(), records: build(&plan, random) };
        let request = produce(FIRST_BY_ID, -1, std::iter::once(&part));
        let response = connection.call::<ProduceRequest>(&request, FIRST_BY_ID).await?;
        let result = response.responses.first().and_then(|topic| topic.partition_responses.first());
        match result {
            Some(result) if result.error_code == 0 => {
                let log = &mut shared.history.borrow_mut().log;
                log.on_acknowledged(place, stamp, result.base_offset, records as i64);
            }
            _ if shared.is_stopping.get() => return Err(Lost),
            _ => broken("a right batch is taken", &format!("{response:?}")),
        }
        sleep(Duration::from_micros(random.scaled(1, shared.plan.pace_us))).await;
    }
    Ok(())
}
