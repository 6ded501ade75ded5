//! File systems of a trial's own: small, on loop devices, and losing in a moment all that was not flushed.
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

use crate::tools::done;

/// Shuts file systems down at once: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, of directories in them.
const CUT: &str = "import fcntl, os, struct, sys\n\
    places = [os.open(place, os.O_RDONLY) for place in sys.argv[1:]]\n\
    [fcntl.ioctl(place, 0x8004587D, struct.pack('I', 2)) for place in places]";

/// A file system; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    at: PathBuf,
    image: PathBuf,
}

impl Disk {
    /// Makes a file system of so many MiB with the content of a directory, and mounts it there.
    pub(crate) fn mount(at: &Path, image: PathBuf, mebibytes: u64) -> Result<Self> {
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
    pub(crate) fn recover(&self) -> Result<()> {
        done(Command::new("umount").arg(&self.at))?;
        self.mount_again()
    }

    /// Fills it up to the last block. Gives the file that does.
    pub(crate) fn fill(&self) -> Result<PathBuf> {
        let file = self.at.join("filler");
        // It ends when there is no room, which is what is wanted.
        drop(Command::new("dd").args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}", file.display())).output()?);
        Ok(file)
    }
}

/// Cuts the power of these at one moment.
pub(crate) fn cut<'d>(disks: impl IntoIterator<Item = &'d Disk>) -> Result<()> {
    done(Command::new("python3").args(["-c", CUT]).args(disks.into_iter().map(|disk| &disk.at)))
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The mounts go away with the process in any case.
        drop(Command::new("umount").arg(&self.at).output());
    }
}
