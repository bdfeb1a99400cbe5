//! A browser for tests: chromium, driven through chromedriver in the WebDriver protocol.
//!
//! Only what the journeys use. <https://www.w3.org/TR/webdriver2/>

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page may take to come to what a test waits for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pictures of long pages are large.
const MAX_ANSWER_BYTES: u64 = 100_000_000;

/// Nothing from yesterday's profile, no traffic of its own, no window.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
];

/// One browser with a profile of its own; closed when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    http: ureq::Agent,
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port, and chromium under it.
    pub fn open() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver did not start; `apt-get install chromium chromium-driver`")?;
        let stdout = driver.stdout.take().context("chromedriver has no output")?;
        // From here on a failure must not leave the driver behind: `Drop` ends it.
        let mut browser =
            Self { driver, session: String::new(), http: crate::local_http(), _profile: profile };
        let port = port_in(stdout)?;
        let mut args: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        args.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 120_000, "pageLoad": 60_000},
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let session = browser.call(&base, Some(&wanted))?;
        let id = session["sessionId"].as_str().context("chromedriver opened no session")?;
        browser.session = format!("{base}/{id}");
        Ok(browser)
    }

    /// Opens a page and waits until it is loaded.
    pub fn go(&self, url: &str) -> Result<()> {
        self.post("url", &json!({"url": url})).map(drop)
    }

    /// From here on into the frame that this body of a function returns, until [`Browser::out_of_frames`].
    pub fn into_frame(&self, body: &str) -> Result<()> {
        let element = self.run(body, &json!([]))?;
        self.post("frame", &json!({"id": element})).map(drop)
    }

    /// Back to the page that holds the frames.
    pub fn out_of_frames(&self) -> Result<()> {
        self.post("frame", &json!({"id": null})).map(drop)
    }

    /// The browser's back button.
    pub fn back(&self) -> Result<()> {
        self.post("back", &json!({})).map(drop)
    }

    /// What the address bar says.
    pub fn url(&self) -> Result<String> {
        let url = self.call(&format!("{}/url", self.session), None)?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    /// Runs the body of a function in the page; `arguments` holds `args`. A promise is waited for.
    pub fn run(&self, body: &str, args: &Value) -> Result<Value> {
        self.post("execute/sync", &json!({"script": body, "args": args}))
    }

    /// The text of the first element that the selector finds.
    pub fn text(&self, css: &str) -> Result<String> {
        let text =
            self.run("return document.querySelector(arguments[0])?.innerText ?? null", &json!([css]))?;
        text.as_str().map(str::to_owned).with_context(|| format!("there is no {css}"))
    }

    /// Waits until a JavaScript expression is true, and returns its value.
    pub fn wait(&self, expression: &str) -> Result<Value> {
        self.wait_for(expression, PATIENCE)
    }

    fn wait_for(&self, expression: &str, patience: Duration) -> Result<Value> {
        let started = Instant::now();
        loop {
            let value = self.run(&format!("return ({expression})"), &json!([]))?;
            let is_true = match &value {
                Value::Null | Value::Bool(false) => false,
                Value::String(text) => !text.is_empty(),
                Value::Number(number) => number.as_f64() != Some(0.0),
                _ => true,
            };
            if is_true {
                return Ok(value);
            }
            if started.elapsed() > patience {
                let page = self.text("body").unwrap_or_default();
                bail!(
                    "waited {patience:?} in vain for `{expression}` on {}; the page says: {page:.600}",
                    self.url()?
                );
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Types keys into an element, as a person does; into a file field, the paths of files.
    pub fn keys(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css)?;
        self.post(&format!("element/{element}/value"), &json!({"text": text})).map(drop)
    }

    /// Clicks an element.
    pub fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css)?;
        self.post(&format!("element/{element}/click"), &json!({})).map(drop)
    }

    /// Presses keys one after the other, whatever has the focus.
    pub fn press(&self, keys: &str) -> Result<()> {
        let down_and_up = |key: char| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let presses: Vec<Value> = keys.chars().flat_map(down_and_up).collect();
        self.act(&json!({"type": "key", "id": "keyboard", "actions": presses}))
    }

    /// Moves the pointer onto the middle of an element.
    pub fn hover(&self, css: &str) -> Result<()> {
        self.run("document.querySelector(arguments[0])?.scrollIntoView({block: 'center'})", &json!([css]))?;
        let element = json!({"element-6066-11e4-a52e-4f735466cecf": self.find(css)?});
        let onto = json!({"type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": element});
        self.act(&json!({"type": "pointer", "id": "mouse", "actions": [onto]}))
    }

    fn act(&self, device: &Value) -> Result<()> {
        self.post("actions", &json!({"actions": [device]})).map(drop)
    }

    /// Chooses an option of a `<select>` by its value.
    pub fn choose(&self, css: &str, value: &str) -> Result<()> {
        // A list that the page has just moved can be missed by the pointer: the click counts once the list says so.
        let chosen = format!("document.querySelector(\"{css}\").value === '{value}'");
        for _ in 0..3 {
            self.click(&format!("{css} option[value='{value}']"))?;
            if self.wait_for(&chosen, Duration::from_secs(3)).is_ok() {
                return Ok(());
            }
        }
        self.wait(&chosen).map(drop)
    }

    /// A command of the DevTools protocol, for what WebDriver has no word for.
    pub fn devtools(&self, command: &str, params: &Value) -> Result<Value> {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    /// Turns the page's own scripts off, or on again, from the next load on. Ours in [`Browser::run`] still run.
    pub fn javascript(&self, on: bool) -> Result<()> {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": !on})).map(drop)
    }

    /// Asks pages for their dark or light form.
    pub fn dark(&self, dark: bool) -> Result<()> {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &features).map(drop)
    }

    /// Makes the window this wide and high, in CSS pixels.
    pub fn size(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics).map(drop)
    }

    /// A PNG of the whole page, not only of the window.
    pub fn picture(&self) -> Result<Vec<u8>> {
        let shot = self.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}))?;
        let data = shot["data"].as_str().context("the browser sent no picture")?;
        Ok(BASE64_STANDARD.decode(data)?)
    }

    /// What the console said at level `SEVERE` since the last call: errors, refused loads, broken content policy.
    pub fn errors(&self) -> Result<Vec<String>> {
        let log = self.post("se/log", &json!({"type": "browser"}))?;
        let entries = log.as_array().context("the browser's log is not a list")?;
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    fn find(&self, css: &str) -> Result<String> {
        let found = self.post("element", &json!({"using": "css selector", "value": css}))?;
        let id = found.as_object().and_then(|object| object.values().next()).and_then(Value::as_str);
        id.map(str::to_owned).with_context(|| format!("there is no {css}"))
    }

    fn post(&self, command: &str, body: &Value) -> Result<Value> {
        self.call(&format!("{}/{command}", self.session), Some(body))
    }

    /// One command, a POST where it has a body; an error in the answer is an error here, with chromedriver's sentence.
    fn call(&self, url: &str, body: Option<&Value>) -> Result<Value> {
        let mut answer = match body {
            Some(body) => self.http.post(url).send_json(body)?,
            None => self.http.get(url).call()?,
        };
        let mut answer: Value = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_json()?;
        let value = answer["value"].take();
        if let Some(error) = value["error"].as_str() {
            bail!("{error}: {}", value["message"].as_str().unwrap_or_default());
        }
        Ok(value)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Deleting the session closes chromium; ending only the driver would leave it running.
        if !self.session.is_empty() {
            let _ = self.http.delete(&self.session).call();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port in chromedriver's first lines. The rest of its output is read and dropped, so that it never blocks.
fn port_in(stdout: std::process::ChildStdout) -> Result<u16> {
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim().trim_end_matches('.').parse()?;
            std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
            return Ok(port);
        }
        line.clear();
    }
    bail!("chromedriver ended before it listened")
}
