//! `self-update` from end to end: a manifest that the server's program made, signed and serves, and the probe's own reader.
//! Whatever is wrong with it, nothing changes, and the suite that is built in goes on.

use data::Catalog;
use data::update::MANIFEST;
use house::site::Site;
use probe::client::update::{self, Known, Manifest, UpdateError};
use probe::http::Url;
use probe::suites;

use super::*;

const PROGRAM: &[u8] = b"#!/bin/sh\necho newer\n";
const TODAY: &str = "2026-11-22";

/// Somebody who publishes, with two keys.
struct Publisher {
    folder: TempDir,
    keys: [String; 2],
}

impl Publisher {
    fn new() -> Result<Publisher> {
        let folder = tempfile::tempdir()?;
        let key = |name: &str| -> Result<String> {
            let file = folder.path().join(name);
            Ok(told(&["key", text(&file)])?.trim().to_owned())
        };
        let keys = [key("first")?, key("second")?];
        std::fs::write(folder.path().join("program"), PROGRAM)?;
        Ok(Publisher { folder, keys })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a manifest and signs it with one of the keys.
    fn publish(&self, serial: u32, key: &str) -> Result<()> {
        let (dir, program) = (self.at("published"), self.at("program"));
        let program = format!("{}={}", update::target(), text(&program));
        let serial = serial.to_string();
        let wanted = ["--expires", "2999-12-31", "--version", "9.9.9", "--program", &program];
        told(&[&["make", text(&dir), "--serial", &serial, "--suite", "suite-v1"], &wanted[..]].concat())?;
        told(&["sign", text(&dir), "--key", text(&self.at(key))])?;
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.at("published").join(name)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}

/// What the server's program says to `manifest …`.
fn told(arguments: &[&str]) -> Result<String> {
    let output = Command::new(site::program("llm-speed-server")?).arg("manifest").args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", utf8(&output.stderr));
    Ok(utf8(&output.stdout))
}

/// A probe that knows the publisher's keys.
struct Reader<'a> {
    server: Url,
    publisher: &'a Publisher,
    home: TempDir,
}

impl Reader<'_> {
    fn asks(&self, today: &str) -> Result<Manifest, UpdateError> {
        let keys = [self.publisher.keys[0].as_str(), self.publisher.keys[1].as_str()];
        update::manifest(&self.server, &Known { keys: &keys, folder: self.home.path(), today })
    }

    /// What a probe has whatever is published.
    fn goes_on(&self) {
        let built_in = Catalog::embedded().suites().iter().find(|suite| suite.id == "suite-v1");
        assert_eq!(suites::find(self.home.path(), "suite-v1").as_ref(), built_in);
        assert_eq!(std::fs::read(self.home.path().join("probe")).unwrap_or_default(), b"old");
    }
}

#[test]
fn a_published_update_is_believed_and_a_wrong_one_changes_nothing() -> Result<()> {
    let publisher = Publisher::new()?;
    publisher.publish(7, "first")?;
    let dir = publisher.at("published");
    let server = Site::without_wasm_but(&["--update-dir", text(&dir)])?;
    let reader =
        Reader { server: Url::parse(&server.origin)?, publisher: &publisher, home: tempfile::tempdir()? };
    let program = reader.home.path().join("probe");
    std::fs::write(&program, "old")?;

    // As it should be; either key will do.
    let manifest = reader.asks(TODAY)?;
    assert_eq!((manifest.serial, manifest.version.as_str()), (7, "9.9.9"));
    publisher.publish(8, "second")?;
    let manifest = reader.asks(TODAY)?;
    update::install(&reader.server, &manifest, &program)?;
    assert_eq!(std::fs::read(&program)?, PROGRAM);
    assert_eq!(update::keep_suites(&reader.server, &manifest, reader.home.path())?, Vec::<String>::new());
    std::fs::write(&program, "old")?;

    // Rolled back: a manifest that was good once, with its good signature.
    let (newest, signature) =
        (std::fs::read(publisher.file(MANIFEST))?, std::fs::read(publisher.file(SIGNATURE))?);
    for name in [MANIFEST, SIGNATURE] {
        std::fs::remove_file(publisher.file(name))?;
    }
    publisher.publish(6, "first")?;
    let refused = reader.asks(TODAY);
    assert!(matches!(refused, Err(UpdateError::Rollback { offered: 6, seen: 8 })), "{refused:?}");
    reader.goes_on();
    let put = |manifest: &[u8], signature: &[u8]| -> Result<()> {
        std::fs::write(publisher.file(MANIFEST), manifest)?;
        Ok(std::fs::write(publisher.file(SIGNATURE), signature)?)
    };

    // Stale: past its day.
    put(&newest, &signature)?;
    assert!(matches!(reader.asks("3000-01-01"), Err(UpdateError::Stale(day)) if day == "2999-12-31"));
    reader.goes_on();

    // Cut short, the manifest or its signature; changed; not there.
    put(&newest[..newest.len() / 2], &signature)?;
    assert!(matches!(reader.asks(TODAY), Err(UpdateError::Signature)));
    put(&newest, &signature[..signature.len() / 2])?;
    assert!(matches!(reader.asks(TODAY), Err(UpdateError::Signature)));
    let changed = utf8(&newest).replace("9.9.9", "9.9.8");
    put(changed.as_bytes(), &signature)?;
    assert!(matches!(reader.asks(TODAY), Err(UpdateError::Signature)));
    std::fs::remove_file(publisher.file(SIGNATURE))?;
    assert!(matches!(reader.asks(TODAY), Err(UpdateError::Client(_))));
    reader.goes_on();

    // Signed by somebody else, with everything else in order.
    let stranger = Publisher::new()?;
    stranger.publish(9, "first")?;
    put(&std::fs::read(stranger.file(MANIFEST))?, &std::fs::read(stranger.file(SIGNATURE))?)?;
    assert!(matches!(reader.asks(TODAY), Err(UpdateError::Signature)));
    reader.goes_on();

    // The manifest is right and the file is another.
    put(&newest, &signature)?;
    let manifest = reader.asks(TODAY)?;
    std::fs::write(publisher.file(&manifest.programs[0].path), "#!/bin/sh\necho forged\n")?;
    assert!(matches!(update::install(&reader.server, &manifest, &program), Err(UpdateError::Archive)));
    std::fs::write(publisher.file(&manifest.suites[0].path), "{}")?;
    let suite = update::keep_suites(&reader.server, &manifest, reader.home.path());
    assert!(matches!(suite, Err(UpdateError::Archive)), "{suite:?}");
    reader.goes_on();

    // Nothing but what the manifest names is served.
    std::fs::write(publisher.file("secret"), "no")?;
    for path in ["secret", "../first", "%2e%2e/first", "programs", ""] {
        let answer = house::local_http().get(server.at(&format!("/update/{path}"))).call()?;
        assert_eq!(answer.status(), 404, "{path}");
    }
    Ok(())
}

/// The name of the signature.
const SIGNATURE: &str = "manifest.json.minisig";

#[test]
fn the_maker_of_manifests_says_what_is_wrong() -> Result<()> {
    let publisher = Publisher::new()?;
    publisher.publish(3, "first")?;
    let dir = publisher.at("published");
    let check = |key: &str| told(&["check", text(&dir), "--key", key]);
    assert!(check(&publisher.keys[0])?.starts_with("number 3, good until 2999-12-31, 2 files"));
    assert!(check(&publisher.keys[1]).is_err(), "the other key did not sign");
    let refused = |arguments: &[&str], part: &str| {
        let said = told(arguments).expect_err("it is refused").to_string();
        assert!(said.contains(part), "{part}: {said}");
    };
    let make = ["make", text(&dir), "--suite", "suite-v1", "--expires"];
    refused(&[&make[..], &["2999-12-31", "--serial", "3"]].concat(), "number 3");
    refused(&[&make[..], &["2020-01-01"]].concat(), "is over");
    refused(&[&make[..], &["soon"]].concat(), "is no day");
    refused(&["make", text(&dir), "--expires", "2999-12-31", "--suite", "suite-v9"], "suite-v1");
    refused(&["make", text(&dir), "--expires", "2999-12-31"], "nothing");
    refused(&["key", text(&publisher.at("first"))], "already");
    refused(&["sign", text(&dir), "--key", text(&publisher.at("program"))], "no secret key");
    std::fs::write(publisher.file("suites/suite-v1.json"), "{}")?;
    assert!(check(&publisher.keys[0]).is_err(), "another file than was signed for");
    Ok(())
}
