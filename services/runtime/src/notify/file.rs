//! A file as a way of telling people: one line of JSON for each notice, on the disk before it counts as told.
//!
//! For whoever reads the file and tells people by means of their own. It has addresses, and its owner alone reads it:
//! one that others may read, or that is no regular file, is not written to. It may be taken away at any time; the next
//! notice begins another.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use rustix::fs::OFlags;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{Error, Notice, Notifier};
use crate::private_file;

/// The way.
pub(super) struct Lines {
    path: PathBuf,
    turn: Arc<Mutex<()>>,
}

impl Lines {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), turn: Arc::default() }
    }
}

impl Notifier for Lines {
    fn notify<'n>(&'n self, notice: &'n Notice, _: Timestamp) -> BoxFuture<'n, Result<(), Error>> {
        async move {
            // A disk that hangs keeps one thread and no more, whoever waits for it meanwhile or no longer.
            let turn = Arc::clone(&self.turn).lock_owned().await;
            let (path, line) = (self.path.clone(), notice.body() + "\n");
            let write = spawn_blocking(move || {
                let _turn = turn;
                append(&path, &line)
            });
            write.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(Error::File)
        }
        .boxed()
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    // A pipe that nobody reads fails at once instead of never, and no link leads elsewhere.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    // The open file is asked, not the path, so that nothing can be exchanged in between.
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    let mode = facts.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(private_file::Error::Open(mode)));
    }
    let start = if ends_whole(&file, facts.len())? { "" } else { "\n" };
    wholly(&file, facts.len(), |mut file| file.write_all(format!("{start}{line}").as_bytes()))?;
    file.sync_all()?;
    private_file::sync_parent(path)
}

/// Whether it ends with the end of a line; a process that was killed may have left half of one.
fn ends_whole(file: &File, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

/// Writes behind what is there, or leaves it as it was: half of a line would spoil the next.
fn wholly(file: &File, length: u64, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    write(file).or_else(|error| file.set_len(length).and(Err(error)))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt as _, symlink},
        time::Duration,
    };

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{
        super::{Notifiers, Timed, tests::notice},
        *,
    };

    #[tokio::test]
    async fn a_disk_that_hangs_keeps_nobody_waiting_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notices.jsonl");
        let lines = Lines::new(&path);
        // As by a write that does not end.
        let turn = Arc::clone(&lines.turn).lock_owned().await;
        let way = Timed { by: Box::new(lines), timeout: Duration::from_millis(1500) };
        let (ways, notice) = (Notifiers(Arc::new([("desk".to_owned(), way)].into())), notice("desk"));
        let late = ways.tell(&notice, Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(matches!(late, Error::Timeout), "{late}");
        drop(turn);
        ways.tell(&notice, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), notice.body() + "\n");
    }

    #[test]
    fn what_others_may_read_or_is_no_file_is_not_written_to() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notices.jsonl");
        append(&path, "one\n").unwrap();
        for mode in [0o640, 0o604, 0o622] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = append(&path, "two\n").unwrap_err();
            assert!(refused.to_string().contains("chmod 600"), "{mode:o}: {refused}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = home.path().join("link");
        symlink(&path, &link).unwrap();
        append(&link, "two\n").unwrap_err();
        append(home.path(), "two\n").unwrap_err();
        let pipe = home.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        append(&pipe, "two\n").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn half_of_a_line_spoils_no_other() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notices.jsonl");
        append(&path, "one\n").unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        // As on a disk that is full.
        let full = |mut file: &File| file.write_all(b"tw").and(Err(io::ErrorKind::StorageFull.into()));
        let failed = wholly(&file, 4, full).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        // As by a process that was killed.
        (&file).write_all(b"tw").unwrap();
        append(&path, "three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }
}
