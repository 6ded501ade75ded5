//! Bulletins and revocations between engines: a peer's status says that it has others, and they are asked for.
//!
//! Nothing counts because of who hands it on; what a release makes of notices is its own. An access point takes the
//! requests and answers out of what arrives and leaves, since it keeps notices among its files before they count: this
//! is how the engine alone, as the simulation runs it, hears of them.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{directory::Heard, id::AccessPointId};
use prost::Message;

use super::{AlarmKind, Engine, Error, Output, channel::Serving};
use crate::{
    pae,
    signal::{FilePiece, FileRequest, Kind, Signal},
    store::Tx,
};

/// Notices that the engine alone hands out: what fits a signal.
const LARGEST: usize = 256 << 10;

impl Engine {
    /// A peer has these notices: asks for them where they are not those of this side.
    pub(super) fn hear_notices(&mut self, peer: &AccessPointId, theirs: &[u8]) {
        let is_same = self.release.notices_digest().is_some_and(|own| own.as_slice() == theirs);
        if theirs.is_empty() || is_same {
            return;
        }
        let request = FileRequest { digest: theirs.to_vec(), offset: 0 };
        self.signal_to(peer, Kind::FileRequest(request));
        self.branch("notices_requested");
    }

    pub(super) fn serve_notices(&mut self, peer: &AccessPointId, request: &FileRequest) {
        let (time, content) = (self.time, self.release.notices());
        let is_known = self.release.notices_digest().is_some_and(|digest| digest.as_slice() == request.digest);
        if !is_known || request.offset > 0 || content.len() > LARGEST || !self.peers.contains_key(peer) {
            return;
        }
        let piece = FilePiece {
            digest: request.digest.clone(),
            size_bytes: content.len() as u64,
            offset: 0,
            content: content.to_vec(),
            release_version: 0,
        };
        if self.peer(peer).may_serve(Serving::Notices, time) {
            self.signal_to(peer, Kind::FilePiece(piece));
        }
    }

    pub(super) fn take_notices(
        &mut self,
        now: Timestamp,
        peer: &AccessPointId,
        piece: &FilePiece,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        match self.release.hear(&piece.content) {
            Ok(Heard { release, refused }) if pae::sha256(&piece.content).as_slice() == piece.digest => {
                if !refused.is_empty() && self.peer(peer).may_seldom(Serving::NoticeRefused, time) {
                    self.alarm(AlarmKind::NoticeRefused, Some(peer));
                }
                self.branch("notices_fetched");
                release.map_or(Ok(()), |release| self.install(now, Arc::new(release), tx))
            }
            _ => self.quarantine(now, peer, "bad_notices", &piece.content, tx),
        }
    }

    fn signal_to(&mut self, recipient: &AccessPointId, kind: Kind) {
        let bytes = Signal { kind: Some(kind) }.encode_to_vec();
        self.outputs.push(Output::Signal { recipient: recipient.clone(), bytes });
    }
}
