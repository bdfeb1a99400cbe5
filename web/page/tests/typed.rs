//! What is mistyped into any field of a page's form is told by that field's name, and nothing else that was typed is lost.

use data::Engine;
use page::measured::MeasuredView;
use page::messages::EN;
use page::{Query, Site, gather};

/// No number, no name, no choice of any list.
const NONSENSE: [&str; 5] = ["abc", "-1", "12,5", "1e99", "∞"];
/// Fields in which everything is a search.
const SEARCH: &str = "q";

fn site(engine: &Engine<'_>) -> Site {
    Site {
        origin: String::new(),
        style: String::new(),
        loader: String::new(),
        contribute: String::new(),
        dispute: String::new(),
        choices: gather::choices(engine.catalog),
    }
}

/// The page at a path as the server sends it.
fn whole(engine: &Engine<'_>, site: &Site, path: &str, query: &Query) -> String {
    let nothing = MeasuredView::default();
    match path {
        "/" => page::home_page(&gather::home(engine, query), query, &EN, site),
        "/compare" => page::compare_page(&gather::compare(engine, query), &nothing, query, &EN, site),
        "/gguf" => {
            let view = gather::file(engine, query, &gather::Reading::Nothing);
            page::gguf_page(&view, query, &EN, site)
        }
        _ if path.starts_with("/m/") => {
            let view = gather::model(engine, &path[3..], query).expect("a model");
            page::model_page(&view, &nothing, query, &EN, site)
        }
        _ => {
            let view = gather::device(engine, &path[3..], query).expect("a device");
            page::device_page(&view, &nothing, query, &EN, site)
        }
    }
    .expect("a page")
}

/// The names of the fields that a person sees in the form.
fn fields(html: &str) -> Vec<String> {
    let form = html.split("<form id=\"query\"").nth(1).and_then(|rest| rest.split("</form>").next());
    let tags =
        form.expect("a form").split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("select"));
    let seen = tags.filter(|tag| !tag.contains("type=\"hidden\""));
    let name = |tag: &str| Some(tag.split("name=\"").nth(1)?.split('"').next()?.to_owned());
    seen.filter_map(name).collect()
}

#[test]
fn nonsense_is_told_by_the_name_of_its_field_and_the_rest_is_kept() {
    let engine = Engine::embedded();
    let site = site(&engine);
    let mut tried = 0;
    for (path, asked) in [
        ("/", "hardware=rtx-3090"),
        ("/m/qwen3-14b", "hardware=rtx-3090&q=4090"),
        ("/d/rtx-3090", "q=qwen3"),
        ("/compare", "hardware1=rtx-3090&model1=qwen3-14b&hardware2=rtx-4090&model2=qwen3-14b"),
        ("/gguf", "hardware=rtx-3090"),
    ] {
        let asked = Query::parse(asked);
        let all = fields(&whole(&engine, &site, path, &asked));
        assert!(all.len() > 10, "{path}: {all:?}");
        for field in all.iter().filter(|field| *field != SEARCH) {
            // A third setup has not begun before it has a machine or a model.
            if field.ends_with('3') && !["hardware3", "model3"].contains(&field.as_str()) {
                continue;
            }
            for bad in NONSENSE {
                let (other, value) = if field == "context" { ("prompt", "7k") } else { ("context", "9k") };
                let query = asked.with(other, value).with(field, bad);
                let html = whole(&engine, &site, path, &query);
                let told = format!("<b>{field}</b>");
                assert!(html.contains(&told), "{path}: {field}={bad} is not told");
                let kept = format!("name=\"{other}\" value=\"{value}\"");
                assert!(html.contains(&kept), "{path}: {field}={bad} loses {other}");
                if let Some(region) = gather::render(&engine, path, &query, "", &EN) {
                    assert!(region.contains(&told), "{path}: {field}={bad} is not told in the browser");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn a_family_that_no_model_has_is_told_with_near_ones() {
    let engine = Engine::embedded();
    let view =
        gather::device(&engine, "rtx-3090", &Query::parse("family=qwen&license=abc")).expect("a device");
    let told: Vec<&str> = view.models.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(told, ["family", "license"]);
    assert!(view.models.problems[0].near.iter().any(|near| near.starts_with("Qwen")));
    assert!(!view.models.cards.is_empty(), "the others are answered");
}
