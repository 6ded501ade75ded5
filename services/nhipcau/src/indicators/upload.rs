//! A large file piece by piece: what the access point holds already is not sent again, so that an upload that was cut
//! off goes on where it stopped.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use nhipcau_domain::reason;
use nhipcau_messaging::pae;
use nhipcau_proto::indicator::v1 as pb;

use super::Import;
use crate::{
    client::{Connection, Refused},
    terminal,
};

/// Pieces that are on their way at once.
const AT_ONCE: usize = 4;
/// How often pieces are sent again that the access point dropped before the commit.
const ROUNDS: usize = 3;

/// Uploads what is missing and commits it as one submission.
pub(super) async fn submit(
    import: &Import,
    connection: &Connection,
) -> Result<(Option<pb::Submission>, bool), Refused> {
    let digests: Vec<[u8; 32]> = import.content.chunks.iter().map(|chunk| pae::sha256(chunk)).collect();
    let request = pb::CommitBulkLoadRequest {
        parent: import.parent(),
        submission: Some(import.content.submission.clone()),
        chunks: digests.iter().map(|digest| digest.to_vec()).collect(),
        request_id: import.request_id.clone(),
        validate_only: import.validate_only,
    };
    let mut round = 0;
    loop {
        let answer = connection.call(&request, async |request| connection.indicators().commit_bulk_load(request).await);
        match Box::pin(answer).await {
            Ok(answer) => return Ok((answer.submission, answer.replayed)),
            Err(refused) if refused.reason() == reason::CHUNK_MISSING && round < ROUNDS => {
                let missing = missing(&refused, &digests);
                let chunks = missing.iter().filter_map(|at| import.content.chunks.get(*at));
                upload(chunks.collect(), import, connection).await?;
                round += 1;
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// Positions of the pieces to send: those that the refusal names, when it names all that are missing, else every one.
pub(super) fn missing(refused: &Refused, digests: &[[u8; 32]]) -> Vec<usize> {
    let named: Vec<&str> = refused.metadata("chunks").unwrap_or_default().split(' ').collect();
    let count = refused.metadata("chunkCount").and_then(|count| count.parse::<usize>().ok());
    let is_named = |digest: &[u8; 32]| count != Some(named.len()) || named.contains(&hex::encode(digest).as_str());
    let mut positions: Vec<usize> = Vec::new();
    for (at, digest) in digests.iter().enumerate() {
        let is_new = !positions.iter().any(|known| digests.get(*known) == Some(digest));
        if is_named(digest) && is_new {
            positions.push(at);
        }
    }
    positions
}

async fn upload(chunks: Vec<&Vec<u8>>, import: &Import, connection: &Connection) -> Result<(), Refused> {
    let (count, done) = (chunks.len(), AtomicUsize::new(0));
    let uploads = stream::iter(chunks).map(|chunk| {
        let request = pb::UploadChunkRequest { parent: import.parent(), chunk: chunk.clone() };
        let done = &done;
        async move {
            let answer = connection.call(&request, async |request| connection.indicators().upload_chunk(request).await);
            Box::pin(answer).await?;
            terminal::advance(format_args!("piece {} of {count} uploaded", done.fetch_add(1, Ordering::Relaxed) + 1));
            Ok::<_, Refused>(())
        }
    });
    uploads.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    terminal::progress(format_args!("{count} pieces uploaded"));
    Ok(())
}
