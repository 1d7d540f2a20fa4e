//! DeleteShareGroupOffsets (92), v0. Lets a share group without members forget topics. KIP-932.

use milena_engine::share::At;
use milena_wire::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, ErrorCode,
    delete_share_group_offsets::DeleteShareGroupOffsetsResponseTopic,
};

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::told,
};

pub(super) const CARD: Card = Card::new(92, "DeleteShareGroupOffsets", 0..=0, Cost::Fact, |call| call.later(handle));

async fn handle(cx: Context, request: DeleteShareGroupOffsetsRequest) -> Result<DeleteShareGroupOffsetsResponse, Close> {
    let node = cx.peer.node();
    let group = &request.group_id;
    let begun = node.ask_share(group, |share| share.partitions().collect::<Vec<At>>()).await;
    let Some(begun) = begun.map_err(|dead| Close::because(dead.to_string()))? else {
        return Ok(refused(ErrorCode::GROUP_ID_NOT_FOUND, format!("Group {group} not found.")));
    };
    let (mut gone, mut responses) = (Vec::new(), Vec::with_capacity(request.topics.len()));
    for topic in request.topics {
        let topic_id = node.topic(&topic.topic_name).map(|topic| topic.id);
        let theirs = begun.iter().copied().filter(|at| Some(at.topic) == topic_id);
        let before = gone.len();
        gone.extend(theirs);
        let error = if gone.len() == before { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION } else { ErrorCode::NONE };
        responses.push(DeleteShareGroupOffsetsResponseTopic {
            topic_name: topic.topic_name,
            topic_id: topic_id.map(|id| id.0).unwrap_or_default(),
            error_code: error.into(),
            error_message: error.is_error().then(|| error.words().into()),
            ..Default::default()
        });
    }
    match told(node.share_forget(group, gone).await) {
        Ok(()) => Ok(DeleteShareGroupOffsetsResponse { responses, ..Default::default() }),
        Err((error, words)) => Ok(refused(error, words)),
    }
}

fn refused(error: ErrorCode, words: String) -> DeleteShareGroupOffsetsResponse {
    DeleteShareGroupOffsetsResponse { error_code: error.into(), error_message: Some(words.into()), ..Default::default() }
}
