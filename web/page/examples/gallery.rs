//! Every page with made-up figures, as files to look at: `cargo run -p llm-speed-page --example gallery -- FOLDER`.

#[path = "../tests/sample/mod.rs"]
mod sample;
#[path = "../tests/sample/site.rs"]
mod site;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).ok_or("say which folder")?);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("style.css"), page::stylesheet())?;
    for (name, html) in site::pages() {
        std::fs::write(folder.join(format!("{name}.html")), html)?;
    }
    Ok(())
}
