//! The search of a run that found nothing, turned against itself: the words are put into every place by hand, each in
//! another spelling, and all of it is searched once more by the same code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use nhipcau_tests::{
    browser::Browser,
    process::{Process, output},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpStream, UnixStream},
};
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
    fs::write(story.world.path("evidence/planted"), text("chứng cứ"))?;
    if let Some(home) = places::server() {
        fs::write(home.join("data/planted"), text("kho"))?;
        log_at(&home).await?;
    }
    let hook = format!("localhost:{}", story.hook.port);
    Browser::new(&story.world, &hook)?.ask("POST", "/nhipcau", ("text/plain", text("báo").as_bytes())).await?;
    let mut door = TcpStream::connect(("127.0.0.1", story.door.port)).await?;
    door.write_all(text("cửa").as_bytes()).await?;
    door.shutdown().await?;
    let is_in = |said: &Vec<u8>| said.windows(NAME.len()).any(|window| window == NAME.as_bytes());
    let heard = || story.door.heard().iter().any(is_in).then_some(());
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
    if let Some(home) = places::server() {
        fs::remove_file(home.join("data/planted"))?;
    }
    Ok(places.search())
}

/// Has the PostgreSQL server log the words itself: it is asked for a database of that name.
async fn log_at(home: &Path) -> Result<()> {
    let log = || fs::read_to_string(home.join("server.log")).unwrap_or_default();
    let socket = fs::read_dir(home)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_socket =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".s.PGSQL"));
    let socket = socket.filter(is_socket).find(|path| path.extension().is_none_or(|extension| extension != "lock"));
    let mut server = UnixStream::connect(socket.context("the socket of the server")?).await?;
    let asked = format!("user\0test\0database\0{PHONE}\0\0");
    let length = u32::try_from(asked.len() + 8)?.to_be_bytes();
    // Version 3.0 of its protocol.
    server.write_all(&[&length, &[0, 3, 0, 0], asked.as_bytes()].concat()).await?;
    nhipcau_tests::wait::until("the words in the server's log", || log().contains(PHONE).then_some(())).await
}
