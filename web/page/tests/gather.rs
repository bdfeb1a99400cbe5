//! Views from the real catalogue and the real constants.

use data::medians::MedianIndex;
use data::query::Params;
use data::submission::{MedianCell, Medians, depth_bucket};
use data::{Engine, medians};
use page::messages::EN;
use page::view::{PER_PAGE, Subject};
use page::{Query, Site, gather};

fn engine() -> Engine<'static> {
    Engine::embedded()
}

#[test]
fn an_address_without_a_machine_is_a_beginning_and_no_mistake() {
    let view = gather::home(&engine(), &Query::parse("context=32k"));
    assert!(view.machine.is_none() && view.problems.is_empty());
    assert_eq!(
        view.start.popular.len(),
        12,
        "every popular machine is in the catalogue: {:?}",
        view.start.popular
    );
}

#[test]
fn what_cannot_be_read_is_named_all_at_once() {
    let view = gather::home(&engine(), &Query::parse("hardware=RTX+3099&min_tps=fast"));
    let fields: Vec<&str> = view.problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["hardware", "min_tps"]);
    assert!(view.problems[0].near.iter().any(|id| id.contains("3090")), "{:?}", view.problems[0].near);
}

/// The address of a page's data, out of its region.
fn data_link(html: &str, table: &str) -> String {
    let start = format!("href=\"/api/v1/tables/{table}.csv");
    let (_, rest) = html.split_once(&start).unwrap_or_else(|| panic!("no {table}: {html}"));
    rest.split('"').next().unwrap_or_default().replace("&#38;", "&")
}

#[test]
fn one_bad_value_takes_no_answer_away_and_is_told() {
    let engine = engine();
    for (query, field) in
        [("context=zz", "context"), ("min_tps=abc", "min_tps"), ("sort=x&streams=0", "sort")]
    {
        let query = Query::parse(query);
        let device = gather::device(&engine, "rtx-3090", &query).unwrap().models;
        let model = gather::model(&engine, "qwen3-8b", &query).unwrap();
        let picked = gather::model(&engine, "qwen3-8b", &query.with("hardware", "rtx-3090")).unwrap();
        for (problems, cards) in [
            (&device.problems, device.cards.len()),
            (&model.problems, model.cards.len()),
            (&picked.problems, picked.cards.len()),
        ] {
            let told = problems.iter().filter(|problem| problem.field == field).count();
            assert!(told == 1 && cards > 20, "{query:?}: {problems:?}, {cards} cards");
        }
        assert!(!picked.quants.is_empty(), "{query:?}");
    }
    // A runtime that only some machines have is no mistake on a page of all machines.
    let mlx = gather::model(&engine, "qwen3-8b", &Query::parse("runtime=mlx")).unwrap();
    assert!(mlx.problems.is_empty() && !mlx.cards.is_empty(), "{:?}", mlx.problems);
    let kind = gather::model(&engine, "qwen3-8b", &Query::parse("kind=toaster")).unwrap();
    assert!(kind.problems[0].near.iter().any(|near| near == "apple") && kind.cards.len() > 20);
    let query =
        Query::parse("hardware1=rtx-3090&model1=qwen3-8b&hardware2=rtx-4090&model2=qwen3-8b&context=zz");
    let both = gather::compare(&engine, &query);
    assert!(both.columns.iter().all(|column| column.answer.is_some() && column.problems.len() == 1));
    let html = page::compare_results(&both, "/compare", &query, &EN).unwrap();
    assert_eq!(html.matches("<b>context</b>").count(), 1, "told once");
    let asked = data_link(&html, "compare");
    assert!(asked.contains("hardware2=rtx-4090") && !asked.contains("context"), "{asked}");
}

#[test]
fn data_is_asked_for_by_what_its_table_takes() {
    let engine = engine();
    let region = |path: &str, query: &str| {
        gather::render(&engine, path, &Query::parse(query), "", &EN).expect("a page")
    };
    for (path, query, asked) in [
        ("/", "hardware=rtx-3090&utm=1&page=1&context=8k", "?context=8k&hardware=rtx-3090"),
        ("/d/rtx-3090", "model=qwen3-8b&utm=1&min_tps=abc", "?hardware=rtx-3090"),
        ("/m/qwen3-8b", "hardware1=x&utm=1&kind=apple", "?kind=apple&model=qwen3-8b"),
        ("/m/qwen3-8b", "quant=q99&context=16k", "?context=16k&model=qwen3-8b"),
    ] {
        assert_eq!(data_link(&region(path, query), "fits"), asked, "{path}?{query}");
    }
    let query = "hardware1=rtx-3090&model1=qwen3-8b&utm=1&min_tps=5&hardware7=x";
    assert_eq!(data_link(&region("/compare", query), "compare"), "?hardware1=rtx-3090&model1=qwen3-8b");
}

#[test]
fn every_card_says_what_the_engine_answers_for_its_setup() {
    let engine = engine();
    let view = gather::home(&engine, &Query::parse("hardware=RTX+3090&context=32k&kv=q8_0"));
    assert_eq!(view.cards.len(), PER_PAGE);
    for card in view.cards.iter().step_by(7) {
        let Subject::Model(model) = &card.subject else { panic!("a card of another kind") };
        let params = Params::read([
            ("hardware", "RTX 3090"),
            ("context", "32k"),
            ("kv", "q8_0"),
            ("model", &model.id),
            ("quant", &card.answer.setup.quant),
        ])
        .unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        let chosen = engine.choose(&params, &rig, &job).unwrap();
        assert_eq!(engine.answer(&rig, &job, &chosen), card.answer, "{}", model.id);
    }
}

#[test]
fn the_second_page_goes_on_where_the_first_ends() {
    let ids = |address: &str| -> Vec<String> {
        let view = gather::home(&engine(), &Query::parse(address));
        view.cards.iter().map(|card| card.answer.setup.model.clone()).collect()
    };
    let (first, second) = (ids("hardware=rtx+3090"), ids("hardware=rtx+3090&page=2"));
    assert_eq!(first.len(), PER_PAGE);
    assert!(!second.is_empty() && second.iter().all(|id| !first.contains(id)));
}

#[test]
fn a_model_page_holds_its_quantisations_and_its_machines() {
    let view = gather::model(&engine(), "llama-3.1-8b", &Query::parse("hardware=RTX+3090")).unwrap();
    assert_eq!(view.facts.kv_bytes_per_token, 131_072.0);
    let bits: Vec<f64> = view
        .quants
        .iter()
        .filter(|q| ["q8_0", "q4_k_m"].contains(&q.id.as_str()))
        .map(|q| q.bits_per_weight)
        .collect();
    assert!(bits.len() == 2 && bits[0] > bits[1], "best first: {bits:?}");
    let speeds: Vec<f64> =
        view.cards.iter().filter_map(|card| card.answer.decode_tps).map(|range| range.mid).collect();
    assert!(speeds.len() > 20 && speeds.is_sorted_by(|a, b| a >= b), "fastest first: {speeds:?}");
    assert!(gather::model(&engine(), "no-such-model", &Query::default()).is_none());
}

#[test]
fn a_model_page_says_what_it_was_asked_for_with_a_machine_and_without() {
    for machine in ["", "&hardware=rtx-3090"] {
        let query = Query::parse(&format!("context=32k&min_tps=20{machine}"));
        let view = gather::model(&engine(), "qwen3-14b", &query).unwrap();
        assert_eq!((view.wanted.context_tokens, view.wanted.minimum_tps), (32_768, 20.0), "{query:?}");
        assert!(view.cards.iter().all(|card| card.answer.setup.context == view.wanted.context_tokens));
    }
}

#[test]
fn whole_and_that_fast_keeps_slow_machines_out() {
    let with = |fits: &str| {
        let query = Query::parse(&format!("context=32k&min_tps=40&fits={fits}"));
        gather::model(&engine(), "qwen3-14b", &query).unwrap()
    };
    let whole = with("whole");
    assert!(whole.counts.0 > 5 && whole.cards.iter().all(|card| card.fast_enough), "{:?}", whole.counts);
    assert!(with("runs").counts.0 > whole.counts.0);
}

#[test]
fn a_machine_kind_keeps_other_machines_out() {
    let view = gather::model(&engine(), "llama-3.1-8b", &Query::parse("kind=apple")).unwrap();
    assert!(!view.cards.is_empty());
    for card in &view.cards {
        let Subject::Device(device) = &card.subject else { panic!("a card of another kind") };
        assert_eq!(device.class, "apple", "{}", device.id);
    }
}

#[test]
fn a_device_page_answers_for_that_device_whatever_the_address_says() {
    let engine = engine();
    let id = engine.catalog.device("RTX 3090").unwrap().id.clone();
    let view = gather::device(&engine, &id, &Query::parse("hardware=m4-max-40-core")).unwrap();
    assert_eq!(view.models.machine.unwrap().devices[0].0, id);
}

#[test]
fn compared_setups_keep_their_numbers_when_one_cannot_be_read() {
    let query = Query::parse(
        "hardware1=RTX+3090&model1=llama-3.1-8b&hardware3=RTX+3099&model3=llama-3.1-8b&quant1=Q4_K_M&context=8k",
    );
    let view = gather::compare(&engine(), &query);
    assert_eq!(view.columns.iter().map(|c| c.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(view.columns[0].answer.as_ref().unwrap().setup.context, 8192);
    assert_eq!(view.columns[1].problems[0].field, "hardware3");
    let html = page::compare_results(&view, "/compare", &query, &EN).unwrap();
    let head = format!("<th scope=\"row\">{}</th>", EN.compare.context);
    assert!(!html.contains(&head), "a setup that is not answered differs in nothing");
}

#[test]
fn a_setup_says_for_itself_what_differs() {
    let query = Query::parse(
        "hardware1=rtx-3090&model1=qwen3-8b&hardware2=rtx-3090&model2=qwen3-8b&context=8k&context2=32k&kv2=q99&runtime1=vllm",
    );
    let view = gather::compare(&engine(), &query);
    let setup = |at: usize| &view.columns[at].answer.as_ref().expect("an answer").setup;
    assert_eq!([setup(0).context, setup(1).context], [8192, 32_768]);
    assert_eq!([setup(0).runtime.as_str(), setup(1).runtime.as_str()], ["vllm", "llama.cpp"]);
    let fields: Vec<&str> = view.columns[1].problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!((fields, setup(1).kv.as_str()), (vec!["kv2"], "f16"), "the rest of it is answered");
    let html = page::compare_results(&view, "/compare", &query, &EN).unwrap();
    let head = |words: &str| format!("<th scope=\"row\">{words}</th>");
    for said in [head(EN.compare.context), head(EN.compare.runtime), "<b>kv2</b>".to_owned()] {
        assert!(html.contains(&said), "{said}");
    }
    assert!(!html.contains(&head(EN.compare.cache)), "what all have in common is not told");
    let data = data_link(&html, "compare");
    assert!(data.contains("context2=32k") && data.contains("runtime1=vllm"), "{data}");
    // Without the second setup nothing of it stays.
    let first = "/compare?context=8k&hardware1=rtx-3090&model1=qwen3-8b&runtime1=vllm";
    assert!(sorted_links(&html).iter().any(|link| link == first), "{html}");
}

/// The addresses of all links, with their parameters in order.
fn sorted_links(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let sorted = links.filter_map(|link| {
        let (path, query) = link.split_once('?')?;
        let query = query.replace("&#38;", "&").replace("&amp;", "&");
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        Some(format!("{path}?{}", pairs.join("&")))
    });
    sorted.collect()
}

#[test]
fn compared_setups_are_judged_by_the_wanted_speed_and_streams_are_told_apart() {
    let region = |more: &str| {
        let query = Query::parse(&format!("hardware1=rtx-3090&model1=qwen3-14b&quant1=q4_k_m{more}"));
        gather::render(&engine(), "/compare", &query, "", &EN).expect("a page")
    };
    let (plain, fast, shared) = (region(""), region("&min_tps=500"), region("&streams=4"));
    assert!(plain.contains(EN.answer.runs) && !plain.contains(EN.compare.together), "{plain}");
    assert!(fast.contains(EN.answer.slow), "nothing is that fast: {fast}");
    assert!(shared.contains(EN.compare.together) && shared.contains(EN.compare.speed_each), "{shared}");
    assert!(region("&min_tps=abc").contains("<b>min_tps</b>"));
}

#[test]
fn the_browser_renders_the_same_region_as_the_server() {
    let engine = engine();
    let site = Site {
        origin: "https://llm-speed.example".into(),
        style: String::new(),
        loader: String::new(),
        contribute: String::new(),
        dispute: String::new(),
        choices: gather::choices(engine.catalog),
    };
    let query = Query::parse("hardware=m4-max-40-core&context=16k&sort=speed");
    let region = gather::render(&engine, "/", &query, "", &EN).unwrap();
    let whole = page::home_page(&gather::home(&engine, &query), &query, &EN, &site).unwrap();
    assert!(whole.contains(&region));

    // With a median, which the server has in an index and the browser in lines.
    let mut view = gather::home(&engine, &query);
    let asked = &view.cards[0].answer.setup;
    let cell = MedianCell {
        device: asked.hardware.join("+"),
        model: asked.model.clone(),
        quant: asked.quant.clone(),
        runtime: asked.runtime.clone(),
        depth_tokens: depth_bucket(asked.context),
        streams: asked.streams,
        speculative: false,
        count: 3,
        signed: 3,
        decode_tps: Some(1234.5),
        decode_range: None,
        prefill_tps: None,
    };
    let index = MedianIndex::new(Medians { cells: vec![cell] });
    gather::measured_of_all(&mut view, gather::in_index(&index));
    let whole = page::home_page(&view, &query, &EN, &site).unwrap();
    let with = gather::render(&engine, "/", &query, &medians::lines(index.cells()), &EN).unwrap();
    assert!(with != region && with.contains(&EN.answer.median_of("3")), "the median stands on its card");
    assert!(whole.contains(&with));
    assert_eq!(
        gather::render(&engine, "/gguf", &query, "", &EN),
        None,
        "that page reads files, which is the browser's own"
    );
    assert_eq!(gather::render(&engine, "/m/no-such-model", &query, "", &EN), None);
}

#[test]
fn every_name_that_the_form_offers_leads_to_a_row() {
    let catalog = engine().catalog;
    let choices = gather::choices(catalog);
    for name in &choices.models {
        assert!(catalog.model(name).is_ok(), "{name}: {:?}", catalog.model(name).err());
    }
    for name in &choices.devices {
        assert!(catalog.device(name).is_ok(), "{name}: {:?}", catalog.device(name).err());
    }
}

/// "The strongest that runs at N tokens a second" is the first card of those that run whole at least that fast.
#[test]
fn the_strongest_at_a_speed_comes_first() {
    let engine = engine();
    for minimum in [10.0, 40.0, 100.0] {
        let query = Query::parse(&format!("hardware=rtx-3090&fits=whole&min_tps={minimum}"));
        let view = gather::home(&engine, &query);
        let score = |card: &page::view::Card| match &card.subject {
            Subject::Model(model) => model.score,
            _ => panic!("a model"),
        };
        // What fits only at a severe loss stands behind.
        let severe = |card: &page::view::Card| {
            let quant = engine.catalog.quants().iter().find(|row| row.id == card.answer.setup.quant);
            quant.is_some_and(|row| row.loss == data::row::QuantLoss::Severe)
        };
        let strongest = view.cards.iter().filter(|card| !severe(card)).map(score).fold(0.0, f64::max);
        assert!(view.cards.len() > 5 && view.cards.iter().all(|card| card.fast_enough), "{minimum}");
        assert_eq!(score(&view.cards[0]), strongest, "{minimum}");
    }
    // A higher wish is never met by a stronger model.
    let best = |minimum: &str| {
        let query = Query::parse(&format!("hardware=rtx-3090&fits=whole&min_tps={minimum}"));
        gather::home(&engine, &query).spots.iter().map(|spot| spot.score).fold(0.0, f64::max)
    };
    assert!(best("100") <= best("40") && best("40") <= best("10"));
}
