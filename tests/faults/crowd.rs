//! A world of many: more access points beside those of the sandbox, each of a party with one desk, made as parties make
//! their own and brought into the directory and to the broker by the commands for it. Each has agreed with the next one
//! on cases, in a ring.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, TcpListener},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nhipcau_sim::prng::Prng;
use nhipcau_tests::{
    office,
    process::{output, program},
    world::World,
};
use serde_json::{Value, json};

use crate::certificates::{self, Whose};

/// Of whom the others have what is the same for all: certificates at the broker and of the door, settings.
const MODEL: &str = "hanoi";
const MODEL_SYSTEM: &str = "hanoi/commune";

/// The range from which the sandbox has its ports: nobody's outgoing connection gets one of these.
const PORTS: (u64, u64) = (20_000, 31_999);

/// Makes the members that the sandbox does not know, before anything runs.
pub(crate) fn gather(world: &mut World, members: &[&'static str], rng: &mut Prng) -> Result<()> {
    let is_known = |world: &World, name: &str| world.text(&format!("/access_points/{name}/home")).is_ok();
    let new: Vec<&'static str> = members.iter().copied().filter(|name| !is_known(world, name)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let (mut logins, mut keys) = (known_logins(world)?, Vec::new());
    for name in &new {
        let ports = [port(world, rng)?, port(world, rng)?];
        world.adopt(name, entry(name, ports))?;
        let (login, public) = make(world, name, ports)?;
        writeln!(logins, "{name} = \"{login}\"")?;
        keys.push(public);
    }
    enter(world, &new, &keys)?;
    let sides: Vec<&str> = members.iter().copied().filter(|name| crate::cases::unit(name).is_some()).collect();
    agree(world, &sides)?;
    let release = office::next_release(world)?;
    for name in ["moha", "moh", "vwu", MODEL] {
        let installed = office::install(world, release, name)?;
        ensure!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
    for name in &new {
        copy(world, "directory", name)?;
    }
    let (file, fingerprint) = (world.path("logins.toml"), world.text("/fingerprint")?);
    fs::write(&file, logins)?;
    let mut users = program()?;
    users.args(["provision", "users", "--fingerprint", fingerprint, "--directory"]).arg(world.path("moh/directory"));
    let users = said(users.arg("--logins").arg(file))?;
    Ok(fs::write(world.path("nats/users.conf"), users)?)
}

/// What a command writes that must succeed.
fn said(command: &mut Command) -> Result<Vec<u8>> {
    let done = output(command)?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(done.stdout)
}

/// The public halves of the logins that the broker knows, as the operator writes them down.
fn known_logins(world: &World) -> Result<String> {
    let users = fs::read_to_string(world.path("nats/users.conf"))?;
    let known = users.lines().filter_map(|line| line.trim().strip_prefix("nkey: ")?.split_once("  # "));
    let (operator, others): (Vec<_>, Vec<_>) = known.partition(|(_, name)| *name == "operator");
    let (operator, _) = operator.first().context("the operator's login")?;
    let mut text = format!("account = \"BUS\"\noperator = \"{operator}\"\n[access_points]\n");
    for (login, name) in others {
        writeln!(text, "{name} = \"{login}\"")?;
    }
    Ok(text)
}

fn port(world: &World, rng: &mut Prng) -> Result<u16> {
    let taken = world.ports()?;
    for _ in 0..1000 {
        let port = u16::try_from(rng.between(PORTS.0, PORTS.1))?;
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("there is no free port")
}

fn entry(name: &str, [grpc, metrics]: [u16; 2]) -> Value {
    let system = format!("systems/{name}-desk");
    json!({
        "home": name, "config": format!("{name}/nhipcau.toml"), "log": format!("{name}/log"),
        "grpc": format!("https://localhost:{grpc}"), "metrics": format!("http://127.0.0.1:{metrics}/metrics"),
        "system": format!("{name}/desk"), "profile": format!("{system}/profile.toml"),
        "certificate": format!("{system}/cert.pem"), "key": format!("{system}/key.pem"),
        "root_certificates": "pki/systems.pem"
    })
}

/// Makes the home of one: keys, login, certificates, configuration. Gives the public halves of the login and the keys.
fn make(world: &World, name: &'static str, [grpc, metrics]: [u16; 2]) -> Result<(String, Value)> {
    fs::create_dir_all(world.path(format!("systems/{name}-desk")))?;
    certificates::renew(world, &Whose::System(name), Duration::from_secs(24 * 60 * 60))?;
    let home = world.path(name);
    fs::create_dir(&home)?;
    let keys = said(program()?.args(["keys", "generate", "--json", "--home"]).arg(&home))?;
    copy(world, "tls", name)?;
    fs::remove_file(home.join("tls/broker.nk"))?;
    let login = said(program()?.args(["keys", "login", "--json", "--out"]).arg(home.join("tls/broker.nk")))?;
    let login: Value = serde_json::from_slice(&login)?;
    let login = login.get("login").and_then(Value::as_str).context("a login")?.to_owned();
    let text = fs::read_to_string(world.config(MODEL))?;
    let model = world.path(MODEL);
    let door = |name: &str, key: &str| world.text(&format!("/access_points/{name}/{key}")).map(str::to_owned);
    let port = |url: String| url.trim_end_matches("/metrics").rsplit(':').next().unwrap_or_default().to_owned();
    let text = text
        .replace(&format!("name = \"{MODEL}\""), &format!("name = \"{name}\""))
        .replace(&model.display().to_string(), &home.display().to_string())
        .replace(MODEL_SYSTEM, &format!("{name}/desk"))
        .replace(&port(door(MODEL, "grpc")?), &grpc.to_string())
        .replace(&port(door(MODEL, "metrics")?), &metrics.to_string());
    fs::write(home.join("nhipcau.toml"), text)?;
    Ok((login, serde_json::from_slice(&keys)?))
}

/// Copies files of the model, below `place`, to the home of another.
fn copy(world: &World, place: &str, name: &str) -> Result<()> {
    let from = world.path(MODEL).join(place);
    said(Command::new("cp").arg("--archive").arg(from).arg(world.path(name)).env("LC_ALL", "C")).map(drop)
}

/// Enters parties, access points and desks into the source of the directory.
fn enter(world: &World, names: &[&str], keys: &[Value]) -> Result<()> {
    let points = office::source(world, "access-points.toml");
    let mut text = fs::read_to_string(&points)?;
    let after = |key: &str| {
        let (_, rest) = text.split_once(&format!("{key} = "))?;
        rest.split([',', ' ']).next().map(str::to_owned)
    };
    let (start, expire) = after("start_time").zip(after("expire_time")).context("the times of a key")?;
    let (mut parties, mut units) = (String::new(), String::new());
    for (name, keys) in names.iter().zip(keys) {
        let key = |kind: &str| {
            let of = |field: &str| keys.pointer(&format!("/{kind}/0/{field}")).and_then(Value::as_str);
            let (id, public) = of("key_id").zip(of("public_key"))?;
            let times = format!("start_time = {start}, expire_time = {expire}");
            Some(format!("{kind} = [{{ key_id = \"{id}\", public_key = \"{public}\", {times} }}]\n"))
        };
        let (signing, sealing) = key("signing_keys").zip(key("sealing_keys")).context("the keys of an access point")?;
        write!(
            text,
            "\n[[access_point]]\naccess_point = \"{name}\"\noperator_party = \"{name}\"\nparties = [\"{name}\"]\n\
             {signing}{sealing}"
        )?;
        let since = "names = { vi = \"Ví dụ\", en = \"Example\" }\nstart_time = 2025-03-01T00:00:00+07:00";
        write!(
            parties,
            "\n[[party]]\nparty = \"{name}\"\n{since}\nhostings = [{{ access_point = \"{name}\", \
             contracts = [\"nhipcau.indicator.v1\", \"nhipcau.referral.v1\"] }}]\n"
        )?;
        write!(units, "\n[[unit]]\nparty = \"{name}\"\nunit = \"desk\"\n{since}\nservices = [\"counselling\"]\n")?;
    }
    fs::write(points, text)?;
    append(world, "parties.toml", &parties)?;
    append(world, "units.toml", &units)
}

/// Has each agree with the next one on cases, in both directions, since answers are messages too.
fn agree(world: &World, sides: &[&str]) -> Result<()> {
    let known = fs::read_to_string(office::source(world, "agreements.toml"))?;
    let mut text = String::new();
    let nexts = sides.iter().skip(1).chain(sides.first());
    for (from, to) in sides.iter().zip(nexts).flat_map(|(one, next)| [(one, next), (next, one)]) {
        let entry = format!(
            "[[agreement]]\nsender_party = \"{from}\"\ncontract = \"nhipcau.referral.v1\"\n\
             recipient_party = \"{to}\"\npurpose = \"protection\"\nstart_time = 2025-07-01T00:00:00+07:00\n"
        );
        if !known.contains(&entry) {
            write!(text, "\n{entry}")?;
        }
    }
    append(world, "agreements.toml", &text)
}

fn append(world: &World, file: &str, text: &str) -> Result<()> {
    let path = office::source(world, file);
    let known = fs::read_to_string(&path)?;
    Ok(fs::write(path, known + text)?)
}
