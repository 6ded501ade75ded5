//! Files that hold secrets: readable by their owner alone, or not read at all; written whole and to the disk.
//!
//! What others may read is refused before a byte of it is read, and the open file is asked, not its path. No secret is
//! ever written over. What was read is overwritten in memory when it is dropped; no error says what is in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind::NotFound, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

/// Secrets are small.
const LARGEST: u64 = 1 << 20;

/// Why a secret is not read or written. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// Others than the owner may read or write it.
    #[error("is open to others than its owner (mode {0:03o}; chmod 600)")]
    Open(u32),
    /// Not a regular file of a secret's size.
    #[error("is not a regular file of at most 1 MiB")]
    Kind,
}

/// Reads a secret.
///
/// # Errors
/// [`Error`], [`Error::Open`] before a byte of it was read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    // The open file is asked, not the path, so that nothing can be exchanged in between.
    let mut file = File::open(path).map_err(Error::Read)?;
    let facts = file.metadata().map_err(Error::Read)?;
    if !facts.is_file() || facts.len() > LARGEST {
        return Err(Error::Kind);
    }
    let mode = facts.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Open(mode));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(facts.len()).unwrap_or_default()));
    file.read_to_end(&mut bytes).map_err(Error::Read)?;
    Ok(bytes)
}

/// Writes a new secret to the disk. Never over another.
///
/// # Errors
/// [`Error::Write`], also when the file exists.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_added_extension("new");
    let created = write_beside(&new, bytes).and_then(|()| fs::hard_link(&new, path));
    let removed = fs::remove_file(&new);
    created.and(removed).and_then(|()| sync_parent(path)).map_err(Error::Write)
}

/// Writes a file that has something of people in it to the disk, in place of an older one.
///
/// # Errors
/// [`Error::Write`]; the older one then is there still.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_added_extension("new");
    let replaced = write_beside(&new, bytes).and_then(|()| fs::rename(&new, path));
    replaced.and_then(|()| sync_parent(path)).map_err(Error::Write)
}

/// Under its name only once it is whole, so that a full disk leaves no half of a key.
fn write_beside(new: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a process that was killed has left: neither its bytes nor its mode are ours.
    fs::remove_file(new).or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Destroys a secret: takes its name away, writes over its bytes where they lie, and removes it. What a file system or
/// a drive has copied elsewhere is beyond it.
///
/// # Errors
/// [`Error::Write`], also when there is none; the secret may then be there still, under its name or with `.doomed`
/// behind it, and asking once more goes on.
pub fn destroy(path: &Path) -> Result<(), Error> {
    let doomed = path.with_added_extension("doomed");
    let destroyed = || {
        // Nobody finds half of it under its name, whenever this ends.
        match fs::rename(path, &doomed) {
            Err(error) if error.kind() == NotFound && doomed.exists() => {}
            renamed => renamed?,
        }
        sync_parent(path)?;
        let mut file = OpenOptions::new().write(true).open(&doomed)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
        file.write_all(&vec![b'0'; length])?;
        file.sync_all()?;
        fs::remove_file(&doomed)?;
        sync_parent(path)
    };
    destroyed().map_err(Error::Write)
}

/// Makes a directory for secrets, and those it lies in.
///
/// # Errors
/// [`Error::Write`].
pub fn create_directory(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::Write)
}

/// Puts the entry of a file into its directory on the disk.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_read_back_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        create(&path, b"one").unwrap();
        assert!(matches!(create(&path, b"two"), Err(Error::Write(_))));
        assert_eq!(read(&path).unwrap().as_slice(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_secret_that_cannot_be_written_whole_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        // What a process that was killed has left.
        fs::write(directory.path().join("secret.new"), b"hal").unwrap();
        create(&path, b"half").unwrap();
        assert!(matches!(create(&path, b"other"), Err(Error::Write(_))));
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(read(&path).unwrap().as_slice(), b"half");
        // As on a disk that is full, nothing can be written.
        let stuck = directory.path().join("stuck");
        fs::create_dir(directory.path().join("stuck.new")).unwrap();
        assert!(matches!(create(&stuck, b"key"), Err(Error::Write(_))));
        assert!(!stuck.exists());
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        create(&path, b"one").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o610, 0o660, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path), Err(Error::Open(found)) if found == mode), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn of_a_destroyed_secret_neither_name_nor_bytes_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("secret"), directory.path().join("other"));
        create(&path, b"one").unwrap();
        // The same file by another name, to see what becomes of its bytes.
        fs::hard_link(&path, &other).unwrap();
        destroy(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other).unwrap(), b"000");
        assert!(matches!(destroy(&path), Err(Error::Write(_))));
        // A process that was killed in between has left this.
        fs::write(directory.path().join("secret.doomed"), b"one").unwrap();
        destroy(&path).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "only the other name is left");
    }

    #[test]
    fn a_directory_is_not_a_secret() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(directory.path()), Err(Error::Kind)));
    }
}
