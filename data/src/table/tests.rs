use std::collections::BTreeSet;

use proptest::prelude::*;

use super::make::{Maker, Report, ReportPoint};
use super::select::rank;
use super::wish::MOST_PER_PAGE;
use super::*;
use crate::Engine;
use crate::runs::RunRows;

fn table(reports: &[Report]) -> Table {
    Maker::new(Engine::embedded(), RunRows::embedded()).table(reports)
}

fn report(id: &str, device: &str, model: &str, build: &str, decode_tps: f64) -> Report {
    Report {
        id: id.into(),
        signed: true,
        measured_on: "2026-11-01".into(),
        device: device.into(),
        model: model.into(),
        quant: "q4_k_m".into(),
        runtime: "llama.cpp".into(),
        build: build.into(),
        backend: "cuda".into(),
        streams: 1,
        points: vec![ReportPoint {
            workload: "W1".into(),
            prompt_tokens: 128,
            cached_tokens: 0,
            output_tokens: 256,
            decode_tps,
        }],
        ..Report::default()
    }
}

fn wish(pairs: &[(&str, &'static str)], table: &Table) -> (Wish, usize) {
    let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    let (wish, wrong) = Wish::read(get, table);
    (wish, wrong.len())
}

#[test]
fn every_row_has_an_estimate_or_says_why_not() {
    let table = table(&[]);
    assert_eq!(table.rows.iter().filter(|row| row.source == "published-table").count(), 47);
    for row in &table.rows {
        let estimated = row.figures.iter().all(|figure| figure.estimate.is_some());
        assert_eq!(estimated, row.unestimated.is_none(), "{row:?}");
        assert_ne!(row.unestimated, Some(Unestimated::DeviceUnknown), "catalogued, or measured: {row:?}");
        let unknown = row.quant == "unknown";
        assert_eq!(unknown, row.unestimated == Some(Unestimated::QuantUnknown), "{row:?}");
    }
}

#[test]
fn a_power_limit_slows_the_estimate_down() {
    let table = table(&[]);
    let on = |device: &str| {
        let row = table.rows.iter().find(|row| row.device == device && row.model == "gemma-4-e4b");
        Picked::of(row.expect("a row"), "").expect("figures")
    };
    let capped = on("rtx-3090");
    assert!((capped.row.power_share - 200.0 / 350.0).abs() < 1e-3, "{}", capped.row.power_share);
    let full = {
        let device = "hardware=rtx-3090&model=gemma-4-e4b&quant=q4_k_m&prompt=128&context=192";
        let params = crate::query::Params::read(device.split('&').filter_map(|pair| pair.split_once('=')));
        let (params, engine) = (params.unwrap(), Engine::embedded());
        let (rig, job) = engine.read(&params).unwrap();
        let chosen = engine.choose(&params, &rig, &job).unwrap();
        engine.answer(&rig, &job, &chosen).decode_tps.unwrap()
    };
    assert!(capped.estimate.unwrap().mid < full.mid);
}

#[test]
fn families_come_newest_first_with_the_bare_headings_among_them() {
    let table = table(&[]);
    let months: Vec<&str> = table.families.iter().map(|family| family.released.as_str()).collect();
    assert!(months.windows(2).all(|pair| pair[0] >= pair[1]), "{months:?}");
    assert_eq!((table.families[0].name.as_str(), table.families[0].published_runs), ("Gemma-4", Some(56)));
    let selection = Selection::new(&table, &Wish::default());
    let bare = |name: &str| {
        let at = table.families.iter().position(|family| family.name == name).expect(name);
        selection.counts[at] == 0
    };
    assert!(bare("granite-4.1") && bare("LFM2.5-350M") && bare("Gemma-3"));
}

#[test]
fn filters_narrow_and_sorts_order_within_a_family() {
    let table = table(&[report("r1", "rtx-3090", "gemma-4-e4b", "b9000", 130.0)]);
    let all = Selection::new(&table, &Wish::default()).all.len();
    for (pairs, least) in [
        (vec![("hardware", "rtx-3090"), ("backend", "cuda")], 10),
        (vec![("quant", "Q4_K_XL")], 8),
        (vec![("runtime", "VLLM")], 6),
        (vec![("q", "strix gemma")], 7),
        (vec![("from", "community")], 1),
        (vec![("concurrency", "1")], 40),
        (vec![("shape", "chat-short")], 1),
        (vec![("family", "LFM2")], 10),
    ] {
        let (wish, wrong) = wish(&pairs, &table);
        let found = Selection::new(&table, &wish).all.len();
        assert!(wrong == 0 && found >= least && found < all.max(49), "{pairs:?}: {found}");
    }
    let (mine, _) = wish(&[("from", "community")], &table);
    let mine = Selection::new(&table, &mine);
    assert_eq!((mine.all[0].row.source.as_str(), mine.all[0].row.family), ("r1", 0), "with its family");
    assert!(mine.all[0].ratio().is_some());

    for sort in Sort::ALL {
        let wish = Wish { sort, descending: false, ..Wish::default() };
        let up = Selection::new(&table, &wish);
        let down = Selection::new(&table, &Wish { descending: true, ..wish });
        assert_eq!(up.all.len(), down.all.len(), "{sort:?}");
    }
    let (fast, _) = wish(&[("sort", "-speed"), ("family", "Gemma-4")], &table);
    let speeds: Vec<f64> = Selection::new(&table, &fast).all.iter().map(|row| row.high_tps).collect();
    assert!(speeds.is_sorted(), "a minus turns it round: {speeds:?}");
    let (without, _) = wish(&[("sort", "ratio")], &table);
    let sorted = Selection::new(&table, &without);
    assert!(sorted.all.iter().any(|row| row.ratio().is_none()));
    let falls = |pair: &[Picked<'_>]| {
        pair[0].row.family != pair[1].row.family || pair[0].ratio().is_some() || pair[1].ratio().is_none()
    };
    assert!(sorted.all.windows(2).all(falls), "what has no estimate comes last in its family");
}

#[test]
fn what_cannot_be_read_is_told_and_passed_over() {
    let table = table(&[]);
    let bad = [
        ("per_page", "1001"),
        ("page", "zero"),
        ("sort", "colour"),
        ("shape", "round"),
        ("from", "me"),
        ("concurrency", "-1"),
    ];
    assert_eq!(wish(&bad, &table), (Wish::default(), bad.len()));
}

#[test]
fn the_report_card_is_the_middle_of_the_ratios() {
    let row = |tps: f64| {
        let mut row = table(&[report("r", "rtx-3090", "gemma-4-e4b", "b1", tps)]).rows.pop().unwrap();
        row.figures[0].estimate = Some(Range { low: 80.0, mid: 100.0, high: 125.0 });
        row
    };
    let rows = [row(50.0), row(100.0), row(110.0)];
    let picked: Vec<Picked<'_>> = rows.iter().filter_map(|row| Picked::of(row, "")).collect();
    let card = ReportCard::of(&picked);
    assert_eq!((card.rows, card.within, card.fitted), (3, 2, 0));
    assert!((card.median_ratio - 1.0).abs() < 1e-9, "{card:?}");
    assert!((card.median_error - (1.0 - 1.0 / 1.1)).abs() < 1e-9, "{card:?}");
    assert_eq!(ReportCard::of(&[]), ReportCard::default());
}

#[test]
fn a_trend_compares_what_ran_alike_and_marks_what_is_no_noise() {
    let mut reports = vec![
        report("a", "rtx-3090", "gemma-4-e4b", "b9000", 100.0),
        report("b", "rtx-3090", "gemma-4-e4b", "b10000", 101.0),
        report("c", "rtx-3090", "gemma-4-e4b", "b11000", 180.0),
    ];
    reports[2].measured_on = "2026-11-02".into();
    let table = table(&reports);
    // One version on one day is no step.
    assert!(trend::steps(&table, "rtx-5070,lfm2-1.2b,q4_k_m").iter().all(|step| step.change.is_none()));
    assert!(!table.trends.iter().any(|(key, _)| key.starts_with("rtx-5070,lfm2-1.2b")));
    let steps = trend::steps(&table, "rtx-3090,gemma-4-e4b,q4_k_m");
    let of = |id: &str| *steps.iter().find(|step| step.picked.row.source == id).expect(id);
    assert_eq!(of("a").change, None, "the published row has another power limit");
    assert!((of("b").change.unwrap() - 1.01).abs() < 1e-9 && !of("b").beyond_noise);
    assert!(of("c").beyond_noise, "{:?}", of("c").change);
    assert!(table.trends.iter().any(|(key, count)| key == "rtx-3090,gemma-4-e4b,q4_k_m" && *count == 4));
}

#[test]
fn a_table_travels() {
    let table = table(&[report("a", "rtx-3090", "gemma-4-e4b", "b9000", 100.0)]);
    let bytes = to_bytes(&table).unwrap();
    assert_eq!(from_bytes(&bytes), Some(table));
    assert_eq!(from_bytes(&bytes[..bytes.len() / 2]), None);
}

#[test]
fn a_range_around_others_holds_them_and_has_their_middle() {
    let range = |low, mid, high| Range { low, mid, high };
    let both = around([range(8.0, 10.0, 12.0), range(30.0, 40.0, 50.0)].into_iter()).unwrap();
    assert_eq!((both.low, both.high), (8.0, 50.0));
    assert!((both.mid - 20.0).abs() < 1e-9, "{}", both.mid);
    assert_eq!(around(core::iter::empty()), None);
}

/// Turning from page to page by the rows at their edges, while new rows come in ahead.
#[test]
fn a_page_follows_its_row_whatever_comes_in_before_it() {
    let mut table = table(&[]);
    let keys: BTreeSet<String> = table.rows.iter().map(Row::key).collect();
    let twice =
        table.rows.iter().filter(|row| table.rows.iter().filter(|r| r.key() == row.key()).count() > 1);
    assert_eq!(
        keys.len(),
        table.rows.len(),
        "each row has a key of its own: {:#?}",
        twice.collect::<Vec<_>>()
    );
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let selection = Selection::new(&table, &Wish { after, per_page: 7, ..Wish::default() });
        seen.extend(selection.shown().iter().map(|picked| picked.row.key()));
        pages += 1;
        let Some(key) = selection.next() else { break };
        if let Some(before) = selection.previous() {
            let back = Selection::new(&table, &Wish { before, per_page: 7, ..Wish::default() });
            assert_eq!(back.first + 7, selection.first, "page {pages}");
        }
        after = key;
        // Faster than all of the newest family, so ahead of everything.
        let mut row = table.rows[0].clone();
        row.figures.iter_mut().for_each(|figure| figure.high_tps = 1e6 + f64::from(pages));
        row.build = format!("new {pages}");
        table.rows.push(row);
    }
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((once.len(), seen.len()), (keys.len(), keys.len()), "every row once, none twice");
    // A row's own key says nothing of its place: where the row is gone, the page's number is left.
    let lost = Wish { after: "0123456789abcdef".into(), page: 2, per_page: 7, ..Wish::default() };
    assert_eq!(Selection::new(&table, &lost).first, 7);
}

/// A page goes on where its row stood, though the row and those around it are gone, in every order.
#[test]
fn a_page_goes_on_where_its_row_stood() {
    let whole = table(&[]);
    for sort in Sort::ALL {
        for descending in [false, true] {
            let of = |after: String, before: String| Wish {
                after,
                before,
                per_page: 7,
                sort,
                descending,
                ..Wish::default()
            };
            let first = Selection::new(&whole, &of(String::new(), String::new()));
            let after = first.next().expect("another page");
            let second = Selection::new(&whole, &of(after.clone(), String::new()));
            let before = second.previous().expect("a page before");
            let key = |picked: &Picked<'_>| picked.row.key();
            let gone =
                [first.shown().last(), second.shown().first()].map(|picked| picked.map(key).expect("a row"));
            let mut left = whole.clone();
            left.rows.retain(|row| !gone.contains(&row.key()));
            let next = Selection::new(&left, &of(after, String::new()));
            // What stands like the row that is gone may be seen again, and nothing is passed over.
            let wanted = key(&second.shown()[1]);
            let from = next.all.iter().position(|picked| key(picked) == wanted).expect("it is left");
            let stood = rank(sort, descending, first.shown().last().expect("a row"));
            let again = next.all.get(next.first..from).expect("no row is passed over");
            assert!(
                again.iter().all(|picked| rank(sort, descending, picked) == stood),
                "{sort:?} {descending}"
            );
            let back = Selection::new(&left, &of(String::new(), before));
            assert_eq!(back.first, 0, "{sort:?} {descending}");
            // Ranks rise as rows come.
            let ranks: Vec<(u32, u64)> =
                first.all.iter().map(|picked| rank(sort, descending, picked)).collect();
            assert!(ranks.is_sorted(), "{sort:?} {descending}");
        }
    }
}

/// As many as a busy site may have: pages stay whole and in order.
#[test]
fn a_hundred_thousand_rows_are_paged() {
    let mut table = table(&[]);
    let published = table.rows.clone();
    for at in 0..100_000 {
        let mut row = published[at % published.len()].clone();
        row.figures[0].low_tps = 1.0 + (at * 7919 % 100_003) as f64;
        row.figures[0].high_tps = row.figures[0].low_tps;
        row.build = format!("b{at}");
        table.rows.push(row);
    }
    let (wish, _) = wish(&[("per_page", "1000"), ("page", "40"), ("q", "llama b")], &table);
    let selection = Selection::new(&table, &wish);
    assert!(selection.all.len() > 50_000 && selection.shown().len() == 1000);
    let places = selection.shown().iter().map(|row| (row.row.family, -row.high_tps));
    assert!(places.collect::<Vec<_>>().is_sorted());
}

proptest! {
    /// Pages part the rows: each row is on one page, and pages hold no more than they may.
    #[test]
    fn pages_part_the_rows(per_page in 1_u32..=MOST_PER_PAGE, column in 0_usize..9, descending: bool) {
        let table = table(&[]);
        let of = |page: u32| Wish { page, per_page, sort: Sort::ALL[column], descending, ..Wish::default() };
        let first = Selection::new(&table, &of(1));
        let mut seen = BTreeSet::new();
        let mut count = 0;
        for page in 1..=first.pages {
            let selection = Selection::new(&table, &of(page as u32));
            prop_assert!(selection.shown().len() <= per_page as usize);
            for picked in selection.shown() {
                count += 1;
                seen.insert(std::ptr::from_ref(picked.row));
            }
        }
        prop_assert_eq!(count, table.rows.len());
        prop_assert_eq!(seen.len(), count);
        prop_assert_eq!(Selection::new(&table, &of(u32::MAX)).page, first.pages);
    }
}
