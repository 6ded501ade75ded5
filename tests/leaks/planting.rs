//! The search of a run that found nothing, turned against itself: the words are put into every place by hand, each in
//! another spelling, and all of it is searched once more by the same code.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::Result;
use nhipcau_tests::process::{Process, output};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    canary::{ADDRESS, NAME, PHONE, text},
    places::{self, Places},
    search::Found,
    story::{ALL, Story},
};

/// Plants and searches. The broker's disk, memory and links hold the words already: somebody wrote them there.
pub(crate) async fn everywhere(story: &mut Story) -> Result<BTreeMap<String, Found>> {
    let decomposed: String = NAME.nfd().collect();
    for name in ALL {
        fs::write(story.world.path(name).join("planted"), decomposed.as_bytes())?;
    }
    let wide: Vec<u8> = ADDRESS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(story.world.path("tmp/planted"), wide)?;
    fs::write(story.world.path("copies").join(format!("planted-{}", PHONE.replace(' ', ""))), "x")?;
    if let Some(data) = places::server() {
        let path = data.join("planted");
        fs::write(&path, text("kho"))?;
    }
    let mut door = TcpStream::connect(("127.0.0.1", story.door.port)).await?;
    door.write_all(text("cửa").as_bytes()).await?;
    door.shutdown().await?;
    let heard = || story.door.heard().windows(NAME.len()).any(|window| window == NAME.as_bytes()).then_some(());
    nhipcau_tests::wait::until("the words at the door", heard).await?;
    let said = output(Command::new("echo").arg(text("lời")))?;
    story.keep("echo", said);
    story.refused.push(("planted".to_owned(), format!("{:?}", text("từ chối").as_bytes()).into_bytes()));
    story.pages.push(("planted".to_owned(), text("trang").into_bytes()));
    let mut sleeper = Command::new("sleep");
    sleeper.arg("600").env("PLANTED", text("môi trường"));
    story.planted = Some(Process::start("sleep", sleeper, &story.world.path("planted.log"))?);

    let mut places = Places::default();
    places.collect(story).await?;
    if let Some(data) = places::server() {
        fs::remove_file(data.join("planted"))?;
    }
    Ok(places.search())
}
