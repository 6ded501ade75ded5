//! Devices: register, revoke, open a test.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    alarm::DeviceId,
    area::{AdminUnitRef, Level},
};
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Deed, key_file, show::ShownDevice};
use crate::{
    client::{Connection, Refused, document},
    exit::{Code, Failure},
    referral::unit,
    terminal,
};

/// Arguments of `register`.
#[derive(Debug, clap::Args)]
pub(super) struct Register {
    /// New file for the key of the device, for its maker; readable by its owner alone.
    out: PathBuf,
    /// Unit that answers for its alarms.
    #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
    unit: referral::UnitRef,
    /// Area of a press that names none, such as 00004@VN-34; its list is that of every area which the device names.
    #[arg(long, value_name = "CODE@LIST", value_parser = area)]
    area: Option<referral::AdminUnitRef>,
    /// Whoever carries it lives where nobody may look: no area finer than the province.
    #[arg(long)]
    protected: bool,
    #[command(flatten)]
    deed: Deed,
}

/// Arguments of `revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// Device, parties/PARTY/alarmDevices/DEVICE.
    name: String,
    #[command(flatten)]
    deed: Deed,
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Device, parties/PARTY/alarmDevices/DEVICE.
    name: String,
    /// For how many minutes, at most 60.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(i64).range(1..=60))]
    minutes: i64,
    /// Until when instead, RFC 3339: an earlier request is repeated with what it said.
    #[arg(long, value_name = "TIME", conflicts_with = "minutes")]
    until: Option<Timestamp>,
    #[command(flatten)]
    deed: Deed,
}

/// A device as it was registered, with its key.
pub(crate) struct Made {
    pub(crate) device: pb::AlarmDevice,
    pub(crate) id: DeviceId,
    pub(crate) key: Zeroizing<Vec<u8>>,
    replayed: bool,
}

pub(super) async fn run_register(args: Register) -> Result<(), Failure> {
    if args.out.exists() {
        let text = format!("{} is there already; nothing was registered", args.out.display());
        return Err(Failure::because(Code::Configuration, text));
    }
    let (connection, request_id) = args.deed.begin()?;
    let request = pb::RegisterDeviceRequest {
        request_id,
        unit: Some(args.unit),
        area: args.area,
        protected: args.protected,
        acting_person: args.deed.person.clone(),
    };
    let made = register(&request, &connection).await?;
    key_file::create(&args.out, made.id, &made.key)?;
    terminal::progress(format_args!("the key of the device is in {}", args.out.display()));
    told(&args.deed, &made.device, made.replayed)
}

/// Registers a device.
pub(crate) async fn register(request: &pb::RegisterDeviceRequest, connection: &Connection) -> Result<Made, Failure> {
    let answer = connection.call(request, async |request| connection.alarms().register_device(request).await);
    let pb::RegisterDeviceResponse { device, device_key, replayed } = Box::pin(answer).await?;
    let (device, key) = (device.unwrap_or_default(), Zeroizing::new(device_key));
    let id = device.name.rsplit_once('/').and_then(|(_, id)| id.parse().ok());
    let id = id.ok_or_else(|| Failure::because(Code::Failed, "the answer names no device"))?;
    Ok(Made { device, id, key, replayed })
}

pub(super) async fn run_revoke(args: Revoke) -> Result<(), Failure> {
    let (connection, request_id) = args.deed.begin()?;
    let acting_person = args.deed.person.clone();
    let request = pb::RevokeDeviceRequest { request_id, name: args.name, acting_person };
    let answer = connection.call(&request, async |request| connection.alarms().revoke_device(request).await);
    let answer = Box::pin(answer).await?;
    told(&args.deed, &answer.device.unwrap_or_default(), answer.replayed)
}

pub(super) async fn run_test(args: Test) -> Result<(), Failure> {
    let (connection, request_id) = args.deed.begin()?;
    let until = args.until.unwrap_or_else(|| Timestamp::now() + SignedDuration::from_mins(args.minutes));
    terminal::progress(format_args!("until {until}"));
    let request = pb::OpenTestRequest {
        request_id,
        name: args.name,
        until_time: Some(prost_types::Timestamp { seconds: until.as_second(), nanos: until.subsec_nanosecond() }),
        acting_person: args.deed.person.clone(),
    };
    let answer = open_test(&request, &connection).await?;
    told(&args.deed, &answer.device.unwrap_or_default(), answer.replayed)
}

async fn open_test(request: &pb::OpenTestRequest, connection: &Connection) -> Result<pb::OpenTestResponse, Refused> {
    let answer = connection.call(request, async |request| connection.alarms().open_test(request).await);
    Box::pin(answer).await
}

fn told(deed: &Deed, device: &pb::AlarmDevice, replayed: bool) -> Result<(), Failure> {
    if deed.json {
        return terminal::json(&json!({ "device": document::write(device)?, "replayed": replayed }));
    }
    if replayed {
        terminal::progress("asked before under the same request id");
    }
    terminal::line(ShownDevice(device))
}

fn area(text: &str) -> Result<referral::AdminUnitRef, String> {
    const EXPECTED: &str = "expected CODE@LIST of a commune or a province, such as 00004@VN-34";
    let area: AdminUnitRef = text.parse().map_err(|_| EXPECTED.to_owned())?;
    let level = match area.level {
        Level::Province => referral::AdminLevel::Province,
        Level::Commune => referral::AdminLevel::Commune,
        Level::District => return Err(EXPECTED.to_owned()),
    };
    let (code, code_list_version) = (area.code.to_string(), area.code_list_version.to_string());
    Ok(referral::AdminUnitRef { level: level.into(), code, code_list_version })
}
