//! Pages as the server would send them, as files to look at: `cargo run -p llm-speed-page --example pages -- FOLDER`.

use data::Engine;
use page::measured::MeasuredView;
use page::messages::EN;
use page::{ErrorView, Query, Site, gather};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).ok_or("say which folder")?);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("style.css"), page::stylesheet())?;
    let engine = Engine::embedded();
    let site = Site {
        origin: "https://llm-speed.example".into(),
        style: "style.css".into(),
        loader: String::new(),
        contribute: String::new(),
        dispute: String::new(),
        choices: gather::choices(engine.catalog),
    };

    for (name, address) in [
        ("start", ""),
        ("home", "hardware=RTX+3090&context=32k"),
        ("home-apple", "hardware=m4-max-40-core&context=16k&runtime=mlx&group=family"),
        ("home-cpu", "hardware=i7-13700K&host_ram_gib=64"),
        ("home-wrong", "hardware=RTX+3099&context=4x"),
    ] {
        let query = Query::parse(address);
        let html = page::home_page(&gather::home(&engine, &query), &query, &EN, &site)?;
        std::fs::write(folder.join(format!("{name}.html")), html)?;
    }
    for (name, id, address) in [
        ("model", "qwen3-30b-a3b", "hardware=RTX+3090&context=32k"),
        ("model-bare", "llama-3.1-8b", ""),
        ("model-huge", "deepseek-v3", "hardware=Strix+Halo"),
    ] {
        let query = Query::parse(address);
        let view = gather::model(&engine, id, &query).ok_or(format!("no model {id}"))?;
        std::fs::write(
            folder.join(format!("{name}.html")),
            page::model_page(&view, &MeasuredView::default(), &query, &EN, &site)?,
        )?;
    }
    let row = engine.catalog.device("RTX 4090").map_err(|e| e.to_string())?;
    let view = gather::device(&engine, &row.id, &Query::default()).ok_or("no such device")?;
    std::fs::write(
        folder.join("device.html"),
        page::device_page(&view, &MeasuredView::default(), &Query::default(), &EN, &site)?,
    )?;

    let query = Query::parse(
        "hardware1=RTX+3090&model1=qwen3-30b-a3b&hardware2=m4-max-40-core&model2=llama-3.1-70b&quant2=Q4_K_M\
         &hardware3=Strix+Halo&model3=gpt-oss-120b&context=8k",
    );
    let html =
        page::compare_page(&gather::compare(&engine, &query), &MeasuredView::default(), &query, &EN, &site)?;
    std::fs::write(folder.join("compare.html"), html)?;

    let method = gather::method(&engine, include_str!("../../../estimator/METHODOLOGY.md"), &EN);
    std::fs::write(folder.join("method.html"), page::method_page(&method, &EN, &site)?)?;

    let empty = page::view::FileView::default();
    std::fs::write(folder.join("gguf.html"), page::gguf_page(&empty, &Query::default(), &EN, &site)?)?;
    std::fs::write(folder.join("about.html"), page::about_page(&EN, &site)?)?;
    let near = vec![("/m/qwen3-8b".to_owned(), "Qwen3 8B".to_owned())];
    let error = ErrorView::NotKnown { what: "qwen33-8b".into(), near };
    std::fs::write(folder.join("error.html"), page::error_page(&error, &EN, &site)?)?;
    Ok(())
}
