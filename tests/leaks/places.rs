//! Everything that a run leaves behind, and the search of it.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    memory,
    search::{Finder, Found},
    story::{ALL, Story},
};

/// What was searched so far, by place.
pub(crate) struct Places {
    finder: Finder,
    found: BTreeMap<String, Found>,
}

impl Default for Places {
    fn default() -> Self {
        Self { finder: Finder::new(), found: BTreeMap::new() }
    }
}

impl Places {
    /// Every place there is.
    pub(crate) async fn collect(&mut self, story: &mut Story) -> Result<()> {
        self.collect_access_points(story).await?;
        self.files("files of the broker", &story.world.path("nats"))?;
        let seen = memory::search(story.world.broker()?, "memory of the broker", &self.finder)?;
        self.found.insert("memory of the broker".to_owned(), seen);
        for (name, tap) in &story.taps {
            for said in tap.heard() {
                self.bytes("links to the broker, as it sees them", &format!("of {name}"), &said);
            }
        }
        for said in story.door.heard() {
            self.bytes("the link to a door", "of moh", &said);
        }
        self.bytes("notices by a webhook", "to vwu", &story.hook.heard());
        let mut ids: Vec<u32> = ALL.iter().filter_map(|name| Some(story.world.running(name).ok()?.id())).collect();
        ids.push(story.world.broker()?.id());
        ids.extend(story.planted.as_ref().map(|process| process.id()));
        for id in ids {
            for file in ["cmdline", "environ"] {
                let path = PathBuf::from(format!("/proc/{id}/{file}"));
                self.file("command lines and environments", &path)?;
            }
        }
        self.files("temporary files", &story.world.path("tmp"))?;
        self.files("copies of stores", &story.world.path("copies"))?;
        self.files("files of evidence", &story.world.path("evidence"))?;
        if let Some(home) = server() {
            self.files("files of the PostgreSQL server", &home.join("data"))?;
            self.file("log of the PostgreSQL server", &home.join("server.log"))?;
        }
        Ok(())
    }

    /// What access points keep, and what they have told anybody.
    pub(crate) async fn collect_access_points(&mut self, story: &Story) -> Result<()> {
        for name in ALL {
            self.files(&format!("files of the access point {name}"), &story.world.path(name))?;
        }
        for (place, said) in [
            ("outputs of commands", &story.outputs),
            ("answers that refuse", &story.refused),
            ("metrics, alarms and answers", &story.pages),
        ] {
            for (label, bytes) in said {
                self.bytes(place, label, bytes);
            }
        }
        Ok(())
    }

    /// What came of it.
    pub(crate) fn search(self) -> BTreeMap<String, Found> {
        self.found
    }

    fn bytes(&mut self, place: &str, label: &str, bytes: &[u8]) {
        self.finder.look(label, bytes, self.found.entry(place.to_owned()).or_default());
    }

    fn file(&mut self, place: &str, path: &Path) -> Result<()> {
        match fs::read(path) {
            Ok(bytes) => self.bytes(place, &path.display().to_string(), &bytes),
            // Servers take files away while one looks.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn files(&mut self, place: &str, directory: &Path) -> Result<()> {
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            let name = path.to_string_lossy().into_owned();
            // Names can say something too.
            self.bytes(place, &format!("the name of {name}"), name.as_bytes());
            if path.is_dir() {
                self.files(place, &path)?;
            } else if path.is_file() {
                self.file(place, &path)?;
            }
        }
        Ok(())
    }
}

/// Where the server for tests has its data, its log and its socket, if there is one.
pub(crate) fn server() -> Option<PathBuf> {
    let url = env::var("NHIPCAU_TEST_POSTGRES").ok()?;
    let host = url.split(['?', '&']).find_map(|setting| setting.strip_prefix("host="))?;
    Some(PathBuf::from(host))
}
