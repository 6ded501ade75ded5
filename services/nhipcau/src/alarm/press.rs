//! Bringing a press in: the bytes that arrived, or a press made with the key of a device.

use std::{fs, io::Read as _, path::PathBuf};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nhipcau_domain::alarm::{Flags, Frame};
use nhipcau_proto::switchboard::v1 as pb;

use super::key_file;
use crate::{
    client::{Connection, Options, Refused},
    exit::{Code, Failure, OrExit as _},
    terminal,
};

/// Arguments of `press`.
#[derive(Debug, clap::Args)]
#[group(id = "pressed")]
pub(super) struct Press {
    /// File with the bytes as they came, in base64 as an SMS carries them; '-' reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "counter"], required_unless_present = "key")]
    frame: Option<PathBuf>,
    /// File with the key of a device: presses it.
    #[arg(long, value_name = "FILE", requires = "counter")]
    key: Option<PathBuf>,
    /// How often the device was pressed, this one included.
    #[arg(long, requires = "key")]
    counter: Option<u64>,
    /// Marked as a test and as no alarm.
    #[arg(long, requires = "key")]
    test: bool,
    /// Whoever presses must not be called back.
    #[arg(long, requires = "key")]
    silent: bool,
    /// Whoever presses asks to end the alarm.
    #[arg(long, requires = "key")]
    cancel_asked: bool,
    /// Code of the area that the device names.
    #[arg(long, value_name = "CODE", default_value = "", requires = "key")]
    area: String,
    #[command(flatten)]
    client: Options,
}

pub(super) async fn run(args: Press) -> Result<(), Failure> {
    let frame = match (&args.frame, &args.key, args.counter) {
        (Some(path), ..) => arrived(path)?,
        (None, Some(path), Some(counter)) => {
            let (device, key) = key_file::read(path)?;
            let asked = [(args.silent, Flags::SILENT), (args.cancel_asked, Flags::CANCEL_ASKED)];
            let kind = if args.test { Flags::TEST } else { Flags::ALARM };
            let flags = asked.into_iter().filter(|(is_asked, _)| *is_asked).fold(kind, |all, (_, one)| all.with(one));
            Frame::new(device, counter, flags, &args.area).seal(&key)
        }
        _ => return Err(Failure::because(Code::Usage, "name --frame, or --key and --counter")),
    };
    let connection = args.client.connect()?;
    let answer = press(frame, &connection).await?;
    // As it goes back to the device.
    terminal::line(STANDARD.encode(answer))
}

/// Brings a press in, again as long as nobody knows whether it was taken.
pub(crate) async fn press(frame: Vec<u8>, connection: &Connection) -> Result<Vec<u8>, Refused> {
    let request = pb::PressAlarmRequest { frame };
    let answer = connection.call(&request, async |request| connection.alarms().press_alarm(request).await);
    Ok(Box::pin(answer).await?.answer)
}

fn arrived(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(path).map(|read| text = read)
    };
    read.with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
    let not = |_| Failure::because(Code::Configuration, format!("{} is not base64", path.display()));
    STANDARD.decode(text.trim()).map_err(not)
}
