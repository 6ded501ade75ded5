//! What may be attached, and what its first bytes give away.

use nhipcau_proto::referral::v1 as pb;
use proptest::prelude::*;

use super::{super::*, content::full};
use crate::reason;

/// A segment of a JPEG.
fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [[0xff, marker].as_slice(), &length, data].concat()
}

fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    [[0xff, 0xd8].as_slice(), &segments.concat(), &[0xff, 0xda, 0, 8, 1, 2, 3]].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [length.as_slice(), kind, data, &[0; 4]].concat()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat()
}

#[test]
fn bytes_are_taken_for_what_they_begin_like_and_for_nothing_else() {
    let wav = [b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), &[0; 20]].concat();
    let picture = png(&[chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", &[1; 9])]);
    let samples: [(MediaType, Vec<u8>); 7] = [
        (MediaType::Pdf, b"%PDF-1.7\n".to_vec()),
        (MediaType::Jpeg, jpeg(&[segment(0xe0, b"JFIF\0"), vec![0xff], segment(0xdb, &[1; 64])])),
        (MediaType::Png, picture),
        (MediaType::Text, "Lời kể của người báo tin.\r\n".into()),
        (MediaType::Wav, wav),
        (MediaType::Mp3, b"ID3\x04\0\0\0\0\0\0".to_vec()),
        (MediaType::Ogg, b"OggS\0\x02".to_vec()),
    ];
    for (media_type, bytes) in &samples {
        for other in MediaType::KNOWN {
            let expected = if other == media_type { Ok(()) } else { Err(Unlike::Type) };
            // A document's mark is text, too.
            if !matches!((media_type, other), (MediaType::Pdf, MediaType::Text)) {
                assert_eq!(looks_like(*other, bytes), expected, "{media_type:?} as {other:?}");
            }
        }
        assert_eq!(looks_like(MediaType::Unrecognized(99), bytes), Err(Unlike::Type));
    }
    assert_eq!(looks_like(MediaType::Mp3, &[0xff, 0xfb, 0x90]), Ok(()));
    for program in [b"MZ\x90\0\x03\0".as_slice(), b"\x7fELF\x02", b"PK\x03\x04", b""] {
        for media_type in MediaType::KNOWN.iter().filter(|known| **known != MediaType::Text || !program.is_empty()) {
            assert_eq!(looks_like(*media_type, program), Err(Unlike::Type));
        }
    }
}

#[test]
fn a_picture_that_may_tell_where_it_was_taken_is_refused() {
    for marker in [0xe1, 0xed] {
        let told = jpeg(&[segment(0xe0, b"JFIF\0"), segment(marker, b"Exif\0\0")]);
        assert_eq!(looks_like(MediaType::Jpeg, &told), Err(Unlike::Metadata), "{marker:x}");
    }
    for kind in [b"eXIf", b"tEXt", b"zTXt", b"iTXt"] {
        let told = png(&[chunk(b"IHDR", &[0; 13]), chunk(kind, b"GPS"), chunk(b"IDAT", &[1])]);
        assert_eq!(looks_like(MediaType::Png, &told), Err(Unlike::Metadata));
    }
    let endless = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0xff; 8], &[0; 16]].concat();
    assert_eq!(looks_like(MediaType::Png, &endless), Err(Unlike::Type));
    assert_eq!(looks_like(MediaType::Jpeg, &[0xff, 0xd8, 0xff, 0xe0, 0, 0]), Err(Unlike::Type));
}

#[test]
fn text_may_be_cut_within_a_sign_and_steers_nothing() {
    assert_eq!(looks_like(MediaType::Text, "Huế".as_bytes().get(..3).unwrap()), Ok(()));
    assert_eq!(looks_like(MediaType::Text, b"a\x1b[2J"), Err(Unlike::Type));
    assert_eq!(looks_like(MediaType::Text, b"\xc3\x28 text"), Err(Unlike::Type));
}

fn attachment(digest: u8) -> pb::Attachment {
    pb::Attachment {
        digest: vec![digest; 32],
        size_bytes: 5,
        media_type: pb::AttachmentMediaType::Pdf.into(),
        kind: pb::AttachmentKind::OfficialRecord.into(),
        label: "Biên bản".to_owned(),
    }
}

/// What is wrong with these attachments of a narrative.
fn refused(attachments: Vec<pb::Attachment>) -> Vec<(String, &'static str)> {
    let narrative = pb::ReferralNarrative { attachments, ..full().narrative.unwrap() };
    let content = pb::ReferralContent { narrative: Some(narrative), identity: None, ..full() };
    match Content::read(&content, || Salt::new([7; 32])) {
        Ok(_) => Vec::new(),
        Err(refusal) => refusal.violations().iter().map(|found| (found.subject.clone(), found.reason)).collect(),
    }
}

#[test]
fn an_attachment_has_a_size_a_type_a_kind_and_stands_once() {
    assert_eq!(refused(vec![attachment(1), attachment(2)]), []);
    let at = |field: &str| format!("content.narrative.attachments[0].{field}");
    for (broken, field, expected) in [
        (pb::Attachment { digest: vec![1; 31], ..attachment(1) }, "digest", reason::FIELD_FORMAT),
        (pb::Attachment { size_bytes: 0, ..attachment(1) }, "size_bytes", reason::FIELD_FORMAT),
        (pb::Attachment { size_bytes: MOST_BYTES + 1, ..attachment(1) }, "size_bytes", reason::FIELD_FORMAT),
        (pb::Attachment { media_type: 0, ..attachment(1) }, "media_type", reason::FIELD_REQUIRED),
        (pb::Attachment { kind: 0, ..attachment(1) }, "kind", reason::FIELD_REQUIRED),
        (pb::Attachment { label: "e\u{301}".into(), ..attachment(1) }, "label", reason::TEXT_NOT_NFC),
    ] {
        assert_eq!(refused(vec![broken]), [(at(field), expected)]);
    }
    let path = "content.narrative.attachments".to_owned();
    assert_eq!(refused(vec![attachment(1); 2]), [(path.clone(), reason::FIELD_FORMAT)]);
    assert_eq!(refused((0..9).map(attachment).collect()), [(path, reason::TOO_MANY)]);
}

#[test]
fn what_is_attached_is_read_back_from_the_part_and_never_printed() {
    let mut content = pb::ReferralContent { identity: None, ..full() };
    content.narrative = Some(pb::ReferralNarrative { attachments: vec![attachment(3)], ..full().narrative.unwrap() });
    let content = Content::read(&content, || Salt::new([7; 32])).unwrap();
    let bytes = content.encode(Part::Narrative).unwrap();
    assert!(content.says(Part::Narrative, &bytes));
    let read = attached(Part::Narrative, &bytes);
    assert_eq!(read.iter().map(Attachment::write).collect::<Vec<_>>(), [attachment(3)]);
    assert_eq!(content.attachments().count(), 1);
    assert_eq!(attached(Part::Reporter, &bytes), []);
    assert!(!format!("{read:?}").contains("Biên bản"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_look_panic(start in 0_usize..4, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let starts: [&[u8]; 4] = [b"", &[0xff, 0xd8, 0xff], b"\x89PNG\r\n\x1a\n", b"RIFF"];
        let bytes = [starts[start], bytes.as_slice()].concat();
        for media_type in MediaType::KNOWN {
            let _looked = looks_like(*media_type, &bytes);
        }
    }
}
