//! A real browser without a window, driven as a person without a mouse drives it: keys, typing, and looking.
//!
//! Chromium speaks its DevTools protocol over two pipes, so that no driver has to be installed beside it. Nothing here
//! clicks. Scripts of pages do not run; what looks at a page runs in a world of its own, which no policy of the page
//! knows of. Which certificate it takes is named by its key, and no other error is passed over.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use crate::wait::PATIENCE;

/// Names that distributions give it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What axe checks: the rules of WCAG 2.2, levels A and AA.
const RULES: &str = r#"["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"]"#;

/// A key, as the protocol calls it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    name: &'static str,
    code: u32,
    text: &'static str,
}

/// To what comes next.
pub const TAB: Key = Key { name: "Tab", code: 9, text: "" };
/// Sends or follows.
pub const ENTER: Key = Key { name: "Enter", code: 13, text: "\r" };
/// Presses a button.
pub const SPACE: Key = Key { name: " ", code: 32, text: " " };
/// To the next choice.
pub const DOWN: Key = Key { name: "ArrowDown", code: 40, text: "" };

/// A browser with one page.
#[derive(Debug)]
pub struct Chromium {
    _process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    sent: u64,
    session: Option<String>,
    frame: String,
    /// Ends of answers since they were taken: address and bytes with their heads.
    loaded: Vec<Loaded>,
    requested: Vec<(String, String)>,
    _profile: TempDir,
}

/// An answer as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// From where.
    pub url: String,
    /// How much, with its head.
    pub bytes: u64,
}

impl Chromium {
    /// Starts one that takes certificates of this key: the base64 of the SHA-256 of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When there is none, with the command that brings it; or when it does not answer.
    pub async fn start(spki: &str) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // Its pipes are the third and fourth; what it says elsewhere is nobody's.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh", binary()?]);
        command.args(["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]);
        // Its own sandbox does not start for root or in containers; it opens nothing here but the page under test.
        command.arg("--no-sandbox");
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg(format!("--ignore-certificate-errors-spki-list={spki}")).arg("about:blank");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let input = process.stdin.take().context("its input")?;
        let output = BufReader::new(process.stdout.take().context("its output")?);
        let (loaded, requested) = (Vec::new(), Vec::new());
        let (sent, session, frame) = (0, None, String::new());
        let mut browser =
            Self { _process: process, input, output, sent, session, frame, loaded, requested, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": at(&target, "/targetId"), "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await?;
        browser.session = at(&attached, "/sessionId").as_str().map(str::to_owned);
        for domain in ["Page.enable", "Network.enable", "Runtime.enable"] {
            browser.call(domain, json!({})).await?;
        }
        browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
        let tree = browser.call("Page.getFrameTree", json!({})).await?;
        browser.frame = at(&tree, "/frameTree/frame/id").as_str().context("its frame")?.to_owned();
        Ok(browser)
    }

    /// Asks the browser itself for something.
    ///
    /// # Errors
    /// When it refuses or does not answer.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.sent += 1;
        let id = self.sent;
        let message = match &self.session {
            Some(session) => json!({ "id": id, "method": method, "params": params, "sessionId": session }),
            None => json!({ "id": id, "method": method, "params": params }),
        };
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.input.write_all(&bytes).await?;
        loop {
            let mut told = Vec::new();
            let read = timeout(PATIENCE, self.output.read_until(0, &mut told)).await;
            ensure!(read.with_context(|| format!("{method} was not answered"))?? > 0, "the browser has ended");
            told.pop();
            let told: Value = serde_json::from_slice(&told)?;
            if at(&told, "/id").as_u64() == Some(id) {
                let error = at(&told, "/error");
                ensure!(error.is_null(), "{method}: {error}");
                return Ok(at(&told, "/result").clone());
            }
            self.note(&told);
        }
    }

    fn note(&mut self, event: &Value) {
        let text = |pointer: &str| at(event, pointer).as_str().unwrap_or_default().to_owned();
        match at(event, "/method").as_str() {
            Some("Network.requestWillBeSent") => {
                self.requested.push((text("/params/requestId"), text("/params/request/url")));
            }
            Some("Network.loadingFinished") => {
                let id = text("/params/requestId");
                let url = self.requested.iter().rev().find(|(request, _)| *request == id).map(|(_, url)| url.clone());
                // What is not said is too much.
                let bytes = at(event, "/params/encodedDataLength").as_u64().unwrap_or(u64::MAX);
                self.loaded.extend(url.filter(|url| url.starts_with("https:")).map(|url| Loaded { url, bytes }));
            }
            _ => {}
        }
    }

    /// What came since this was asked last.
    pub fn take_loaded(&mut self) -> Vec<Loaded> {
        std::mem::take(&mut self.loaded)
    }

    /// Opens an address as somebody does who types it, and waits until this text is there.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn open(&mut self, url: &str, text: &str) -> Result<()> {
        self.call("Page.navigate", json!({ "url": url })).await?;
        self.shows(text).await
    }

    /// Goes back, as the browser's own key does.
    ///
    /// # Errors
    /// When there is nothing to go back to.
    pub async fn back(&mut self) -> Result<()> {
        let history = self.call("Page.getNavigationHistory", json!({})).await?;
        let now = at(&history, "/currentIndex").as_u64();
        let before = now.and_then(|now| now.checked_sub(1)).context("nothing before")?;
        let entry = at(&history, &format!("/entries/{before}/id"));
        self.call("Page.navigateToHistoryEntry", json!({ "entryId": entry })).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let history = self.call("Page.getNavigationHistory", json!({})).await?;
            if at(&history, "/currentIndex").as_u64() == Some(before) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "there is no way back");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses a key.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn press(&mut self, key: Key) -> Result<()> {
        let Key { name, code, text } = key;
        let event = |kind: &str| {
            json!({
                "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text
            })
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        self.call("Input.dispatchKeyEvent", event(down)).await?;
        self.call("Input.dispatchKeyEvent", event("keyUp")).await.map(drop)
    }

    /// Types a text.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn write(&mut self, text: &str) -> Result<()> {
        for sign in text.chars() {
            self.call("Input.dispatchKeyEvent", json!({ "type": "char", "text": sign.to_string() })).await?;
        }
        Ok(())
    }

    /// Presses Tab until this stands where the focus is: the text of a link or button, the label of a field.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reach(&mut self, name: &str) -> Result<()> {
        let mut passed = Vec::new();
        for _ in 0..60 {
            self.press(TAB).await?;
            let focus = self.look(FOCUS).await?;
            let reached = at(&focus, "/name");
            if reached.as_str().is_some_and(|it| it.contains(name)) {
                return Ok(());
            }
            passed.push(reached.clone());
        }
        bail!("no way to {name:?} by the keyboard, but to {passed:?}")
    }

    /// What an expression says of the page. Looks only.
    ///
    /// # Errors
    /// When the page goes away meanwhile, or the expression fails.
    pub async fn look(&mut self, expression: &str) -> Result<Value> {
        let world = self.world().await?;
        self.evaluate(world, expression).await
    }

    async fn world(&mut self) -> Result<Value> {
        let named = json!({ "frameId": self.frame, "worldName": "test" });
        Ok(at(&self.call("Page.createIsolatedWorld", named).await?, "/executionContextId").clone())
    }

    async fn evaluate(&mut self, world: Value, expression: &str) -> Result<Value> {
        let asked = json!({
            "expression": expression, "contextId": world, "returnByValue": true, "awaitPromise": true
        });
        let told = self.call("Runtime.evaluate", asked).await?;
        let failed = at(&told, "/exceptionDetails");
        ensure!(failed.is_null(), "{failed}");
        Ok(at(&told, "/result/value").clone())
    }

    /// What can be read on the page.
    ///
    /// # Errors
    /// When the page goes away meanwhile.
    pub async fn text(&mut self) -> Result<String> {
        let text = self.look("document.readyState === 'complete' ? document.body.innerText : ''").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a text can be read.
    ///
    /// # Errors
    /// When it does not come; the message says what is there instead.
    pub async fn shows(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A page that goes away while it is looked at is looked at again.
            let shown = self.text().await.unwrap_or_default();
            if shown.contains(text) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "waited in vain for {text:?}; there is {shown:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What axe has against the page, each with the place; and what it could not decide. Its script runs in a world of
    /// its own, with scripts allowed for as long as it runs.
    ///
    /// # Errors
    /// When axe-core is not there, with the command that brings it, or fails.
    pub async fn axe(&mut self, script: &Path) -> Result<Vec<String>> {
        let axe = std::fs::read_to_string(script)
            .with_context(|| format!("{} is missing: run 'make setup'", script.display()))?;
        let world = self.world().await?;
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await?;
        self.evaluate(world.clone(), &format!("{axe};0")).await?;
        let run = format!(
            "axe.run(document, {{runOnly: {RULES}}}).then(found => [...found.violations, ...found.incomplete]
             .map(it => it.id + ': ' + it.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | ')))"
        );
        let found = self.evaluate(world, &run).await?;
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
        let found = found.as_array().context("what axe found")?;
        Ok(found.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect())
    }
}

/// What has the focus: how it is called, how it shows that, and how large it is.
pub const FOCUS: &str = "(() => {
    const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
    const name = it === document.body ? '' : (it.labels && it.labels.length ? it.labels[0] : it).innerText;
    return { name, id: it.id, tag: it.tagName, visible: it.matches(':focus-visible'),
        outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
        width: box.width, height: box.height,
        inside: Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) >= Math.min(box.height, 24)
            && box.left > -1 && box.right < innerWidth + 1 };
})()";

/// What stands under a pointer; null when nothing does.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NULL)
}

/// The browser of this machine.
fn binary() -> Result<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    NAMES.into_iter().find(is_there).context("Chromium is missing: apt-get install chromium")
}
