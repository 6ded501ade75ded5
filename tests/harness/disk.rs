//! File systems of a test's own: small, on loop devices, and losing in a moment all that was not flushed.
//!
//! The power cut is ext4's own shutdown request without flushing its journal: what was flushed before stays, what was
//! not is gone, as after a power cut. It models the loss of what the kernel holds, not torn sectors and not a drive
//! that lies about flushing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::process::done;

/// Shuts file systems down at once: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, of directories in them.
const CUT: &str = "import fcntl, os, struct, sys\n\
    places = [os.open(place, os.O_RDONLY) for place in sys.argv[1:]]\n\
    [fcntl.ioctl(place, 0x8004587D, struct.pack('I', 2)) for place in places]";

/// A file system; unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
    image: PathBuf,
}

impl Disk {
    /// Makes a file system of so many MiB with the content of a directory, and mounts it there. Needs root.
    ///
    /// # Errors
    /// When it cannot be made or mounted.
    pub fn mount(at: &Path, image: PathBuf, mebibytes: u64) -> Result<Self> {
        fs::File::create(&image)?.set_len(mebibytes << 20)?;
        done(Command::new("mkfs.ext4").args(["-q", "-m", "0", "-d"]).arg(at).arg(&image))?;
        let disk = Self { at: at.to_owned(), image };
        disk.mount_again()?;
        Ok(disk)
    }

    fn mount_again(&self) -> Result<()> {
        done(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.at))
    }

    /// The power is back: the file system as its journal left it.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn recover(&self) -> Result<()> {
        done(Command::new("umount").arg(&self.at))?;
        self.mount_again()
    }

    /// Every block of it that is not empty, as whoever takes the disk away finds them.
    ///
    /// # Errors
    /// When the image cannot be read.
    pub fn raw(&self) -> Result<Vec<u8>> {
        done(Command::new("sync").arg("--file-system").arg(&self.at))?;
        let blocks = fs::read(&self.image)?;
        Ok(blocks.chunks(4096).filter(|block| block.iter().any(|byte| *byte != 0)).flatten().copied().collect())
    }

    /// Fills it up to the last block. Gives the file that does.
    ///
    /// # Errors
    /// When nothing can be started that would.
    pub fn fill(&self) -> Result<PathBuf> {
        let file = self.at.join("filler");
        // It ends when there is no room, which is what is wanted.
        drop(Command::new("dd").args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}", file.display())).output()?);
        Ok(file)
    }
}

/// Cuts the power of these at one moment.
///
/// # Errors
/// When a file system takes no such request.
pub fn cut<'d>(disks: impl IntoIterator<Item = &'d Disk>) -> Result<()> {
    done(Command::new("python3").args(["-c", CUT]).args(disks.into_iter().map(|disk| &disk.at)))
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still has it open ends with the test.
        drop(Command::new("umount").arg("--lazy").arg(&self.at).output());
    }
}
