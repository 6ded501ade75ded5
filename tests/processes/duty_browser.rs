//! The duty page in a real browser: somebody does the whole job with the keyboard alone, without scripts, and every
//! kind of page is looked at by axe, at 320 pixels, with text twice as large, and counted in bytes.
//!
//! The certificate is the one of the sandbox, which no browser trusts: the browser is told its key and nothing else.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nhipcau_messaging::pae;
use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    chromium::{Chromium, DOWN, ENTER, FOCUS, SPACE, TAB},
    wait::{self, LONG},
    world::World,
};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    duty_page::{address, code, with_a_page},
    referrals::Case,
};

/// Bytes of a page, with its head.
const BYTES: u64 = 50_000;
/// Of a target, in CSS pixels: WCAG 2.2, 2.5.8.
const TARGET: f64 = 24.0;

/// Everything that can have the focus, as the page has it.
const FOCUSABLE: &str = "[...document.querySelectorAll('a[href],button,select,textarea,input:not([type=hidden])')]
    .map(it => it.tagName + it.id + ((it.labels && it.labels.length ? it.labels[0] : it).innerText))";

/// Whether anything has to be scrolled sideways to be read.
const SIDEWAYS: &str = "document.documentElement.scrollWidth - innerWidth";

/// Width and height of what is seen of a page.
const SIZE: &str = "[innerWidth, innerHeight]";

/// Somebody at a browser.
struct Person {
    browser: Chromium,
    base: String,
    /// Kinds of pages that were looked at, with their bytes.
    seen: Vec<(&'static str, u64)>,
}

impl Person {
    async fn at(world: &mut World) -> Result<Self> {
        let key = KeyPair::from_pem(&std::fs::read_to_string(world.path("hanoi/tls/server.key"))?)?;
        let spki = STANDARD.encode(pae::sha256(&key.subject_public_key_info()));
        let port = address(world)?.rsplit(':').next().context("a port")?.to_owned();
        let browser = Chromium::start(&spki).await?;
        Ok(Self { browser, base: format!("https://localhost:{port}"), seen: Vec::new() })
    }

    /// Goes to something by the keyboard and presses Enter; then a text is there.
    async fn follow(&mut self, name: &str, text: &str) -> Result<()> {
        self.browser.reach(name).await?;
        self.browser.press(ENTER).await?;
        self.browser.shows(text).await
    }

    /// Goes to a field and chooses what stands so many places below what is chosen.
    async fn choose(&mut self, name: &str, places: usize) -> Result<()> {
        self.browser.reach(name).await?;
        for _ in 0..places {
            self.browser.press(DOWN).await?;
        }
        Ok(())
    }

    /// Asks for a code and gives it.
    async fn sign_in(&mut self, world: &World, number: usize) -> Result<()> {
        self.browser.open(&format!("{}/duty/sign-in", self.base), "đăng nhập").await?;
        self.browser.reach("Đơn vị").await?;
        self.browser.write("hanoi/00004").await?;
        self.browser.reach("Mã cán bộ").await?;
        self.browser.write("can-bo-17").await?;
        self.follow("Gửi mã cho tôi", "Nhập mã đăng nhập").await?;
        self.browser.reach("Mã 8 chữ số").await?;
        self.browser.write(&code(world, number).await?).await?;
        self.follow("Đăng nhập", "Chờ xác nhận:").await
    }

    /// Everything that is demanded of every page.
    async fn examine(&mut self, kind: &'static str) -> Result<()> {
        let loaded = self.browser.take_loaded();
        ensure!(loaded.len() == 1, "one answer is a page: {kind} has {loaded:?}");
        ensure!(loaded[0].bytes < BYTES, "{kind} has {} bytes", loaded[0].bytes);
        self.seen.push((kind, loaded[0].bytes));
        let language = self.browser.look("document.documentElement.lang").await?;
        ensure!(language == json!("vi"), "{kind} is in {language}");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/axe-core/axe.min.js");
        let found = self.browser.axe(&script).await?;
        ensure!(found.is_empty(), "{kind}: {found:#?}");
        self.reads_at(kind, 320, "100%").await?;
        self.reads_at(kind, 640, "200%").await?;
        self.walk(kind).await
    }

    /// That nothing is cut off or has to be scrolled sideways at a width, with text of a size.
    async fn reads_at(&mut self, kind: &str, width: u32, size: &str) -> Result<()> {
        let usual = self.browser.look(SIZE).await?;
        let screen = json!({ "width": width, "height": 640, "deviceScaleFactor": 1, "mobile": false });
        self.browser.call("Emulation.setDeviceMetricsOverride", screen).await?;
        self.is_sized(&json!([width, 640])).await?;
        let sized = |size: &str| format!("document.documentElement.style.fontSize = '{size}'");
        self.browser.look(&sized(size)).await?;
        let beyond = self.browser.look(SIDEWAYS).await?;
        ensure!(beyond.as_f64().is_some_and(|it| it <= 0.0), "{kind} at {width} and {size}: {beyond} beyond its edge");
        self.browser.look(&sized("")).await?;
        self.browser.call("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        self.is_sized(&usual).await
    }

    /// The page takes its size a moment after the browser has answered; what had the focus in sight may lose it then.
    async fn is_sized(&mut self, size: &Value) -> Result<()> {
        let awaited = format!("a page of {size}");
        let sized = async || self.browser.look(SIZE).await.ok().filter(|it| it == size).map(drop);
        wait::until_answered(&awaited, sized).await
    }

    /// Goes through the whole page with Tab: everything is reached, in its order, seen, and large enough.
    async fn walk(&mut self, kind: &str) -> Result<()> {
        let expected = self.browser.look(FOCUSABLE).await?;
        let expected: Vec<String> = serde_json::from_value(expected)?;
        let mut reached = Vec::new();
        // What comes behind the last one is the browser's own.
        for _ in 0..expected.len() {
            self.browser.press(TAB).await?;
            // The page is scrolled to it a moment after it has it.
            let awaited = format!("the focus in sight: {kind}, after {reached:?}");
            let focus = wait::until_answered(&awaited, async || {
                self.browser.look(FOCUS).await.ok().filter(|focus| focus["inside"] == json!(true))
            });
            let focus = focus.await?;
            let number = |name: &str| focus[name].as_f64().unwrap_or_default();
            ensure!(focus["visible"] == json!(true) && number("outline") >= 2.0, "{kind}: no focus is seen: {focus}");
            ensure!(number("width") >= TARGET && number("height") >= TARGET, "{kind}: too small: {focus}");
            let text = |name: &str| focus[name].as_str().unwrap_or_default();
            reached.push(format!("{}{}{}", text("tag"), text("id"), text("name")));
        }
        ensure!(reached == expected, "{kind}: Tab reaches {reached:?}, and the page has {expected:?}");
        Ok(())
    }

    /// How often a text stands on the page.
    async fn count(&mut self, text: &str) -> Result<usize> {
        Ok(self.browser.text().await?.matches(text).count())
    }

    /// What a printer gets.
    async fn prints(&mut self) -> Result<()> {
        self.browser.call("Emulation.setEmulatedMedia", json!({ "media": "print" })).await?;
        let paper = self.browser.text().await?;
        self.browser.call("Emulation.setEmulatedMedia", json!({ "media": "" })).await?;
        for there in ["PHIẾU TIẾP NHẬN", "Mẫu số 01, Nghị định 56/2017/NĐ-CP", "Cán bộ tiếp nhận (ký)"]
        {
            ensure!(paper.contains(there), "{there} is not on the paper: {paper}");
        }
        for absent in ["Xác nhận tiếp nhận\n", "Về danh sách"] {
            ensure!(!paper.contains(absent), "{absent} is on the paper: {paper}");
        }
        let printed = self.browser.call("Page.printToPDF", json!({})).await?;
        ensure!(printed["data"].as_str().is_some_and(|data| data.starts_with("JVBER")), "no PDF");
        Ok(())
    }

    /// How long a list takes over a second-generation network: 50 kbit/s, half a second for each answer.
    async fn over_2g(&mut self) -> Result<Duration> {
        let slow = json!({ "offline": false, "latency": 500, "downloadThroughput": 6_250, "uploadThroughput": 6_250 });
        self.browser.call("Network.emulateNetworkConditions", slow).await?;
        let begun = Instant::now();
        self.browser.open(&format!("{}/duty", self.base), "Chờ xác nhận:").await?;
        let took = begun.elapsed();
        let fast = json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.browser.call("Network.emulateNetworkConditions", fast).await?;
        self.browser.take_loaded();
        Ok(took)
    }

    /// Asks for the list, and says whether it was given or refused.
    async fn lists(&mut self) -> Result<bool> {
        self.browser.take_loaded();
        self.browser.call("Page.navigate", json!({ "url": format!("{}/duty", self.base) })).await?;
        wait::until_answered("the list or its refusal", async || {
            let text = self.browser.text().await.ok()?;
            let is_there = [text.contains("Đăng xuất"), text.contains("RATE_EXCEEDED")];
            is_there.contains(&true).then_some(is_there[0])
        })
        .await
    }
}

/// Signing in, with what goes wrong on the way.
async fn is_let_in(person: &mut Person, world: &World) -> Result<()> {
    let base = person.base.clone();
    person.browser.open(&format!("{base}/duty"), "Trang trực: đăng nhập").await?;
    person.examine("sign-in").await?;
    person.browser.reach("Đơn vị").await?;
    person.browser.write("hanoi/00004").await?;
    person.browser.reach("Mã cán bộ").await?;
    person.browser.write("can-bo-17").await?;
    person.follow("Gửi mã cho tôi", "Nhập mã đăng nhập").await?;
    person.examine("code").await?;
    let code = code(world, 0).await?;
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    person.browser.reach("Mã 8 chữ số").await?;
    person.browser.write(wrong).await?;
    person.follow("Đăng nhập", "không còn hiệu lực").await?;
    person.examine("code refused").await?;
    person.browser.reach("Mã 8 chữ số").await?;
    person.browser.write(&code).await?;
    person.browser.press(ENTER).await?;
    person.browser.shows("Chờ xác nhận: 1").await?;
    person.examine("list").await
}

/// A case from the list to its outcome; Enter is pressed twice, and what was sent is sent again after going back.
async fn is_served(person: &mut Person, case: &Case, world: &World) -> Result<()> {
    person.follow("Chuyển giao từ", "Việc cần làm").await?;
    person.examine("branch").await?;
    ensure!(person.count("Họ và tên").await? > 0, "the content is shown: {}", person.browser.text().await?);
    person.prints().await?;
    person.browser.reach("Xác nhận tiếp nhận").await?;
    person.browser.press(ENTER).await?;
    person.browser.press(ENTER).await?;
    case.is(world, BranchState::Assigned).await?;
    person.browser.open(&person.base.clone(), "Đang xử lý: 1").await?;
    person.follow("Chuyển giao từ", "Bắt đầu can thiệp").await?;
    let acknowledged = "Cán bộ xác nhận tiếp nhận";
    ensure!(person.count(acknowledged).await? == 1, "once: {}", person.browser.text().await?);
    person.browser.reach("Bắt đầu can thiệp").await?;
    person.browser.press(SPACE).await?;
    person.browser.shows("Đang can thiệp").await?;
    // Whatever the browser kept of the page before: its form is the same request.
    person.browser.back().await?;
    person.browser.shows("Diễn biến").await?;
    if person.count("Đơn vị đã bắt đầu làm.").await? > 0 {
        person.follow("Bắt đầu can thiệp", "Đang can thiệp").await?;
    }
    person.browser.open(&person.base.clone(), "Đang xử lý: 1").await?;
    person.follow("Chuyển giao từ", "Báo kết quả").await?;
    ensure!(person.count(": Bắt đầu can thiệp").await? == 1, "once: {}", person.browser.text().await?);
    person.choose("Kết quả", 1).await?;
    person.browser.take_loaded();
    person.follow("Báo kết quả", "xem lại trước khi gửi").await?;
    person.examine("confirmation").await?;
    person.browser.take_loaded();
    person.browser.reach("Báo kết quả").await?;
    person.browser.press(ENTER).await?;
    person.browser.press(ENTER).await?;
    person.browser.shows("Đã báo kết quả").await?;
    case.is(world, BranchState::Completed).await
}

/// A colleague was faster; and whoever is not signed in any more, or asks for what is not there, is told so.
async fn is_refused(person: &mut Person, case: &Case, world: &World) -> Result<()> {
    let base = person.base.clone();
    person.browser.open(&base, "Chờ xác nhận: 1").await?;
    person.follow("Chuyển giao từ", "Việc cần làm").await?;
    case.act(world, "hanoi", &["acknowledge"])?;
    person.browser.take_loaded();
    person.follow("Xác nhận tiếp nhận", "Việc vừa bấm chưa được thực hiện").await?;
    person.examine("changed meanwhile").await?;
    case.is(world, BranchState::Assigned).await?;
    person.browser.open(&base, "Đang xử lý: 1").await?;
    person.follow("Chuyển giao từ", "Đề nghị trả lại hồ sơ").await?;
    person.choose("Lý do trả lại", 2).await?;
    person.follow("Đề nghị trả lại hồ sơ", "xem lại trước khi gửi").await?;
    person.follow("Đề nghị trả lại hồ sơ", "Đã đề nghị trả lại").await?;
    ensure!(person.count("Lý do trả lại").await? == 0, "asked for once: {}", person.browser.text().await?);
    let taken =
        wait::until_answered("the origin to take it back", async || case.act(world, "moh", &["take-hand-back"]).ok());
    taken.await?;
    case.is(world, BranchState::Revoked).await?;
    person.browser.take_loaded();
    person.browser.open(&format!("{base}/duty/nowhere"), "ACCESS_DENIED").await?;
    person.examine("refused").await
}

/// What another unit shall do is advised away; the end of a session is met in the middle of it.
async fn is_redirected(person: &mut Person, case: &Case, world: &World) -> Result<()> {
    let base = person.base.clone();
    person.browser.open(&base, "Chờ xác nhận: 1").await?;
    person.follow("Chuyển giao từ", "Việc cần làm").await?;
    person.browser.call("Network.clearBrowserCookies", json!({})).await?;
    person.browser.take_loaded();
    person.follow("Xác nhận tiếp nhận", "phiên đăng nhập đã hết").await?;
    person.examine("session ended").await?;
    person.sign_in(world, 1).await?;
    person.follow("Chuyển giao từ", "Việc cần làm").await?;
    person.choose("Lý do chuyển hướng", 1).await?;
    person.follow("Chuyển hướng", "xem lại trước khi gửi").await?;
    person.browser.reach("Chuyển hướng").await?;
    person.browser.press(ENTER).await?;
    person.browser.press(ENTER).await?;
    person.browser.shows("Đã chuyển hướng").await?;
    case.is(world, BranchState::Redirected).await?;
    person.browser.open(&base, "Chờ xác nhận: 0").await
}

/// Too much is asked for; a little later it goes on, and signing out ends it.
async fn leaves(person: &mut Person) -> Result<()> {
    let deadline = Instant::now() + LONG;
    while person.lists().await? {
        ensure!(Instant::now() < deadline, "a session may ask without end");
    }
    person.examine("too often").await?;
    while !person.lists().await? {
        ensure!(Instant::now() < deadline, "a session may never ask again");
        sleep(Duration::from_millis(200)).await;
    }
    person.follow("Đăng xuất", "Trang trực: đăng nhập").await?;
    person.browser.open(&format!("{}/duty", person.base), "Trang trực: đăng nhập").await
}

/// For whoever runs it with `--nocapture`: nothing is made to hang on how fast a machine is.
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn record(took: Duration, pages: &[(&str, u64)]) {
    println!("over 50 kbit/s and 500 ms the list took {took:?}; bytes of pages: {pages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_job_is_done_with_the_keyboard_alone_and_no_page_breaks_wcag_22_aa() {
    let mut world = with_a_page().await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    let mut person = Person::at(&mut world).await.unwrap();
    is_let_in(&mut person, &world).await.unwrap();
    let took = person.over_2g().await.unwrap();
    is_served(&mut person, &case, &world).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    is_refused(&mut person, &case, &world).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    is_redirected(&mut person, &case, &world).await.unwrap();
    leaves(&mut person).await.unwrap();
    record(took, &person.seen);
    assert_eq!(person.seen.len(), 10, "{:?}", person.seen);
}
