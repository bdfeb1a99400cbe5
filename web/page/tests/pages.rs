//! What holds for every page, whatever it shows.

mod sample;
#[path = "sample/site.rs"]
mod site;

use page::messages::EN;
use page::view::{Problem, Subject};
use page::{ErrorView, Query};

/// One tag of a page: its name, its attributes as written, and whether it closes.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    closes: bool,
    /// `<line …/>`
    alone: bool,
}

/// The tags in order. Text is passed over: our own never holds a bare `<`.
fn tags(html: &str) -> Vec<Tag<'_>> {
    html.split('<')
        .skip(1)
        .map(|piece| {
            let tag = piece.split_once('>').expect("a `<` in text was not escaped").0;
            let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
            let (alone, tag) = tag.strip_suffix('/').map_or((false, tag), |tag| (true, tag));
            let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
            Tag { name, attributes, closes, alone }
        })
        .collect()
}

/// Elements that HTML never closes; those of SVG close themselves, as here, or hold a title.
const VOID: [&str; 6] = ["meta", "link", "input", "br", "option", "!doctype"];

#[test]
fn tags_open_and_close_in_order() {
    for (page, html) in site::pages() {
        let mut open = Vec::new();
        // Datalist options stand alone, those of a select are closed: both are HTML, so neither is counted.
        for tag in tags(&html).iter().filter(|tag| !VOID.contains(&tag.name) && !tag.alone) {
            if tag.closes {
                assert_eq!(open.pop(), Some(tag.name), "{page}");
            } else {
                open.push(tag.name);
            }
        }
        assert!(open.is_empty(), "{page} leaves open: {open:?}");
    }
}

#[test]
fn no_page_needs_an_inline_style_or_script() {
    for (page, html) in site::pages() {
        for tag in tags(&html) {
            let attributes = tag.attributes.to_lowercase();
            assert!(!attributes.contains("style="), "{page}: <{} {}>", tag.name, tag.attributes);
            assert!(
                !attributes.split_whitespace().any(|a| a.starts_with("on") && a.contains('=')),
                "{page}: {}",
                tag.attributes
            );
            assert!(tag.name != "style", "{page}");
            assert!(tag.name != "script" || tag.closes || attributes.contains("src="), "{page}");
            assert!(!attributes.contains("javascript:"), "{page}");
        }
    }
}

#[test]
fn each_page_has_one_heading_of_the_first_rank_a_language_and_a_title() {
    for (page, html) in site::pages() {
        assert_eq!(html.matches("<h1>").count(), 1, "{page}");
        assert!(html.contains("<html lang=\"en\">"), "{page}");
        assert!(!html.contains("<title></title>"), "{page}");
        let ranks: Vec<u32> = tags(&html)
            .iter()
            .filter(|t| !t.closes && t.name.len() == 2 && t.name.starts_with('h'))
            .filter_map(|t| t.name[1..].parse().ok())
            .collect();
        assert!(ranks.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{page} skips a rank: {ranks:?}");
    }
}

#[test]
fn every_field_stands_in_a_label() {
    for (page, html) in site::pages() {
        let mut inside = false;
        for tag in tags(&html) {
            match tag.name {
                "label" => inside = !tag.closes,
                "input" | "select" if !tag.closes && !tag.attributes.starts_with("type=\"hidden\"") => {
                    assert!(inside, "{page}: {}", tag.attributes);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn ids_stand_once() {
    for (page, html) in site::pages() {
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{page}");
    }
}

#[test]
fn names_from_outside_stay_text() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&";
    let mut view = sample::home(3);
    for card in &mut view.cards {
        if let Subject::Model(model) = &mut card.subject {
            model.name = HOSTILE.into();
            model.basis = HOSTILE.into();
            model.elo = None;
        }
        card.quant = HOSTILE.into();
        card.answer.flags = vec![HOSTILE.into()];
    }
    for spot in &mut view.spots {
        spot.name = HOSTILE.into();
    }
    let machine = view.machine.as_mut().unwrap();
    machine.name = HOSTILE.into();
    machine.unverified = vec![HOSTILE.into()];
    view.problems = vec![Problem { field: "q".into(), message: HOSTILE.into(), near: vec![HOSTILE.into()] }];
    let query = Query::parse("q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22%27%26&family=%22%3E%3Cb%3E");
    let html = page::home_page(&view, &query, &EN, &site::site()).unwrap();
    assert!(!html.contains("<img"), "markup came through");
    assert!(!html.contains("\"><b>"), "an attribute was broken out of");
    assert!(html.contains("&lt;img"), "and it is still shown");
    let html = page::error_page(&ErrorView::Bad(HOSTILE.into()), &EN, &site::site()).unwrap();
    assert!(!html.contains("<img"));
}

#[test]
fn the_browser_swaps_in_exactly_what_the_server_sent() {
    let (view, query) = (sample::home(60), Query::parse("hardware=rtx-3090&group=family&page=2"));
    let region = page::home_results(&view, "/", &query, &EN).unwrap();
    let whole = page::home_page(&view, &query, &EN, &site::site()).unwrap();
    assert!(whole.contains(&region));
}

#[test]
fn links_carry_the_setup_and_leave_filters_behind() {
    let query = Query::parse("hardware=rtx-3090&context=32k&q=qwen&page=2&sort=speed");
    let html = page::home_results(&sample::home(5), "/", &query, &EN).unwrap();
    let link = html.split("href=\"/m/").nth(1).unwrap().split('"').next().unwrap();
    assert!(link.ends_with("?hardware=rtx-3090&#38;context=32k"), "{link}");
}

#[test]
fn a_figure_that_rests_on_nothing_says_so_beside_it() {
    let mut view = sample::home(1);
    let open = data::answer::Evidence { rows: 0, scope: data::answer::Scope::Uncalibrated };
    view.cards[0].answer.evidence.decode = open;
    let html = page::home_results(&view, "/", &Query::default(), &EN).unwrap();
    let decode = html.split("<dt>Decode</dt>").nth(1).unwrap().split("</dd>").next().unwrap();
    assert!(decode.contains(EN.answer.uncalibrated), "{decode}");

    let mut view = sample::home(1);
    view.cards[0].answer.evidence.runtime = Some(open);
    let html = page::home_results(&view, "/", &Query::default(), &EN).unwrap();
    let decode = html.split("<dt>Decode</dt>").nth(1).unwrap().split("</dd>").next().unwrap();
    assert!(decode.contains(EN.answer.uncalibrated_runtime), "a factor that was never measured: {decode}");
}

#[test]
fn long_lists_come_in_pages_that_link_to_each_other() {
    use page::view::Pages;
    assert_eq!(Pages::asked("", 0), Pages { number: 1, of: 1 });
    assert_eq!(Pages::asked("2", 49), Pages { number: 2, of: 2 });
    assert_eq!(Pages::asked("99", 49), Pages { number: 2, of: 2 });
    assert_eq!(Pages::asked("-1", 49).number, 1);
    let html = page::home_results(&sample::home(60), "/", &Query::parse("context=32k"), &EN).unwrap();
    assert!(html.contains("rel=\"next\" href=\"/?context=32k&#38;page=2\""), "no link to the next page");
    assert!(!html.contains("rel=\"prev\""), "the first page has no previous one");
}

#[test]
fn what_a_page_says_when_a_field_is_wrong() {
    let mut view = sample::home(0);
    view.machine = None;
    view.problems = vec![Problem {
        field: "hardware".into(),
        message: "This is no device that we know.".into(),
        near: vec!["geforce-rtx-3090".into()],
    }];
    let html = page::home_page(&view, &Query::parse("hardware=rtx3099"), &EN, &site::site()).unwrap();
    assert!(html.contains("role=\"alert\""));
    assert!(html.contains("href=\"/?hardware=geforce-rtx-3090\""), "the near match is one click away");
    assert!(html.contains("name=\"hardware\" value=\"rtx3099\""), "what was typed is still there");
    assert!(html.contains("aria-invalid=\"true\""));
}

#[test]
fn the_style_sheet_has_no_comment_and_loads_nothing() {
    let css = page::stylesheet();
    assert!(!css.contains("/*") && !css.contains("url(") && !css.contains("@import"));
    assert!(css.contains("prefers-color-scheme") && css.contains(":focus-visible"));
}

#[test]
fn a_comparison_has_no_row_that_is_empty() {
    let remedy = |view| {
        page::compare_results(&view, "/compare", &Query::default(), &EN).unwrap().contains(EN.answer.remedy)
    };
    let mut view = sample::compare();
    assert!(remedy(view.clone()), "one of these setups does not run");
    view.columns.truncate(1);
    assert!(!remedy(view), "the one that is left runs");
}

/// What a form of a page sends when nothing in it is changed.
fn sent(html: &str, form: &str) -> Query {
    let (_, rest) = html.split_once(&format!("<form id=\"{form}\"")).expect("a form");
    let form = rest.split("</form>").next().unwrap_or_default();
    let attribute = |tag: &Tag<'_>, name: &str| {
        let (_, rest) = tag.attributes.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let (mut pairs, mut select) = (Vec::new(), String::new());
    for tag in tags(form).iter().filter(|tag| !tag.closes) {
        let value = attribute(tag, "value").unwrap_or_default();
        match (tag.name, attribute(tag, "name")) {
            ("input", Some(name)) => pairs.push(format!("{name}={value}")),
            ("select", Some(name)) => select = name,
            ("option", _) if tag.attributes.ends_with(" selected") => pairs.push(format!("{select}={value}")),
            _ => {}
        }
    }
    Query::parse(&pairs.join("&"))
}

#[test]
fn the_button_of_a_form_keeps_all_that_is_in_force() {
    let site = site::site();
    let says = "devices=2&memory_gib=48&usable_gib=40&power=0.8&host_ram_gib=128&host_bandwidth_gb_s=80&split=layers\
        &context=32k&prompt=2k&cached=1k&kv=q8_0&kv_v=q4_0&streams=2&runtime=vllm&backend=cuda&use=chat&min_tps=5";
    let own = "class=unified&bandwidth_gb_s=500&compute_f16_tflops=60";
    let is_sent = |html: &str, form: &str, query: &Query| {
        let sent = sent(html, form);
        for (name, value) in query.pairs() {
            assert_eq!(sent.get(name), value, "{form} loses {name}");
        }
    };
    let query = Query::parse(&format!("{says}&{own}&hardware1=rtx-3090&model1=qwen3-8b&quant1=q4_k_m"));
    let html = page::compare_page(&sample::compare(), &sample::measured(), &query, &EN, &site).unwrap();
    is_sent(&html, "query", &query);
    let query = Query::parse(&format!("{says}&hardware=rtx-3090&address=a/b"));
    let html = page::gguf_page(&sample::file(), &query, &EN, &site).unwrap();
    is_sent(&html, "query", &query);
    is_sent(&html, "gguf-address", &query);
    let html = page::home_page(&sample::home(9), &Query::parse(says), &EN, &site).unwrap();
    is_sent(&html, "query", &Query::parse(says));
    let html =
        page::device_page(&sample::device_page(), &sample::measured(), &Query::parse(says), &EN, &site);
    is_sent(&html.unwrap(), "query", &Query::parse(says));
}

#[test]
fn a_machine_that_is_not_as_sold_has_no_picture_and_no_snippet() {
    let site = site::site();
    let page = |more: &str| {
        let query = Query::parse(&format!("hardware=rtx-3090&context=32k{more}"));
        page::model_page(&sample::model_page(true), &sample::measured(), &query, &EN, &site).unwrap()
    };
    let shows = |html: &str| (html.contains("og:image"), html.contains("href=\"/embed?"));
    assert_eq!(shows(&page("")), (true, true));
    for more in
        ["memory_gib=48", "power=0.7", "usable_gib=12", "host_ram_gib=16", "backend=vulkan", "devices=2"]
    {
        assert_eq!(shows(&page(&format!("&{more}"))), (false, false), "{more}");
    }
}

#[test]
fn a_device_page_offers_what_leads_to_it() {
    let site = site::site();
    let query = Query::parse("hardware=m4-max-40-core&memory_gib=48&context=32k");
    let html = page::home_page(&sample::home(3), &query, &EN, &site).unwrap();
    assert!(html.contains("?memory_gib=48&#38;context=32k\""), "the memory goes with the link to the device");
    let html = page::device_page(&sample::device_page(), &sample::measured(), &query, &EN, &site).unwrap();
    assert!(
        html.contains("<input name=\"memory_gib\" value=\"48\"") && html.contains("<input name=\"devices\"")
    );
}

#[test]
fn a_list_shows_what_is_in_force_though_it_does_not_offer_it() {
    let site = site::site();
    let query = Query::parse("split=2:1&runtime=vLLM&kv=Q8_0");
    let html = page::home_page(&sample::home(3), &query, &EN, &site).unwrap();
    for chosen in ["value=\"2:1\" selected>2:1<", "value=\"vllm\" selected>", "value=\"q8_0\" selected>"] {
        assert!(html.contains(chosen), "{chosen}");
    }
    let power = html.split("name=\"power\"").nth(1).and_then(|rest| rest.split('>').next()).expect("a field");
    assert!(!power.contains("inputmode"), "250W has a letter: {power}");
}

#[test]
fn a_model_without_a_machine_asks_for_one_and_no_size_is_not_zero() {
    let mut view = sample::file();
    let region = |view: &_| page::gguf_results(view, "/gguf", &Query::default(), &EN).unwrap();
    assert!(!region(&view).contains(EN.gguf.pick));
    view.machine.clear();
    view.files[0].size_gib = 0.0;
    let html = region(&view);
    let empty = format!("data-label=\"{}\"></td>", EN.model.size);
    assert!(html.contains(EN.gguf.pick) && html.contains(&empty), "{html}");
    view.problem = Some(page::view::FileProblem::NoRange(0.0));
    assert!(!region(&view).contains("0 GiB"));
}

/// How far two colours stand apart, as WCAG counts it.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| {
        let channel = |at: usize| {
            let share = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour")) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn the_border_of_a_field_can_be_told_from_both_grounds() {
    let style = page::stylesheet();
    // Light first, dark second, as the sheet says them.
    let values = |name: &str| -> Vec<String> {
        let name = format!("--{name}:");
        let after = style.split(&name).skip(1);
        after.map(|rest| rest.split(';').next().unwrap_or_default().trim().to_owned()).collect()
    };
    let field = style.lines().find(|line| line.starts_with("input, select, button")).expect("fields");
    assert!(field.contains("solid var(--chart-control)"), "{field}");
    let (border, paper, wash) = (values("chart-control"), values("chart-paper"), values("wash"));
    for at in 0..2 {
        for ground in [&paper[at], &wash[at]] {
            let found = contrast(&border[at], ground);
            assert!(found >= 3.0, "{} on {ground}: {found:.2}", border[at]);
        }
    }
}

#[test]
fn what_colour_and_picture_tell_stands_in_words_too() {
    let site = site::site();
    let query = Query::parse("hardware=rtx-3090");
    let html = page::model_page(&sample::model_page(true), &sample::measured(), &query, &EN, &site).unwrap();
    let table =
        html.split_once("scroll tall").and_then(|(_, rest)| rest.split_once("</table>")).expect("a table").0;
    let rows = table.matches("<tr class=").count();
    assert!(rows > 3 && table.matches(" GiB</small>").count() == rows, "{table}");
    let mut view = sample::model_page(true);
    view.quants[2].evidence.decode.scope = data::answer::Scope::Uncalibrated;
    let html = page::model_results(&view, "/m/x", &query, &EN).unwrap();
    let says = format!("<i>{}</i></td>", EN.answer.uncalibrated);
    assert_eq!(html.matches(&says).count(), 1, "a speed that rests on nothing says so: {html}");
    let pages = site::pages();
    let (_, html) = pages.iter().find(|(name, _)| *name == "benchmarks").expect("a page");
    let outside = html.matches(" outside\"").count();
    assert!(outside > 0 && html.matches("<small>outside</small>").count() == outside, "{outside}");
}
