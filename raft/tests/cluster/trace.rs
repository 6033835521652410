//! Inputs and outputs as one line of text each.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_raft::{FetchOutcome, OffsetAndEpoch, Output, Request, RequestFailure, Response, ResponseBody};

pub fn output(output: &Output) -> String {
    match output {
        Output::PersistQuorumState(state) => format!(
            "persist epoch={} leader={} voted={}",
            state.leader_epoch,
            node(state.leader_id),
            node(state.voted.map(|key| key.id))
        ),
        Output::AppendLeaderChange { offset, epoch, granting_voters, .. } => {
            let granting: Vec<i32> = granting_voters.iter().map(|key| key.id).collect();
            format!("append leader-change offset={offset} epoch={epoch} granted={granting:?}")
        }
        Output::AppendBatch { base_offset, epoch, .. } => {
            format!("append batch offset={base_offset} epoch={epoch}")
        }
        Output::RefuseProposal { .. } => "refuse proposal".into(),
        Output::AppendFetched { end_offset, .. } => format!("append fetched end={end_offset}"),
        Output::Truncate { end_offset } => format!("truncate end={end_offset}"),
        Output::FetchSnapshot { from, snapshot } => format!("snapshot from n{from} {}", at(*snapshot)),
        Output::Send { to, request, .. } => format!("-> n{to} {}", self::request(request)),
        Output::Reply { response, .. } => format!("reply {}", self::response(response)),
        Output::HighWatermark { offset } => format!("high-watermark {offset}"),
        Output::BecameLeader { epoch, .. } => format!("LEADS epoch={epoch}"),
        Output::LeaderReady { epoch } => format!("READY epoch={epoch}"),
        Output::LostLeadership { epoch } => format!("LEADS NO MORE epoch={epoch}"),
        Output::LeaderChanged { epoch, leader_id } => {
            format!("sees epoch={epoch} leader={}", node(*leader_id))
        }
        Output::Fatal(fatal) => format!("FATAL {fatal}"),
    }
}

fn node(id: Option<i32>) -> String {
    id.map_or("-".into(), |id| format!("n{id}"))
}

fn at(place: OffsetAndEpoch) -> String {
    format!("{}@{}", place.offset, place.epoch)
}

fn request(request: &Request) -> String {
    match request {
        Request::Vote(vote) => {
            let kind = if vote.pre_vote { "pre-vote" } else { "vote" };
            format!("{kind} epoch={} end={}", vote.epoch, at(vote.log_end))
        }
        Request::BeginQuorumEpoch(begin) => format!("begin epoch={}", begin.epoch),
        Request::EndQuorumEpoch(end) => {
            let next: Vec<i32> = end.preferred_candidates.iter().map(|key| key.id).collect();
            format!("end epoch={} next={next:?}", end.epoch)
        }
        Request::Fetch(fetch) => format!(
            "fetch epoch={} from={}@{} hw={}",
            fetch.epoch,
            fetch.fetch_offset,
            fetch.last_fetched_epoch,
            fetch.high_watermark.unwrap_or(-1)
        ),
    }
}

fn response(response: &Response) -> String {
    let error =
        if response.error == ErrorCode::None { String::new() } else { format!(" {:?}", response.error) };
    let view = format!("epoch={} leader={}{error}", response.epoch, node(response.leader_id));
    match &response.body {
        ResponseBody::Vote { granted } => format!("{} {view}", if *granted { "granted" } else { "refused" }),
        ResponseBody::BeginQuorumEpoch => format!("begin {view}"),
        ResponseBody::EndQuorumEpoch => format!("end {view}"),
        ResponseBody::Fetch { high_watermark, outcome, .. } => {
            let what = match outcome {
                FetchOutcome::Range { start_offset, end_offset } => format!("{start_offset}..{end_offset}"),
                FetchOutcome::Batches(batches) => format!("{}..{}", batches.start_offset, batches.end_offset),
                FetchOutcome::Diverging(end) => format!("diverging {}", at(*end)),
                FetchOutcome::Snapshot(snapshot) => format!("snapshot {}", at(*snapshot)),
                FetchOutcome::Nothing => "nothing".into(),
            };
            format!("fetch {what} hw={high_watermark} {view}")
        }
    }
}

pub fn result(result: &Result<Response, RequestFailure>) -> String {
    match result {
        Ok(response) => self::response(response),
        Err(failure) => format!("{failure:?}"),
    }
}
