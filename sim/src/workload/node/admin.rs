//! The client that makes topics, deletes some and makes them again.

use std::{rc::Rc, time::Duration};

use jackdaw_core::protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use jackdaw_ring::sleep;

use super::{Phase, Shared, broken, history::TopicState, requests};
use crate::{
    Random,
    workload::connection::{Connection, Lost},
};

pub(super) async fn run(shared: Rc<Shared>, mut random: Random) {
    loop {
        if shared.phase.get() == Phase::Serving {
            let _ = serve(&shared, &mut random).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(shared: &Rc<Shared>, random: &mut Random) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    while shared.phase.get() == Phase::Serving {
        let index = random.index(shared.plan.topics.len());
        let (plan, state) = {
            let history = shared.history.borrow();
            let (plan, state) = history.topic(index);
            (plan.clone(), state)
        };
        match state {
            TopicState::Absent => create(shared, &mut connection, index).await?,
            TopicState::There(_) if plan.is_mortal && random.one_in(8) => {
                delete(shared, &mut connection, index).await?;
            }
            // Another connection's request was lost: the next audit finds out.
            _ => sleep(Duration::from_micros(random.scaled(1000, 200_000))).await,
        }
    }
    Ok(())
}

async fn create(shared: &Shared, connection: &mut Connection, index: usize) -> Result<(), Lost> {
    let request = requests::create(&shared.plan.topics[index]);
    shared.history.borrow_mut().set_topic(index, TopicState::Creating);
    let response = connection.call::<CreateTopicsRequest>(&request, 7).await?;
    let result = &response.topics[0];
    if result.error_code != 0 && shared.may_refuse() {
        return Err(Lost);
    }
    if result.error_code != 0 {
        broken("an absent topic is made", &format!("{result:?}"));
    }
    shared.history.borrow_mut().set_topic(index, TopicState::There(result.topic_id));
    shared.node.comment(&format!("made {} with id {}", result.name, result.topic_id));
    Ok(())
}

async fn delete(shared: &Shared, connection: &mut Connection, index: usize) -> Result<(), Lost> {
    let (_, TopicState::There(id)) = ({
        let history = shared.history.borrow();
        let (plan, state) = history.topic(index);
        (plan.clone(), state)
    }) else {
        return Ok(());
    };
    shared.history.borrow_mut().set_topic(index, TopicState::Deleting(id));
    let response = connection.call::<DeleteTopicsRequest>(&requests::delete(id), 6).await?;
    let result = &response.responses[0];
    if result.error_code != 0 && shared.may_refuse() {
        return Err(Lost);
    }
    if result.error_code != 0 {
        broken("a topic is deleted", &format!("{result:?}"));
    }
    shared.history.borrow_mut().set_topic(index, TopicState::Absent);
    shared.node.comment(&format!("deleted {id}"));
    Ok(())
}
