//! A server that answers a producer at once and keeps nothing: what the generator itself can do, and what a request
//! costs a server that does nothing with it.

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;
use jackdaw_bench::frames::Frames;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        ApiKey, Message, Reader, Writer,
        frame::response_frame,
        header::{RequestHeader, write_response_header},
        messages::{
            CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsResponse, ListOffsetsResponse,
            MetadataRequest, MetadataResponse,
            create_topics::CreatableTopicResult,
            metadata::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
        },
        produce::{ProduceFrame, ProduceResult, write_produce_response},
    },
    uuid::Uuid,
};
use jackdaw_ring::{Listener, Socket, spawn};

use crate::arguments::Arguments;

/// The one node that leads everything.
const NODE: i32 = 1;

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = arguments.number("--listen", SocketAddr::from(([127, 0, 0, 1], 0)))?;
    arguments.finish()?;
    let (listener, address) = Listener::bind(address)?;
    println!("{address}");
    loop {
        let socket = listener.accept().await?;
        spawn(async move {
            // A client that goes, or that asks for what is not here, ends its own connection only.
            if let Err(error) = serve(&socket).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve(socket: &Socket) -> Result<(), Box<dyn Error>> {
    let mut frames = Frames::default();
    let mut request = ProduceFrame::default();
    let mut partitions = 1;
    while let Ok(frame) = frames.next(socket).await {
        let answer = answer(&frame, &mut request, &mut partitions)?;
        socket.send(vec![answer], false).await?;
    }
    Ok(())
}

fn answer(frame: &Bytes, produce: &mut ProduceFrame, partitions: &mut i32) -> Result<Bytes, Box<dyn Error>> {
    let mut reader = Reader::new(frame);
    let header = RequestHeader::read(&mut reader)?;
    let (version, id) = (header.api_version, header.correlation_id);
    let key = ApiKey::from_code(header.api_key).ok_or("no such request")?;
    Ok(match key {
        ApiKey::Produce => {
            produce.fill(&mut reader, version)?;
            let results = vec![ProduceResult::appended(0, -1, 0); produce.partition_count()];
            let mut writer = Writer::new();
            let start = writer.begin_size();
            write_response_header(&mut writer, key, version, id);
            write_produce_response(&mut writer, version, produce, &results, 0, &[])?;
            writer.end_size(start, 0)?;
            writer.freeze()
        }
        ApiKey::CreateTopics => {
            let request = CreateTopicsRequest::decode(&mut reader, version)?;
            let topics = request.topics.iter().map(|topic| {
                *partitions = topic.num_partitions;
                CreatableTopicResult { name: topic.name.clone(), ..Default::default() }
            });
            let response = CreateTopicsResponse { topics: topics.collect(), ..Default::default() };
            response_frame(key, version, id, &response)?
        }
        // No partition is named in the answer, so none has an error.
        ApiKey::ListOffsets => response_frame(key, version, id, &ListOffsetsResponse::default())?,
        ApiKey::Metadata => response_frame(key, version, id, &metadata(&mut reader, version, *partitions)?)?,
        ApiKey::DeleteTopics => response_frame(key, version, id, &DeleteTopicsResponse::default())?,
        other => return Err(format!("{other:?} is not answered here").into()),
    })
}

fn metadata(reader: &mut Reader<'_>, version: i16, count: i32) -> Result<MetadataResponse, Box<dyn Error>> {
    let request = MetadataRequest::decode(reader, version)?;
    let partition = |index| MetadataResponsePartition {
        error_code: ErrorCode::None.code(),
        partition_index: index,
        leader_id: NODE,
        ..Default::default()
    };
    let topic = |name: Option<String>| MetadataResponseTopic {
        name,
        topic_id: Uuid([1; 16]),
        partitions: (0..count).map(partition).collect(),
        ..Default::default()
    };
    let broker = MetadataResponseBroker { node_id: NODE, host: "localhost".to_owned(), ..Default::default() };
    let names = request.topics.unwrap_or_default().into_iter().map(|topic| topic.name);
    Ok(MetadataResponse { brokers: vec![broker], topics: names.map(topic).collect(), ..Default::default() })
}
