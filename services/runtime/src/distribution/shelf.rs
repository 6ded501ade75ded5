//! What is handed out to peers: the releases up to the one in use, the tables that they name, read from the disk piece
//! by piece, and the notices over the release in use.
//!
//! One question is answered at a time. What is handed out is not verified again: whoever asked does that.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_messaging::{
    pae::sha256,
    signal::{FilePiece, Kind},
};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{PIECE, Question, Shared, count};
use crate::directory;

/// Answers one question after the other, until the courier ends.
pub(super) async fn hand_out(shared: Arc<Shared>, mut asked: mpsc::Receiver<(AccessPointId, Question)>) {
    let mut shelf = Arc::new(Shelf::default());
    while let Some((peer, question)) = asked.recv().await {
        let release = shared.release();
        let version = release.version();
        let (config, known) = (shared.config.clone(), Arc::clone(&shelf));
        let look = move || -> Result<(Arc<Shelf>, Option<FilePiece>), directory::Error> {
            let shelf = if known.version == version { known } else { Arc::new(Shelf::read(&config.path, version)?) };
            let piece = match notices(&release, question) {
                Some(piece) => Some(piece),
                None => shelf.piece(question)?,
            };
            Ok((shelf, piece))
        };
        match spawn_blocking(look).await {
            Ok(Ok((current, piece))) => {
                shelf = current;
                match piece {
                    Some(piece) => {
                        shared.send(peer, Kind::FilePiece(piece));
                        count(&shared.counters.served);
                    }
                    None => count(&shared.counters.shed),
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, %peer, "A file of the directory could not be handed out."),
            // The runtime ends.
            Err(_) => return,
        }
    }
}

fn notices(release: &Release, question: Question) -> Option<FilePiece> {
    let Question::Piece(digest, offset) = question else { return None };
    let notices = release.notices();
    let rest = notices.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())?;
    (release.notices_digest() == Some(digest)).then(|| FilePiece {
        digest: digest.to_vec(),
        size_bytes: notices.len() as u64,
        offset,
        content: rest.iter().take(PIECE).copied().collect(),
        release_version: 0,
    })
}

/// Where the files are that may be handed out.
#[derive(Debug, Default)]
struct Shelf {
    /// The release that it was made for.
    version: u64,
    /// Digest of each release, by version.
    releases: BTreeMap<u64, [u8; 32]>,
    files: HashMap<[u8; 32], PathBuf>,
}

impl Shelf {
    fn read(place: &Path, version: u64) -> Result<Self, directory::Error> {
        let mut shelf = Self { version, ..Self::default() };
        for (path, bytes) in directory::listed(&place.join("releases"), "release")? {
            let release = pb::SignedRelease::decode(bytes.as_slice())
                .and_then(|signed| pb::Release::decode(signed.release.as_slice()));
            let Ok(release) = release else {
                tracing::warn!(path = %path.display(), "A release file is damaged and is not handed out.");
                continue;
            };
            if !(1..=version).contains(&release.version) {
                continue;
            }
            let digest = sha256(&bytes);
            shelf.releases.insert(release.version, digest);
            shelf.files.insert(digest, path);
            for table in release.attachments {
                if let Ok(digest) = table.digest.try_into() {
                    shelf.files.insert(digest, place.join("attachments").join(table.name));
                }
            }
        }
        Ok(shelf)
    }

    fn piece(&self, question: Question) -> Result<Option<FilePiece>, directory::Error> {
        let (digest, offset, release_version) = match question {
            Question::Release(from) => match self.releases.range(from..).next() {
                Some((version, digest)) => (*digest, 0, *version),
                None => return Ok(None),
            },
            Question::Piece(digest, offset) | Question::Notices(digest, offset) => (digest, offset, 0),
        };
        let Some(path) = self.files.get(&digest) else { return Ok(None) };
        let cut = cut(path, offset).map_err(|source| directory::Error::Read { path: path.clone(), source })?;
        Ok(cut.map(|(size_bytes, content)| FilePiece {
            digest: digest.to_vec(),
            size_bytes,
            offset,
            content,
            release_version,
        }))
    }
}

/// The size of a file and what stands from an offset on; nothing when it ends before. No peer can make this an error,
/// of which the log would be full.
fn cut(path: &Path, offset: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if offset >= size {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut content = Vec::new();
    file.take(PIECE as u64).read_to_end(&mut content)?;
    Ok(Some((size, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_end_there_is_nothing_however_far() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        assert_eq!(cut(file.path(), 3).unwrap(), Some((4, b"r".to_vec())));
        for offset in [4, u64::MAX >> 1, u64::MAX] {
            assert_eq!(cut(file.path(), offset).unwrap(), None, "{offset}");
        }
    }
}
