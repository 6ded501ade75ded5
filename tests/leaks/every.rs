//! Every method of the contract, with the words in every text and every run of bytes that a caller can send: first all
//! of them at once, then only where a rule has no say, under ids that are ids and names of what has ended.

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::DESCRIPTORS;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};
use uuid::Uuid;

use crate::{
    canary::{NAME, text},
    refusals::whole,
    story::{Story, channel},
};

/// Messages within messages that are filled.
const DEPTH: usize = 6;

/// How the texts of a request are chosen.
#[derive(Clone, Copy)]
enum Form<'n> {
    /// All of them are words.
    Words,
    /// Ids are ids, and names name this, which has ended.
    Named(&'n str),
}

/// Calls all of them.
pub(crate) async fn method(story: &mut Story) -> Result<()> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    let moh = channel(&story.world, "moh", story.door.port)?;
    let hanoi = channel(&story.world, "hanoi", story.world.port("hanoi")?)?;
    let names = story.names.clone();
    let (mut methods, mut beyond) = (0, 0);
    for service in pool.services().filter(|service| service.full_name().starts_with("nhipcau.")) {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            for form in names.iter().map(|name| Form::Named(name)).chain([Form::Words]) {
                let door = if matches!(form, Form::Named(name) if name.contains("/hanoi/")) { &hanoi } else { &moh };
                let request = filled(&method.input(), form, DEPTH).encode_to_vec();
                let has_words = !request.is_empty();
                match call(door.clone(), &path, request).await {
                    Err(status) => {
                        beyond += usize::from(status.code() != Code::InvalidArgument);
                        story.refused.push((path.clone(), whole(&status)));
                    }
                    Ok(answer) => {
                        ensure!(!has_words || !matches!(form, Form::Words), "{path} takes anything");
                        story.pages.push((path.clone(), answer));
                    }
                }
            }
            methods += 1;
        }
    }
    ensure!(methods > 50 && beyond > methods, "{methods} methods, and {beyond} refusals that are not of their form");
    Ok(())
}

/// A request with something in every field that can hold a text.
fn filled(descriptor: &MessageDescriptor, form: Form<'_>, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let Some(value) = value(&field, form, depth) else { continue };
        let value = if field.is_list() { Value::List(vec![value]) } else { value };
        if !field.is_map() {
            message.set_field(&field, value);
        }
    }
    message
}

fn value(field: &FieldDescriptor, form: Form<'_>, depth: usize) -> Option<Value> {
    match (field.kind(), form) {
        // Enough for whatever comes after the rules to be reached.
        (Kind::Enum(_), Form::Named(_)) => Some(Value::EnumNumber(1)),
        (Kind::String, Form::Words) => Some(Value::String(text(field.name()))),
        (Kind::String, Form::Named(name)) => Some(Value::String(written(field.name(), name))),
        (Kind::Bytes, _) => Some(Value::Bytes(text(field.name()).into_bytes().into())),
        (Kind::Message(inner), _) if inner.full_name() == "google.protobuf.Timestamp" => {
            Some(Value::Message(DynamicMessage::new(inner)))
        }
        (Kind::Message(inner), _) => (depth > 0).then(|| Value::Message(filled(&inner, form, depth - 1))),
        _ => None,
    }
}

/// What stands in a field by its name.
fn written(field: &str, named: &str) -> String {
    let uid = Uuid::now_v7().to_string();
    match field {
        "name" => named.to_owned(),
        "parent" => "parties/moh".to_owned(),
        "etag" => NAME.to_owned(),
        // They lie in the clear by contract.
        "order_reference" | "citation" => "LENH-2026-9".to_owned(),
        "acting_person" | "person" | "officer" => "can-bo-01".to_owned(),
        "party" => "moh".to_owned(),
        "unit" => "111".to_owned(),
        "purpose" => "protection".to_owned(),
        "role" | "service" => "officer".to_owned(),
        "code" => "00004".to_owned(),
        "code_list_version" => "VN-34-2026".to_owned(),
        id if id.ends_with("_id") || id.ends_with("_uid") => uid,
        _ => text(field),
    }
}

async fn call(door: Channel, path: &str, request: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut client = Grpc::new(door);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(path).map_err(|error| Status::internal(error.to_string()))?;
    // Whether one answer or many come, the first tells.
    let mut answers = client.server_streaming(Request::new(request), path, Plain).await?.into_inner();
    let first = tokio::time::timeout(std::time::Duration::from_secs(2), answers.message()).await;
    Ok(first.unwrap_or(Ok(None))?.unwrap_or_default())
}

/// Messages as the bytes that they are.
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put(buffer, item.as_slice());
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use prost::bytes::Buf as _;
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

#[test]
fn a_request_has_the_words_in_every_text_that_it_has_room_for() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let submit = pool.get_message_by_name("nhipcau.referral.v1.SubmitReferralRequest").context("a message").unwrap();
    let bytes = filled(&submit, Form::Words, DEPTH).encode_to_vec();
    let filled = DynamicMessage::decode(submit, bytes.as_slice()).unwrap();
    let count = bytes.windows(NAME.len()).filter(|window| *window == NAME.as_bytes()).count();
    assert!(count > 40, "{count} in {}", filled.descriptor().full_name());
}
