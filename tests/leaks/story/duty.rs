//! Whoever is on duty at a ward: told by a file, signs in to the duty page by a code, sees what waits and what it is,
//! acknowledges, says what was done; and everything that the page refuses, with the words wherever a browser can put
//! them. What they may read is not searched, all that anybody else is shown is.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    browser::{Browser, FORM},
    process::{output, program},
    wait,
    world::World,
};
use serde_json::Value;

use super::{Case, PERSON, Story, commands::LOOKS, hook::Hook};
use crate::canary::{ADDRESS, NAME, PHONE, text};

const PAGE: &str = "\n[notifiers.desk]\nkind = \"file\"\npath = \"notices.jsonl\"\n[duty_page]\n\
    listen = \"127.0.0.1:0\"\ncertificate = \"tls/server.pem\"\nkey = \"tls/server.key\"\n";

/// Somebody is on duty at a ward, with the page, and at a desk.
pub(super) fn prepare(world: &World, hook: &Hook) -> Result<()> {
    world.configure("hanoi", PAGE)?;
    world.configure("vwu", &hook.notifier(world)?)?;
    on_duty(world, "hanoi", "hanoi/00004", "desk")?;
    on_duty(world, "vwu", "vwu/desk", "hook")
}

fn on_duty(world: &World, name: &str, unit: &str, channel: &str) -> Result<()> {
    let (written, signed) = (world.path(format!("{name}.toml")), world.path(format!("{name}.roster")));
    fs::write(&written, roster(unit, PERSON, channel)?)?;
    for arguments in [
        vec!["sign".as_ref(), written.as_os_str(), "--out".as_ref(), signed.as_os_str()],
        vec!["install".as_ref(), signed.as_os_str()],
    ] {
        let done = output(program()?.arg("duty").args(arguments).arg("--home").arg(world.path(name)))?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

/// What a unit writes of who is on duty.
fn roster(unit: &str, person: &str, channel: &str) -> Result<String> {
    let hour = |hours: i64| Timestamp::from_second((Timestamp::now().as_second().div_euclid(3_600) + hours) * 3_600);
    let people =
        format!("{{ person = \"{person}\", role = \"officer\", channel = \"{channel}\", address = \"bàn trực\" }}");
    Ok(format!(
        "unit = \"{unit}\"\n[[shift]]\nstart_time = {}\nend_time = {}\npeople = [{people}]\n",
        hour(-2)?,
        hour(30)?
    ))
}

impl Story {
    /// A transfer that is taken over and worked on by the page.
    pub(super) async fn is_on_duty(&mut self, case: &Case) -> Result<()> {
        self.reaches(case, BranchState::Received).await?;
        self.notice("duty.notice").await?;
        let page = self.page_address()?;
        let mut browser = Browser::new(&self.world, &page)?;
        self.is_turned_away(&mut browser).await?;
        let asked = format!("unit=hanoi%2F00004&person={PERSON}");
        browser.ask("POST", "/duty/sign-in", (FORM, asked.as_bytes())).await?;
        let told = self.notice("duty.sign-in-code").await?;
        self.is_refused(&mut browser, "/duty/code", format!("code={}", escaped(PHONE))).await?;
        let code = told.strip_prefix("Mã đăng nhập ").context("a code")?.get(..8).context("eight digits")?;
        let answer = browser.ask("POST", "/duty/code", (FORM, format!("code={code}").as_bytes())).await?;
        ensure!(answer.starts_with("HTTP/1.1 303"), "not signed in: {answer}");
        let list = browser.ask("GET", "/duty", (FORM, b"")).await?;
        let path = path(case);
        ensure!(list.contains(&path), "the case is not on the list");
        self.pages.push(("the list of the duty page".to_owned(), list.into_bytes()));

        self.opens(&mut browser, &path).await?;
        self.sends_form(&mut browser, &path, "acknowledge", "").await?;
        self.reaches(case, BranchState::Assigned).await?;
        let done = self.does_badly(&mut browser, &path).await?;
        self.sends_form(&mut browser, &path, "record", &format!("{done}&note={}", escaped(&text("đã làm")))).await?;
        self.sends_form(&mut browser, &path, "start", "").await?;
        self.reaches(case, BranchState::InService).await?;
        let confirm = self.form(&mut browser, &path, "choice=1").await?;
        let once_more = browser.ask("POST", &format!("{path}/complete"), (FORM, confirm.as_bytes())).await?;
        ensure!(once_more.starts_with("HTTP/1.1 200"), "not shown once more: {once_more}");
        self.pages.push(("what is to be confirmed".to_owned(), once_more.into_bytes()));
        self.signs_badly()
    }

    /// Opens a branch: the form that is printed, with all that they may read.
    async fn opens(&self, browser: &mut Browser, path: &str) -> Result<String> {
        let shown = browser.ask("GET", path, (FORM, b"")).await?;
        let is_there = [NAME, ADDRESS, PHONE].iter().all(|word| shown.contains(word));
        ensure!(is_there && shown.contains("PHIẾU TIẾP NHẬN THÔNG TIN"), "not what is to be read: {shown}");
        Ok(shown)
    }

    /// The fields of a form as the page gives them, and some more.
    async fn form(&self, browser: &mut Browser, path: &str, more: &str) -> Result<String> {
        let shown = self.opens(browser, path).await?;
        let mut form = more.to_owned();
        for name in ["request_id", "etag", "seen"] {
            let value =
                shown.split(&format!("name=\"{name}\" value=\"")).nth(1).and_then(|rest| rest.split('"').next());
            form = format!("{form}&{name}={}", value.context(name)?);
        }
        Ok(form.trim_start_matches('&').to_owned())
    }

    /// Sends one, as long as the branch changes meanwhile.
    async fn sends_form(&mut self, browser: &mut Browser, path: &str, act: &str, more: &str) -> Result<()> {
        for _ in 0..LOOKS {
            let form = self.form(browser, path, more).await?;
            let answer = browser.ask("POST", &format!("{path}/{act}"), (FORM, form.as_bytes())).await?;
            if answer.starts_with("HTTP/1.1 303") {
                return Ok(());
            }
            ensure!(answer.starts_with("HTTP/1.1 409"), "{act}: {answer}");
        }
        bail!("{act} is always too early")
    }

    /// What is asked without being signed in.
    async fn is_turned_away(&mut self, browser: &mut Browser) -> Result<()> {
        let (name, phone) = (escaped(NAME), escaped(PHONE));
        // Answered like anybody; that a place of the form is filled in again is the answer to whoever wrote it there.
        browser.ask("GET", &format!("/duty/sign-in?unit={name}"), (FORM, b"")).await?;
        let asked =
            browser.ask("POST", "/duty/sign-in", (FORM, format!("unit={name}&person={phone}").as_bytes())).await?;
        self.pages.push(("an answer to nobody".to_owned(), asked.into_bytes()));
        for path in [format!("/duty/moh/{name}/{phone}"), format!("/{name}?{phone}")] {
            let answer = browser.ask("GET", &path, (FORM, b"")).await?;
            self.refused.push(("a page that is none".to_owned(), answer.into_bytes()));
        }
        self.is_refused(browser, "/duty/sign-in", format!("{name}={phone}")).await?;
        self.is_refused(browser, "/duty/sign-in", format!("unit=a&person={name}&person={phone}")).await?;
        self.is_refused(browser, "/duty/code", format!("code={name}")).await?;
        self.is_refused(browser, "/duty/code", format!("code={}", escaped(&text("dài").repeat(100)))).await
    }

    /// A form of somebody who is signed in that is not as the page sends it. Gives what one is that is.
    async fn does_badly(&mut self, browser: &mut Browser, path: &str) -> Result<String> {
        // Once by a clock that may be ahead.
        let time = Timestamp::now() + SignedDuration::from_hours(7) - SignedDuration::from_mins(1);
        let time = escaped(&time.strftime("%Y-%m-%d %H:%M").to_string());
        let graded = "harm=&access=&obstacles=&protection=&conclusion=";
        let done = format!("kind=6&time={time}&{graded}");
        let note = escaped(&text("ghi chú"));
        for bad in [
            format!("kind=6&time={}&{graded}&note={note}", escaped(&text("lúc"))),
            format!("kind={}&time={time}&{graded}&note={note}", escaped(&text("việc"))),
            format!("{done}&note={note}&{}={note}", escaped(NAME)),
            format!("{done}&note={}", escaped(&text("dài").repeat(10))),
            // A measure that nobody concludes.
            format!("kind=6&time={time}&harm=&access=&obstacles=&protection=&conclusion=1&note={note}"),
        ] {
            let form = self.form(browser, path, &bad).await?;
            self.is_refused(browser, &format!("{path}/record"), form).await?;
        }
        let stale =
            format!("{done}&note={note}&request_id={}&etag={}&seen=1", uuid::Uuid::now_v7(), escaped(&text("etag")));
        // Shown with the branch as it is now, which they may read.
        let answer = browser.ask("POST", &format!("{path}/record"), (FORM, stale.as_bytes())).await?;
        ensure!(!answer.starts_with("HTTP/1.1 303"), "a stale form was taken");
        for act in [format!("{path}/{}", escaped(NAME)), format!("/duty/{}/a/b/record", escaped(NAME))] {
            self.is_refused(browser, &act, format!("{done}&note={note}")).await?;
        }
        let answer = browser.ask("POST", &format!("{path}/record"), ("text/plain", text("thô").as_bytes())).await?;
        ensure!(answer.starts_with("HTTP/1.1 4"), "no form was taken: {answer}");
        self.refused.push(("no form".to_owned(), answer.into_bytes()));
        Ok(done)
    }

    async fn is_refused(&mut self, browser: &mut Browser, path: &str, form: String) -> Result<()> {
        let answer = browser.ask("POST", path, (FORM, form.as_bytes())).await?;
        ensure!(answer.starts_with("HTTP/1.1 4"), "{path} was not refused: {answer}");
        self.refused
            .push((format!("the duty page at {}", path.rsplit('/').next().unwrap_or_default()), answer.into_bytes()));
        Ok(())
    }

    /// Rosters that are none, with the words in them.
    fn signs_badly(&mut self) -> Result<()> {
        let (written, out) = (self.world.path("bad.toml"), self.world.path("bad.roster"));
        for bad in [
            roster("hanoi/00004", NAME, "desk")?,
            roster(NAME, PERSON, "desk")?,
            roster("hanoi/00004", PERSON, PHONE)?,
            format!("{} = 1", text("thừa")),
        ] {
            fs::write(&written, bad)?;
            let mut sign = program()?;
            sign.args(["duty", "sign"])
                .arg(&written)
                .arg("--out")
                .arg(&out)
                .arg("--home")
                .arg(self.world.path("hanoi"));
            let done = self.operates("duty sign", &mut sign)?;
            ensure!(!done.status.success(), "a roster that is none was signed");
        }
        Ok(())
    }

    /// Where the page listens, as its access point logs it.
    fn page_address(&mut self) -> Result<String> {
        let log = self.world.running("hanoi")?.log();
        let line = log.lines().rev().find(|line| line.contains("duty_page")).context("the address of the page")?;
        let said: Value = serde_json::from_str(line)?;
        let said = said.pointer("/duty_page").or_else(|| said.pointer("/fields/duty_page"));
        Ok(said.and_then(Value::as_str).with_context(|| line.to_owned())?.to_owned())
    }

    /// The text of the last notice of a kind in the file.
    async fn notice(&self, kind: &str) -> Result<String> {
        let notices = self.world.path("hanoi/notices.jsonl");
        wait::until_answered(kind, async || {
            let text = fs::read_to_string(&notices).ok()?;
            let mut told = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            Some(told.find(|notice| notice["type"] == kind)?["text"].as_str()?.to_owned())
        })
        .await
    }
}

/// The page of a branch.
fn path(case: &Case) -> String {
    let name = case.branch.trim_start_matches("parties/");
    format!("/duty/{}", name.replace("/referrals/", "/").replace("/branches/", "/"))
}

/// A text as a form and a path have it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
