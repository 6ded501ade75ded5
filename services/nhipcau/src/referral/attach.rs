//! `nhipcau referral attach` and `fetch`: files into an access point and out of it, chunk by chunk.
//!
//! Neither holds a file in memory. What was cut off is gone on with: `attach` asks how far the access point has come. A
//! fetched file is its owner's alone, has its name only once it is whole and has its digest, and never replaces
//! another.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::digest;
use nhipcau_proto::referral::v1 as pb;

use super::{Change, code};
use crate::{
    client::{self, Connection, Options, document},
    exit::{Code, Failure, OrExit as _},
    terminal,
};

/// Bytes that are looked at together.
const AT_ONCE: usize = 256 * 1024;

/// Arguments of `attach`.
#[derive(Debug, clap::Args)]
pub(super) struct Attach {
    /// File to hand over.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// What its bytes are, such as pdf or jpeg.
    #[arg(long, value_name = "TYPE", value_parser = code::parse::<pb::AttachmentMediaType>)]
    media_type: pb::AttachmentMediaType,
    /// What it is, such as photograph or call-recording.
    #[arg(long, value_name = "KIND", value_parser = code::parse::<pb::AttachmentKind>)]
    kind: pb::AttachmentKind,
    /// What a person should know before opening it.
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,
    /// Case in which a referral is to name it; a new one when left out.
    #[arg(long, value_name = "UUID", default_value = "", hide_default_value = true)]
    case: String,
    /// Reference of the person who hands it over, never a name.
    #[arg(long, value_name = "REF", default_value = "", hide_default_value = true)]
    person: String,
    #[command(flatten)]
    change: Change,
}

/// Arguments of `fetch`.
#[derive(Debug, clap::Args)]
pub(super) struct Fetch {
    /// Referral, parties/PARTY/referrals/UUID.
    name: String,
    /// Digest of the attachment, in hexadecimal, as `get --full` shows it.
    #[arg(long, value_name = "HEX")]
    digest: String,
    /// File to write, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Reference of the person who reads, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    client: Options,
}

pub(super) async fn run_attach(args: Attach) -> Result<(), Failure> {
    let (connection, request_id) = args.change.begin()?;
    let (digest, size_bytes) = weighed(&args.file).with_context(|| shown(&args.file)).or_exit(Code::Configuration)?;
    let request = pb::BeginUploadRequest {
        request_id,
        case_uid: args.case,
        digest,
        size_bytes,
        media_type: args.media_type.into(),
        acting_person: args.person,
        validate_only: args.change.validate_only,
    };
    if request.validate_only {
        let answer = connection.call(&request, async |request| connection.attachments().begin_upload(request).await);
        Box::pin(answer).await?;
        return terminal::line("would be accepted; nothing was changed");
    }
    let mut file = File::open(&args.file).with_context(|| shown(&args.file)).or_exit(Code::Configuration)?;
    let upload = hand_over(&request, &mut file, &connection).await?;
    let attachment = pb::Attachment {
        digest: upload.digest.clone(),
        size_bytes,
        media_type: upload.media_type,
        kind: args.kind.into(),
        label: args.label,
    };
    if !args.change.json {
        terminal::progress(format_args!("in the case {}; name it in a part of the content as", upload.case_uid));
        return terminal::json(&document::write(&attachment)?);
    }
    let attachment = document::write(&attachment)?;
    terminal::json(
        &serde_json::json!({ "case_uid": upload.case_uid, "attachment": attachment, "request_id": request.request_id }),
    )
}

/// Hands bytes over, from where the access point stands, and gives the upload once it is finished.
///
/// # Errors
/// When it is refused, or the bytes cannot be read.
pub(crate) async fn hand_over(
    request: &pb::BeginUploadRequest,
    from: &mut (impl Read + Seek),
    connection: &Connection,
) -> Result<pb::Upload, Failure> {
    let begin = connection.call(request, async |request| connection.attachments().begin_upload(request).await);
    let mut upload = Box::pin(begin).await?.upload.unwrap_or_default();
    while upload.state() == pb::UploadState::Open && upload.committed_bytes < upload.size_bytes {
        let data = chunk(from, &upload).context("the file to attach").or_exit(Code::Configuration)?;
        let write = pb::WriteUploadRequest { name: upload.name.clone(), offset: upload.committed_bytes, data };
        let write = connection.call(&write, async |request| connection.attachments().write_upload(request).await);
        upload = Box::pin(write).await?.upload.unwrap_or_default();
        terminal::advance(format_args!("{} of {} bytes", upload.committed_bytes, upload.size_bytes));
    }
    let finish = pb::FinishUploadRequest { request_id: client::request_id(None), name: upload.name };
    let finish = connection.call(&finish, async |request| connection.attachments().finish_upload(request).await);
    Ok(Box::pin(finish).await?.upload.unwrap_or_default())
}

pub(super) async fn run_fetch(args: Fetch) -> Result<(), Failure> {
    let digest = hex::decode(&args.digest).context("--digest").or_exit(Code::Usage)?;
    let request = pb::GetAttachmentChunkRequest { name: args.name, digest, offset: 0, acting_person: args.person };
    let connection = args.client.connect()?;
    let out = &args.out;
    if out.exists() {
        return Err(Failure::because(Code::Usage, format!("{} is there, and is not replaced", shown(out))));
    }
    let beside = out.with_added_extension("part");
    let mut file = new_file(&beside).with_context(|| shown(&beside)).or_exit(Code::Configuration)?;
    let fetched = fetch(request, &mut file, &connection).await;
    let fetched = fetched.and_then(|size| {
        // A link replaces nothing, not even what has come there meanwhile.
        let placed = file.sync_all().and_then(|()| fs::hard_link(&beside, out));
        placed.map(|()| size).with_context(|| shown(out)).or_exit(Code::Configuration)
    });
    drop(fs::remove_file(&beside));
    terminal::line(format_args!("{} bytes in {}", fetched?, shown(out)))
}

/// Reads an attachment of a referral, chunk by chunk, and gives its size.
///
/// # Errors
/// When it may not be read, is not whole, or has not its digest; what was written then counts for nothing.
pub(crate) async fn fetch(
    mut request: pb::GetAttachmentChunkRequest,
    to: &mut impl Write,
    connection: &Connection,
) -> Result<u64, Failure> {
    let mut context = digest::Context::new(&digest::SHA256);
    loop {
        let answer =
            connection.call(&request, async |request| connection.attachments().get_attachment_chunk(request).await);
        let answer = Box::pin(answer).await?;
        context.update(&answer.data);
        to.write_all(&answer.data).context("the file to write").or_exit(Code::Configuration)?;
        request.offset += answer.data.len() as u64;
        let size = answer.attachment.map_or(0, |attachment| attachment.size_bytes);
        terminal::advance(format_args!("{} of {size} bytes", request.offset));
        if answer.data.is_empty() || request.offset >= size {
            break;
        }
    }
    if context.finish().as_ref() != request.digest {
        return Err(Failure::because(
            Code::Differs,
            "what came has not the digest that was asked for; nothing is kept",
        ));
    }
    Ok(request.offset)
}

/// A file of its owner alone. What an earlier command left that was cut off is begun anew.
fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Digest and size of a file.
fn weighed(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut buffer, mut size) = (vec![0; AT_ONCE], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((context.finish().as_ref().to_vec(), size));
        }
        context.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}

/// The chunk that an upload takes next. A file that has become shorter gives fewer bytes, and is refused.
fn chunk(from: &mut (impl Read + Seek), upload: &pb::Upload) -> io::Result<Vec<u8>> {
    let left = upload.size_bytes.saturating_sub(upload.committed_bytes);
    let mut data = Vec::new();
    from.seek(SeekFrom::Start(upload.committed_bytes))?;
    from.take(left.min(upload.chunk_bytes.into())).read_to_end(&mut data)?;
    Ok(data)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
