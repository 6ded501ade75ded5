//! Somebody on duty at a ward is woken, signs in to the duty page by a code and acknowledges: real processes, a real
//! file by which people are told, and a browser that knows nothing but the page.

use std::{ffi::OsStr, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    browser::{Browser, FORM},
    process::{output, program},
    wait,
    world::World,
};
use serde_json::Value;

use crate::referrals::Case;

const PAGE: &str = "\n[notifiers.desk]\nkind = \"file\"\npath = \"notices.jsonl\"\n[duty_page]\n\
    listen = \"127.0.0.1:0\"\ncertificate = \"tls/server.pem\"\nkey = \"tls/server.key\"\n";
/// Where the officer of the ward is reached.
const ADDRESS: &str = "desk of the ward";

/// Says that somebody is on duty at the ward, in the place where the access point finds it.
fn on_duty(world: &World) -> Result<()> {
    let hour = |hours: i64| Timestamp::from_second((Timestamp::now().as_second().div_euclid(3_600) + hours) * 3_600);
    let (start, end, home) = (hour(-2)?, hour(30)?, world.path("hanoi"));
    let (written, signed) = (world.path("ward.toml"), world.path("ward.roster"));
    let people =
        format!("{{ person = \"can-bo-17\", role = \"officer\", channel = \"desk\", address = \"{ADDRESS}\" }}");
    let shift = format!("[[shift]]\nstart_time = {start}\nend_time = {end}\npeople = [{people}]\n");
    fs::write(&written, format!("unit = \"hanoi/00004\"\n{shift}"))?;
    let duty = |arguments: &[&OsStr]| -> Result<()> {
        let done = output(program()?.arg("duty").args(arguments).arg("--home").arg(&home))?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    };
    duty(&["sign".as_ref(), written.as_os_str(), "--out".as_ref(), signed.as_os_str()])?;
    duty(&["install".as_ref(), signed.as_os_str()])
}

/// Four access points, of which one has the page and a unit with somebody on duty.
pub(crate) async fn with_a_page() -> Result<World> {
    let mut world = World::make()?;
    world.configure("hanoi", PAGE)?;
    on_duty(&world)?;
    world.start_broker().await?;
    world.provision()?;
    // Nothing fires at a start before every peer was heard, or two minutes have passed.
    for name in ["moh", "hanoi", "moha", "vwu"] {
        world.start_access_point(name).await?;
    }
    Ok(world)
}

/// Where the page listens.
pub(crate) fn address(world: &mut World) -> Result<String> {
    let log = world.running("hanoi")?.log();
    let page = log.split("duty_page=").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(page.context("the address of the page")?.to_owned())
}

/// The code that was told as the so-manieth, counted from 0.
pub(crate) async fn code(world: &World, number: usize) -> Result<String> {
    let notices = world.path("hanoi/notices.jsonl");
    let told = wait::until_answered("the code", async || told(&notices, "duty.sign-in-code").get(number).cloned());
    let told = told.await?;
    let text = told["text"].as_str().and_then(|text| text.strip_prefix("Mã đăng nhập ")).context("a code")?;
    Ok(text[..8].to_owned())
}

/// The notices of a kind that were told, in their order.
fn told(notices: &Path, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(notices).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|it: &Value| it["type"] == kind).collect()
}

/// The value of the first field of that name.
fn field(page: &str, name: &str) -> Option<String> {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1)?;
    rest.split('"').next().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_woken_signs_in_by_a_code_and_acknowledges_with_a_browser() {
    let mut world = with_a_page().await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    let notices = world.path("hanoi/notices.jsonl");
    let woken = wait::until_answered("somebody to be woken", async || told(&notices, "duty.notice").first().cloned());
    let woken = woken.await.unwrap();
    assert_eq!((&woken["person"], &woken["unit"]), (&Value::from("can-bo-17"), &Value::from("hanoi/00004")));

    let page = address(&mut world).unwrap();
    let mut browser = Browser::new(&world, &page).unwrap();
    browser.ask("POST", "/duty/sign-in", (FORM, b"unit=hanoi%2F00004&person=can-bo-17")).await.unwrap();
    let code = code(&world, 0).await.unwrap();
    let answer = browser.ask("POST", "/duty/code", (FORM, format!("code={code}").as_bytes())).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let list = browser.ask("GET", "/duty", (FORM, b"")).await.unwrap();
    let path = list.split("href=\"").find(|it| it.starts_with("/duty/moh/")).unwrap().split('"').next().unwrap();
    let shown = browser.ask("GET", path, (FORM, b"")).await.unwrap();
    assert!(shown.contains("Đơn vị của bạn") || shown.contains("Bên gửi"), "{shown}");
    let form = ["request_id", "etag", "seen"].map(|name| format!("{name}={}", field(&shown, name).unwrap())).join("&");
    for _ in 0..2 {
        let answer = browser.ask("POST", &format!("{path}/acknowledge"), (FORM, form.as_bytes())).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    }
    case.is(&world, BranchState::Assigned).await.unwrap();
    let shown = browser.ask("GET", path, (FORM, b"")).await.unwrap();
    assert!(shown.contains("Đơn vị của bạn") && !shown.contains("/acknowledge"), "{shown}");

    let metrics = world.metrics("hanoi").await.unwrap();
    for line in ["nhipcau_duty_page_codes_total 1", "nhipcau_duty_page_signed_in_total 1"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let log = world.running("hanoi").unwrap().log();
    for secret in ["can-bo-17", ADDRESS, &code] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert!(world.stop("hanoi").await.unwrap().success());
}
