//! Everything that is refused, with the words wherever a caller, or somebody at the broker, can put them.

use anyhow::{Context as _, Result, ensure};
use async_nats::ConnectOptions;
use nhipcau_proto::{
    envelope::v1 as wire,
    referral::v1::{
        self as pb, referral_decision_service_client::ReferralDecisionServiceClient,
        referral_service_client::ReferralServiceClient,
    },
};
use nhipcau_tests::{process::output, wait};
use prost::Message;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::{MetadataKey, MetadataValue},
    transport::Channel,
};
use uuid::Uuid;

use crate::{
    canary::{NAME, PHONE, text},
    story::{Story, channel, request},
};

/// Bytes in the place of a request's first field, whatever that is.
#[derive(Clone, PartialEq, Message)]
struct Raw {
    #[prost(bytes = "vec", tag = "1")]
    first: Vec<u8>,
}

/// A status as its caller sees all of it.
pub(crate) fn whole(status: &Status) -> Vec<u8> {
    let metadata = format!("{:?}", status.metadata());
    [status.message().as_bytes(), status.details(), metadata.as_bytes(), format!("{status:?}").as_bytes()].concat()
}

/// Calls that are refused, for every reason that a caller can bring about.
pub(crate) async fn all(story: &mut Story, branch: &str, referral: &str) -> Result<()> {
    let door = channel(&story.world, "moh", story.door.port)?;
    let mut said = Vec::new();
    let submissions = submissions();
    let mut submit = ReferralServiceClient::new(door.clone());
    for (label, request, code) in submissions {
        said.push(refusal(label, code, submit.submit_referral(request).await.err())?);
    }
    // The same id for something else.
    let (_, first) = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
    submit.submit_referral(first.clone()).await?;
    let other = pb::SubmitReferralRequest { acting_person: "can-bo-02".to_owned(), ..first };
    said.push(refusal("an id that is used", Code::AlreadyExists, submit.submit_referral(other).await.err())?);

    // A system of another party, and one without a certificate that is known.
    let (_, theirs) = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
    let mut stranger = ReferralServiceClient::new(channel(&story.world, "vwu", story.door.port)?);
    said.push(("a stranger".to_owned(), whole(&stranger.submit_referral(theirs).await.err().context("refused")?)));

    let mut decide = ReferralDecisionServiceClient::new(channel(&story.world, "hanoi", story.world.port("hanoi")?)?);
    for (label, name, etag, person) in [
        ("a stale etag", branch.to_owned(), "0-0".to_owned(), "can-bo-01".to_owned()),
        ("an etag that is none", branch.to_owned(), text("etag"), "can-bo-01".to_owned()),
        ("a branch that is none", text("nhánh"), "1-1".to_owned(), "can-bo-01".to_owned()),
        ("a person by name", branch.to_owned(), "1-1".to_owned(), text("người")),
    ] {
        let request_id = Uuid::now_v7().to_string();
        let request = pb::AcceptBranchRequest { request_id, name, etag, acting_person: person, validate_only: false };
        said.push((label.to_owned(), whole(&decide.accept_branch(request).await.err().context(label)?)));
    }
    let read = pb::GetReferralRequest { name: format!("{referral}{}", text("?")), ..Default::default() };
    said.push(("a name that is none".to_owned(), whole(&submit.get_referral(read).await.err().context("refused")?)));
    let read = pb::GetReferralRequest { name: referral.to_owned(), branch: text("nhánh"), ..Default::default() };
    said.push(("a branch to read by".to_owned(), whole(&submit.get_referral(read).await.err().context("refused")?)));

    for (label, path) in [
        ("a text that is none", "/nhipcau.referral.v1.ReferralService/SubmitReferral".to_owned()),
        ("a method that is none", format!("/nhipcau.referral.v1.ReferralService/{}", PHONE.replace(' ', ""))),
        ("a service that is none", format!("/{}/Get", percent(NAME))),
    ] {
        said.push((label.to_owned(), whole(&raw(door.clone(), &path).await.err().context(label)?)));
    }
    story.refused.extend(said);

    // The same by the command line, whose answers are for people.
    let file = story.world.path("case.json");
    std::fs::write(&file, format!("{{\"purpose\": \"{}\", \"request_id\": 7}}", text("mục đích")))?;
    let done = output(story.world.system("moh")?.args(["referral", "submit", "--json"]).arg(&file))?;
    ensure!(!done.status.success(), "a file that is none was taken");
    story.keep("a file that is none", done);
    Ok(())
}

fn refusal(label: &str, code: Code, status: Option<Status>) -> Result<(String, Vec<u8>)> {
    let status = status.with_context(|| format!("{label} was accepted"))?;
    ensure!(status.code() == code, "{label}: {status:?}");
    Ok((label.to_owned(), whole(&status)))
}

/// Submissions with the words in one place where they must not be, or with too much of them.
fn submissions() -> Vec<(&'static str, pb::SubmitReferralRequest, Code)> {
    let make = |label, code, change: fn(&mut pb::SubmitReferralRequest)| {
        let (_, mut request) = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
        change(&mut request);
        (label, request, code)
    };
    let invalid = Code::InvalidArgument;
    vec![
        make("a purpose that is none", invalid, |request| request.purpose = text("mục đích")),
        make("a request id that is none", invalid, |request| request.request_id = text("id")),
        make("a person by name", Code::Unauthenticated, |request| request.acting_person = text("cán bộ")),
        make("a case that is none", invalid, |request| request.case_uid = text("vụ")),
        make("a unit that is none", invalid, |request| request.recipients[0].unit = text("nơi nhận")),
        make("no basis", invalid, |request| request.lawful_basis = None),
        make("a concern in words", invalid, |request| {
            let preview = request.content.as_mut().and_then(|content| content.preview.as_mut()).unwrap();
            preview.protection_concerns = vec![text("lo ngại")];
        }),
        make("a text that is too long", invalid, |request| {
            request.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = text("dài").repeat(200);
        }),
        make("a request that is too large", invalid, |request| {
            request.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = text("to").repeat(100_000);
        }),
    ]
}

/// A call that no client of the contract would make, with the words in its metadata too.
async fn raw(door: Channel, path: &str) -> Result<(), Status> {
    let mut client = Grpc::new(door);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    // Not UTF-8, and so no text.
    let mut request = Request::new(Raw { first: [text("thô").as_bytes(), &[0xff]].concat() });
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", MetadataValue::try_from(PHONE).unwrap());
    metadata.insert("user-note", MetadataValue::try_from(percent(NAME)).unwrap());
    metadata.insert_bin(MetadataKey::from_static("note-bin"), MetadataValue::from_bytes(text("nhãn").as_bytes()));
    let codec = tonic_prost::ProstCodec::<Raw, Raw>::default();
    client.unary(request, PathAndQuery::try_from(path).unwrap(), codec).await.map(drop)
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Somebody at the broker says what nobody signed, under the name of a peer: bytes that are nothing, a bundle of an
/// envelope in the clear, a signal.
pub(crate) async fn at_the_broker(story: &mut Story) -> Result<()> {
    let tls = story.world.path("nats/tls");
    let insider = ConnectOptions::with_user_and_password("insider".to_owned(), "insider".to_owned())
        .add_root_certificates(tls.join("ca.pem"))
        .add_client_certificate(tls.join("operator.pem"), tls.join("operator.key"))
        .require_tls(true)
        .connect(story.world.broker_address()?)
        .await?;
    let part = text("lén").into_bytes();
    let envelope = wire::Envelope {
        routing: part.clone(),
        manifest: part.clone(),
        parts: vec![part.clone()],
        signature: part.clone(),
    };
    let bundle = wire::Bundle { envelopes: vec![envelope], receipts: Vec::new() }.encode_to_vec();
    let receipts = wire::Bundle {
        envelopes: Vec::new(),
        receipts: vec![wire::Receipt { statement: part.clone(), signature: part.clone() }],
    };
    let said = [
        ("m", part.clone()),
        ("m", bundle.clone()),
        ("b", bundle),
        ("r", receipts.encode_to_vec()),
        ("s", part.clone()),
    ];
    for (kind, bytes) in said {
        insider.publish(format!("nc.v1.{kind}.moh.vwu"), bytes.into()).await?;
    }
    // This one waits there for somebody who is away.
    insider.publish("nc.v1.m.hanoi.moh", part.into()).await?;
    insider.flush().await?;
    let quarantined = async || {
        let shown = output(story.world.system("moh").ok()?.args(["channels", "vwu", "--json"])).ok()?;
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).ok()?;
        let counts = shown.get("channels")?.as_array()?.iter().filter_map(|channel| {
            let count = channel.get("quarantined_count")?;
            count.as_u64().or_else(|| count.as_str()?.parse().ok())
        });
        (counts.max()? >= 4).then_some(())
    };
    wait::until_answered("what nobody signed in quarantine", quarantined).await
}
