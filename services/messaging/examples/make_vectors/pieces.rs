//! Vectors of the encoding and of padding.

use nhipcau_messaging::{crypto::padding::pad, pae::pae};
use serde_json::{Value, json};

use crate::Result;

/// Lists of pieces that careless encodings would confuse.
pub(crate) fn encodings() -> Vec<Value> {
    let inner = pae(&[b"a"]);
    let lists: [(&str, &[&[u8]]); 6] = [
        ("no-piece", &[]),
        ("empty-pieces", &[b"", b""]),
        ("split-early", &[b"a", b"bc"]),
        ("split-late", &[b"ab", b"c"]),
        ("text-is-utf-8", &["Điểm kết nối".as_bytes()]),
        ("piece-that-is-encoded", &[&inner]),
    ];
    let case = |(name, pieces): (&str, &[&[u8]])| {
        let encoded = hex::encode(pae(pieces));
        json!({ "name": name, "expect": "ok", "pieces": pieces.iter().map(hex::encode).collect::<Vec<_>>(), "encoded": encoded })
    };
    lists.into_iter().map(case).collect()
}

/// Contents at the edges of the two smallest buckets, and padding that is none.
pub(crate) fn paddings() -> Result<Vec<Value>> {
    let mut cases = Vec::new();
    for length in [0, 255, 256, 1_535, 1_536] {
        let content = vec![0x80; length];
        let padded = pad(&content).ok_or("the content has a bucket")?;
        cases.push(json!({
            "name": format!("content-of-{length}"), "expect": "ok", "lane": "messages",
            "content": hex::encode(content), "padded": hex::encode(padded),
        }));
    }
    let wrong = [("only-zeros", "bad-padding", vec![0; 256]), ("no-bucket", "wrong-bucket", vec![0x80; 100])];
    cases.extend(wrong.map(|(name, expect, padded)| {
        json!({ "name": name, "expect": expect, "lane": "messages", "padded": hex::encode(padded) })
    }));
    Ok(cases)
}
