//! A new view goes to every shard, step by step: all retire what is gone, then all open what came, then all show it.

use std::{rc::Rc, sync::Arc};

use crate::{
    apply,
    checkpoints::Checkpoints,
    message::{Applied, ApplyStep, Call, Reply},
    shard::Shard,
    view::View,
};

/// Make every shard take a view over; back when all have.
pub(crate) async fn show(shard: &Rc<Shard>, view: Arc<View>) {
    let has_retired = apply_everywhere(shard, &view, ApplyStep::Retire).await.has_changed;
    let is_first = shard.view().supported_features.is_empty();
    let checkpoints = shard.checkpoints.borrow().clone();
    let was_written = checkpoints.as_ref().is_none_or(|checkpoints| checkpoints.has_written());
    // A line of a partition that is gone must not speak for another of the same name. The first view opens what was
    // found; before that the files know more than we do.
    if (has_retired || !is_first && !was_written) && !write_checkpoints(shard, checkpoints.as_ref()).await {
        return;
    }
    let opened = apply_everywhere(shard, &view, ApplyStep::Open).await;
    if is_first && opened.has_changed && !write_checkpoints(shard, checkpoints.as_ref()).await {
        return;
    }
    let before = shard.view();
    let view = if opened.offline.is_empty() {
        view
    } else {
        Arc::new(view.with_offline(&opened.offline, shard.identity.node_id))
    };
    apply_everywhere(shard, &view, ApplyStep::Show).await;
    // The first view tells what there was before the start.
    if !is_first {
        log_topics(&before, &view);
    }
}

/// Show the newest view once more, since a directory has failed: its partitions have no leader from here on.
pub(crate) async fn show_again(shard: &Rc<Shard>) {
    let view = shard.view();
    // Before the first one there is nobody to tell, and the first one finds out.
    if !view.supported_features.is_empty() {
        show(shard, view).await;
    }
}

/// False where that failed: the node stops.
async fn write_checkpoints(shard: &Rc<Shard>, checkpoints: Option<&Rc<Checkpoints>>) -> bool {
    let Some(checkpoints) = checkpoints else { return true };
    match checkpoints.write(shard).await {
        Ok(()) => true,
        Err(error) => {
            shard.fatal.disk("cannot write a checkpoint", &error);
            false
        }
    }
}

/// One line for each topic that went and each that came.
fn log_topics(before: &View, after: &View) {
    let only_in = |view: &View, other: &View| {
        let topics = view.topics.values().filter(|topic| !other.topics.contains_key(&topic.id));
        topics.cloned().collect::<Vec<_>>()
    };
    for topic in only_in(before, after) {
        tracing::info!(topic = %topic.name, partitions = topic.partitions.len(), id = %topic.id, "topic deleted");
    }
    for topic in only_in(after, before) {
        tracing::info!(topic = %topic.name, partitions = topic.partitions.len(), id = %topic.id, "topic created");
    }
}

/// One step on every shard; what came of it on all of them.
async fn apply_everywhere(shard: &Rc<Shard>, view: &Arc<View>, step: ApplyStep) -> Applied {
    let mut replies = Vec::new();
    for other in (0..shard.rpc.shards()).filter(|other| *other != shard.rpc.own()) {
        replies.push(shard.rpc.send(other, Call::Apply(Arc::clone(view), step)).await);
    }
    let mut applied = apply::apply(shard, view, step).await;
    for reply in replies {
        let Reply::Applied(other) = reply.await else { continue };
        applied.has_changed |= other.has_changed;
        applied.offline.extend(other.offline);
    }
    applied
}
