//! The pages.

use server::shelf::FIXED;

use crate::client::Site;
use crate::page_list::PAGES;

/// Those of the list that are there for everybody under this site's own frame, and how a machine's own figures, lists and boards
/// are asked for.
fn pages() -> impl Iterator<Item = &'static str> {
    let further = [
        "/m/qwen3-30b-a3b",
        "/d/rtx-3090?context=32k",
        "/compare",
        "/leaderboard?workload=W3&prompt=65280&class=apple&sort=ttft",
    ];
    let own = |path: &&str| !path.starts_with("/embed/") && *path != "/no-such-page";
    PAGES.iter().map(|(_, path)| *path).filter(own).chain(further)
}

/// The pages, with those of a result, of a person and of an embed, on a site that has them.
async fn filled() -> (Site, Vec<String>) {
    let (site, result) = crate::login::with_a_profile().await;
    let more = [format!("/r/{result}"), "/u/Octo-Cat".into(), "/contributors".into()];
    let framed = ["/embed/rtx-3090/llama-3.1-8b".to_owned()];
    (site, pages().map(str::to_owned).chain(more).chain(framed).collect())
}

#[tokio::test]
async fn every_page_is_html_and_loads_only_what_is_there() {
    let (site, all) = filled().await;
    for page in &all {
        let answer = site.get(page).await;
        assert_eq!(answer.status, 200, "{page}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{page}");
        if pages().any(|own| own == page) {
            assert_eq!(answer.header("cache-control"), "no-cache", "{page}");
        }
        let html = answer.text();
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{page}");
        for attribute in ["src=\"", "<link rel=\"icon\" href=\"", "<link rel=\"stylesheet\" href=\""] {
            for rest in html.split(attribute).skip(1) {
                let address = rest.split('"').next().unwrap().replace("&amp;", "&");
                assert!(address.starts_with('/'), "{page} loads {address}");
                assert_eq!(site.get(&address).await.status, 200, "{page} loads {address}");
            }
        }
    }
}

/// What a page runs or styles itself with, written in the page.
fn inline(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in html.split('<').skip(1).filter(|tag| tag.starts_with(|sign: char| sign.is_ascii_alphabetic()))
    {
        let tag = tag.split('>').next().unwrap_or_default();
        let name = tag.split_whitespace().next().unwrap_or_default();
        // Names of attributes; what is between quotes is their value.
        let outside: String = tag.split('"').step_by(2).collect();
        let attributes: Vec<&str> =
            outside.split_whitespace().skip(1).map(|name| name.trim_end_matches('=')).collect();
        let is_handler = |name: &&str| name.len() > 2 && name.starts_with("on");
        if (name == "script" && !attributes.contains(&"src"))
            || name == "style"
            || attributes.contains(&"style")
            || attributes.iter().any(is_handler)
            || tag.to_lowercase().contains("javascript:")
        {
            found.push(tag.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn no_page_runs_inline_code_and_its_policy_would_stop_it() {
    let (site, pages) = filled().await;
    for page in &pages {
        let answer = site.get(page).await;
        assert_eq!(inline(answer.text()), Vec::<String>::new(), "{page}");
        let policy = answer.header("content-security-policy");
        let rules: Vec<&str> = policy.split("; ").collect();
        assert!(
            rules.contains(&"default-src 'none'") && !policy.contains("unsafe-inline"),
            "{page}: {policy}"
        );
        let is_framed = page.starts_with("/embed/");
        let scripts = rules.iter().find(|rule| rule.starts_with("script-src"));
        // A page in a frame runs nothing at all: what has no rule falls back to the first.
        assert_eq!(
            scripts.copied(),
            (!is_framed).then_some("script-src 'self' 'wasm-unsafe-eval'"),
            "{page}"
        );
        assert!(rules.contains(&"style-src 'self'"), "{page}: {policy}");
    }
    for planted in [
        "<script>x()</script>",
        "<p onclick=\"x()\">",
        "<p class=\"a\" style=\"color:red\">",
        "<style>p{}</style>",
        "<a href=\"javascript:x()\">",
    ] {
        assert_eq!(inline(planted).len(), 1, "{planted}");
    }
    assert!(inline("<script type=\"module\" src=\"/a.js\"></script><p title=\"on = off\">").is_empty());
}

/// Links from page to page, followed one step.
#[tokio::test]
async fn links_lead_somewhere() {
    let site = Site::open(&[]).await;
    for page in ["/", "/?hardware=rtx-3090", "/m/llama-3.1-8b", "/compare", "/about"] {
        let html = site.get(page).await.text().to_owned();
        let links =
            html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"));
        let ours: std::collections::BTreeSet<String> = links.filter(|link| link.starts_with('/')).collect();
        assert!(ours.len() >= 5, "{page}: {ours:?}");
        // Every tenth of many: they are made alike.
        for link in ours.iter().step_by(ours.len().div_ceil(20)) {
            assert_eq!(site.get(link).await.status, 200, "{page} links to {link}");
        }
    }
}

#[tokio::test]
async fn only_the_page_that_reads_files_may_fetch_from_elsewhere() {
    let site = Site::open(&[]).await;
    for page in pages() {
        let policy = site.get(page).await.header("content-security-policy").to_owned();
        let reaches = policy.contains("connect-src 'self' https:;");
        assert_eq!(reaches, page.starts_with("/gguf"), "{page}: {policy}");
        assert!(reaches || policy.contains("connect-src 'self';"), "{page}: {policy}");
    }
    // Kept or made anew, packed or not: the policy is the page's.
    for _ in 0..2 {
        let again = site.ask("GET", "/gguf", &[("accept-encoding", "br")]).await;
        assert!(again.header("content-security-policy").contains("https:"));
    }
}

#[tokio::test]
async fn a_plain_page_is_kept_and_a_question_is_not() {
    let site = Site::open(&[]).await;
    let made = site.ask("GET", "/d/rtx-3090", &[("accept-encoding", "br")]).await;
    let version = site.app.medians().latest().version();
    assert!(site.app.shelf().kept("/d/rtx-3090", version).is_some());
    let kept = site.ask("GET", "/d/rtx-3090", &[("accept-encoding", "br")]).await;
    assert_eq!((made.decoded(), made.header("etag")), (kept.decoded(), kept.header("etag")));
    assert_eq!(site.ask("GET", "/d/rtx-3090", &[("if-none-match", kept.header("etag"))]).await.status, 304);

    let other = site.get("/d/rtx-3090?context=32k").await;
    assert_ne!(other.header("etag"), kept.header("etag"));
    // A query of names that the page does not read is the same page, but it is not kept under another address.
    site.get("/about?utm_source=x").await;
    assert!(site.app.shelf().kept("/about", FIXED).is_none());
    // An answer with an error is never kept.
    site.get("/d/nothing").await;
    assert!(site.app.shelf().kept("/d/nothing", version).is_none());
}

#[tokio::test]
async fn another_name_of_a_row_leads_to_its_page() {
    let site = Site::open(&[]).await;
    let answer = site.get("/d/NVIDIA%20GeForce%20RTX%203090?context=8k").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "/d/rtx-3090?context=8k");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));

    let answer = site.get("/m/Qwen3-30B-A3B").await;
    assert_eq!(answer.header("location"), "/m/qwen3-30b-a3b");
}

#[tokio::test]
async fn what_is_not_there_offers_what_is_near() {
    let site = Site::open(&[]).await;
    let answer = site.get("/d/rtx-3091").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        answer.text().contains("rtx-3091") && answer.text().contains("href=\"/d/rtx-3090\""),
        "{}",
        answer.text()
    );
    let answer = site.get("/m/lama-3.1-8b").await;
    assert!(answer.text().contains("href=\"/m/llama-3.1-8b\""), "{}", answer.text());
    let answer = site.get("/no-such-page").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("<h1>"), "{}", answer.text());
}

#[tokio::test]
async fn a_page_passes_over_what_it_does_not_know_and_names_what_it_cannot_read() {
    let site = Site::open(&[]).await;
    let with = site.get("/?hardware=rtx-3090&utm_source=news").await;
    assert_eq!(with.status, 200);
    assert!(with.text().contains("GeForce RTX 3090"));
    let wrong = site.get("/?hardware=rtx-3091").await;
    assert!(wrong.text().contains("hardware=rtx-3090"), "the near match is a link");
    let wrong = site.get("/m/llama-3.1-8b?hardware=rtx-3090&context=x").await;
    assert!(wrong.text().contains("no whole number"), "{}", wrong.text());
}

#[tokio::test]
async fn methods_and_heads() {
    let site = Site::open(&[]).await;
    // A paste is posted to its page.
    for page in pages().filter(|page| *page != "/contribute") {
        assert_eq!(site.ask("POST", page, &[]).await.status, 405, "{page}");
        assert_eq!(site.ask("POST", page, &[]).await.header("allow"), "GET,HEAD", "{page}");
        let (get, head) = (site.get(page).await, site.ask("HEAD", page, &[]).await);
        assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{page}");
        assert!(head.body.is_empty());
    }
}

/// Names on the cards of a page, in order.
fn cards(html: &str) -> Vec<&str> {
    let heads = html.split("<li class=\"card").skip(1).filter_map(|card| card.split_once("<h3>"));
    heads.map(|(_, name)| name.split_once("</a>").expect("a link").0.rsplit('>').next().unwrap()).collect()
}

/// An address in a page's markup, as a browser reads it.
fn address(html: &str) -> String {
    html.split('"').next().unwrap().replace("&#38;", "&")
}

#[tokio::test]
async fn machines_are_searched_on_a_models_page() {
    let site = Site::open(&[]).await;
    for (q, each) in [("4070ti", "4070 Ti"), ("M4+max", "M4 Max"), ("geforce+3090", "RTX 3090")] {
        let page = site.get(&format!("/m/qwen3-8b?q={q}")).await;
        let found = cards(page.text());
        assert!(!found.is_empty() && found.len() < 20, "{q}: {found:?}");
        assert!(found.iter().all(|name| name.contains(each)), "{q}: {found:?}");
        assert!(page.text().contains(&format!("name=\"q\" value=\"{}\"", q.replace('+', " "))), "{q}");
    }
    // A name that stands only among a row's other names, too.
    assert!(!cards(site.get("/m/qwen3-8b?q=strix+halo").await.text()).is_empty());
    // The pager keeps the search.
    let many = site.get("/m/qwen3-8b?q=rtx&fits=runs").await;
    let next = address(many.text().split("rel=\"next\" href=\"").nth(1).expect("a second page"));
    assert!(next.contains("q=rtx") && next.contains("fits=runs"), "{next}");
    let second = site.get(&next).await;
    assert!(cards(second.text()).iter().all(|name| name.contains("RTX")), "{next}");
    assert_ne!(cards(many.text()), cards(second.text()));
    // What finds nothing says what to do, and what it looked for stays in the field.
    let none = site.get("/m/qwen3-8b?q=abacus").await;
    assert!(cards(none.text()).is_empty());
    assert!(none.text().contains("No machine matches. Search for fewer words"), "{}", none.text());
    assert!(none.text().contains("value=\"abacus\""));
    // A device's page searches its models the same way.
    let models = site.get("/d/rtx-3090?q=qwen3+30b").await;
    let found = cards(models.text());
    assert!(!found.is_empty() && found.iter().all(|name| name.starts_with("Qwen3")), "{found:?}");
}

#[tokio::test]
async fn a_list_leads_to_its_first_setups_side_by_side_and_to_itself_as_data() {
    let site = Site::open(&[]).await;
    for (page, all, first) in [
        ("/?hardware=rtx-3090&context=32k&fits=runs", "hardware=rtx-3090", "rtx-3090"),
        ("/?hardware=rtx-3090&devices=2&q=llama", "devices=2", "rtx-3090+rtx-3090"),
        ("/?bandwidth_gb_s=500&memory_gib=12&class=discrete_gpu&q=qwen", "bandwidth_gb_s=500", "own"),
        ("/d/rtx-3090?q=gemma&use=chat", "hardware=rtx-3090", "rtx-3090"),
        ("/m/qwen3-8b?q=rtx+40&streams=4", "model=qwen3-8b", ""),
        ("/m/qwen3-8b?kind=apple&hardware=rtx-3090", "model=qwen3-8b", ""),
    ] {
        let html = site.get(page).await.text().to_owned();
        let found = |path: &str| {
            let link = html.split("href=\"").find(|link| link.starts_with(path));
            address(link.unwrap_or_else(|| panic!("{page} has no link to {path}")))
        };
        let json = found("/api/v1/tables/fits.json");
        assert!(json.contains(all), "{page}: {json}");
        let list = site.get(&json).await;
        assert_eq!(list.status, 200, "{page}: {json}: {}", list.text());
        let list = list.json();
        let list = list.as_array().unwrap();
        let shown = cards(&html).len();
        assert!(
            list.len() >= shown && (list.len() == shown) == (shown < page::view::PER_PAGE),
            "{page}: {} of {shown}",
            list.len()
        );
        let lines = site.get(&found("/api/v1/tables/fits.csv")).await.text().lines().count();
        assert_eq!(lines, list.len() + 1, "{page}");
        // Side by side, the same figures as on the list.
        // By way of the list's own query to the setups by number.
        let compare = site.get(&found("/compare?")).await;
        assert_eq!(compare.status, 303, "{page}");
        let compare = compare.header("location").to_owned();
        let table = site.get(&compare.replace("/compare", "/api/v1/tables/compare.json")).await;
        assert_eq!(table.status, 200, "{compare}: {}", table.text());
        let columns = table.json();
        let columns = columns.as_array().unwrap();
        assert_eq!(columns.len(), shown.min(6), "{compare}");
        for (column, row) in columns.iter().zip(list) {
            assert!(first.is_empty() || column["device"] == first, "{compare}: {column}");
            for name in ["device", "model", "quant", "decode_mid_tps", "context_tokens", "streams"] {
                assert_eq!(column[name], row[name], "{compare}: {name}");
            }
        }
        let page = site.get(&compare).await;
        assert!(page.text().contains("/api/v1/tables/compare.csv?"), "{compare}");
        assert!(!page.text().contains("class=\"problems\""), "{compare}");
    }
}

/// Addresses that no link leads to, with what does.
const NOT_LINKED: &[(&str, &str)] = &[
    ("/medians.lines", "the loader asks for it"),
    ("/benchmarks.rows", "the module of the page asks for it"),
    ("/u/{name}", "of people who signed in"),
    ("/contributors", "of people who signed in"),
    ("/sitemap.xml", "named by robots.txt"),
    ("/sitemap/{name}", "named by the sitemap"),
    ("/robots.txt", "a convention"),
    ("/embed/can-it-run.js", "in the snippets for other sites"),
];

/// Whether a path is of a route: `{name}` stands for one part.
pub fn is_of(path: &str, route: &str) -> bool {
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len()
        && path.iter().zip(&route).all(|(part, named)| part == named || named.starts_with('{'))
}

/// Addresses of the site's pages and of the files that they lead to, as the router has them.
pub fn routes() -> Vec<&'static str> {
    let sources = [include_str!("../../src/pages/mod.rs"), include_str!("../../src/pages/embed.rs")];
    let named = sources.into_iter().flat_map(|text| text.split(".route(\"").skip(1));
    let consts =
        [page::leaderboard::PATH, "/api/v1/tables/{file}", "/dump/{name}", "/log/checkpoint", "/log/key"];
    let routes: Vec<&str> = named.map(|rest| rest.split('"').next().unwrap()).chain(consts).collect();
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

#[tokio::test]
async fn every_page_is_reached_by_links_from_the_first() {
    let site = Site::open(crate::client::BEHIND).await;
    crate::measured::taken(&site, 1..=3).await;
    let routes = routes();
    let route = |path: &str| routes.iter().find(|route| is_of(path, route)).copied();

    let mut waiting = vec!["/".to_owned(), "/?hardware=rtx-3090".to_owned()];
    let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    while let Some(next) = waiting.pop() {
        let path = next.split(['?', '#']).next().unwrap();
        // A few of each kind: they are made alike. A machine on a model's page brings links of its own.
        let times = route(path).map(|route| seen.entry(route).or_default());
        let Some(times) = times.filter(|times| **times < 4) else { continue };
        *times += 1;
        let answer = site.get(&next).await;
        if answer.status == 303 {
            waiting.push(answer.header("location").to_owned());
            continue;
        }
        assert_eq!(answer.status, 200, "{next}");
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        for name in ["href=\"", "src=\"", "content=\""] {
            let links = answer.text().split(name).skip(1).map(address);
            waiting.extend(links.filter(|link| link.starts_with('/')));
        }
    }
    let is_excused = |route: &str| NOT_LINKED.iter().any(|(excused, _)| *excused == route);
    let wrong: Vec<_> =
        routes.into_iter().filter(|route| seen.contains_key(route) == is_excused(route)).collect();
    assert!(wrong.is_empty(), "reached and excused, or neither: {wrong:?}");
}
