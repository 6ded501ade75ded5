//! What the parties can prove at the end: receipts at both ends, and nothing on which two of them differ.
//!
//! Asks the access points, as an operator would, once nothing is on its way. What their stores prove without them is
//! recomputed by the second implementation afterwards.

use std::collections::BTreeSet;

use nhipcau_messaging::pae;
use nhipcau_proto::accesspoint::v1 as pb;

use crate::{
    exit::Failure,
    story::{
        office::Office,
        tell::Teller,
        wait::{PATIENCE, Seen, until},
    },
    terminal::counted,
};

/// Most receipts in one answer.
const PAGE: i32 = 500;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) nats_version: String,
    pub(super) receipts: u64,
    pub(super) differences: u64,
}

/// Waits until nothing is on its way, then counts.
pub(super) async fn gather(offices: &[Office; 4], teller: &Teller) -> Result<Evidence, Failure> {
    for office in offices {
        until(office.name, "receipts of everything it sent", PATIENCE, async || {
            let backlog = backlog(office).await?;
            Ok(if backlog == 0 { Seen::There(()) } else { Seen::Instead(format!("{backlog} without")) })
        })
        .await?;
    }
    let mut differences = 0;
    for (at, one) in offices.iter().enumerate() {
        for other in offices.iter().skip(at + 1) {
            // A signed answer of the other side may be older than the last receipt.
            let what = format!("agreement with {}", other.name);
            let agreed = until(one.name, &what, PATIENCE, async || {
                let found = one.differences_with(other).await?;
                Ok(if found == 0 {
                    Seen::There(found)
                } else {
                    Seen::Instead(counted(found, "difference").to_string())
                })
            });
            differences += agreed.await?;
        }
    }
    let mut receipts = BTreeSet::new();
    for office in offices {
        collect(office, &mut receipts).await?;
    }
    let [first, ..] = offices;
    let nats_version = nats_version(first).await?;
    teller.say(
        format_args!(
            "Các bên giữ {} biên nhận có chữ ký; đối chiếu từng đôi: {differences} khác biệt.",
            receipts.len()
        ),
        format_args!(
            "The parties hold {}; compared pair by pair: {}.",
            counted(receipts.len(), "signed receipt"),
            counted(differences, "difference")
        ),
    )?;
    Ok(Evidence { nats_version, receipts: receipts.len() as u64, differences })
}

async fn backlog(office: &Office) -> Result<u64, Failure> {
    let mut request = pb::ListChannelsRequest { page_size: PAGE, ..pb::ListChannelsRequest::default() };
    let mut backlog = 0;
    loop {
        let connection = &office.connection;
        let answer = connection.call(&request, async |request| connection.access_point().list_channels(request).await);
        let answer = Box::pin(answer).await?;
        backlog += answer.channels.iter().map(|channel| channel.backlog_count).sum::<u64>();
        if answer.next_page_token.is_empty() {
            return Ok(backlog);
        }
        request.page_token = answer.next_page_token;
    }
}

/// Adds the digests of the receipts that an access point shows. Issuer and sender both show the same one.
async fn collect(office: &Office, receipts: &mut BTreeSet<[u8; 32]>) -> Result<(), Failure> {
    let mut request = pb::ListReceiptsRequest { page_size: PAGE, ..pb::ListReceiptsRequest::default() };
    loop {
        let connection = &office.connection;
        let answer = connection.call(&request, async |request| connection.access_point().list_receipts(request).await);
        let answer = Box::pin(answer).await?;
        receipts.extend(answer.receipts.iter().map(|receipt| pae::sha256(&receipt.signed_receipt)));
        if answer.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = answer.next_page_token;
    }
}

async fn nats_version(office: &Office) -> Result<String, Failure> {
    let connection = &office.connection;
    let request = pb::GetAccessPointRequest {};
    let answer = connection.call(&request, async |request| connection.access_point().get_access_point(request).await);
    Ok(Box::pin(answer).await?.access_point.unwrap_or_default().nats_version)
}
