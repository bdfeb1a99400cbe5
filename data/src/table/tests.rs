mod pages;

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
            apart: None,
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
fn a_table_of_another_version_or_with_rows_of_no_family_is_refused() {
    let mut table = table(&[]);
    let bytes = to_bytes(&table).unwrap();
    assert_eq!(from_bytes(&bytes).as_ref(), Some(&table));
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert_eq!(from_bytes(&other), None);
    assert_eq!(from_bytes(&bytes[..bytes.len() - 1]), None);
    table.rows[0].family = table.families.len() as u32;
    assert_eq!(from_bytes(&to_bytes(&table).unwrap()), None);
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
fn a_value_that_no_row_has_is_told_with_near_ones_and_passed_over() {
    let table = table(&[]);
    let all = Selection::new(&table, &Wish::default()).all.len();
    for (name, value, near) in [
        ("hardware", "3090", "rtx-3090"),
        ("hardware", "nonsense", "rtx-3090"),
        ("backend", "cud", "cuda"),
        ("runtime", "VLL", "vLLM"),
        ("quant", "k_xl", "Q4_K_XL"),
        ("family", "gemma", "Gemma-4"),
        ("model", "no-such-model", "gemma-4-e4b"),
        ("q", "one two three four five six seven eight nine", ""),
    ] {
        let (wish, wrong) = Wish::read(|asked| if asked == name { value } else { "" }, &table);
        let [wrong] = &wrong[..] else { panic!("{name}={value}: {wrong:?}") };
        assert_eq!(wrong.field, name);
        assert!(near.is_empty() || wrong.near.iter().any(|value| value == near), "{value}: {wrong:?}");
        let found = Selection::new(&table, &wish).all.len();
        assert!(name == "q" || found == all, "{name}={value} is passed over: {found}");
    }
    // However it is written, a filter in force is spelt as the rows spell it.
    for (name, value, spelt) in [
        ("backend", "CUDA", "cuda"),
        ("runtime", "llama.CPP", "llama.cpp"),
        ("hardware", "RTX 3090", "rtx-3090"),
    ] {
        let (wish, wrong) = Wish::read(|asked| if asked == name { value } else { "" }, &table);
        let found = [&wish.backend, &wish.runtime, &wish.hardware].into_iter().any(|value| value == spelt);
        assert!(found && wrong.is_empty(), "{wish:?} {wrong:?}");
        let rows = Selection::new(&table, &wish).all.len();
        assert!(rows > 0 && rows < all, "{name}={value}: {rows}");
    }
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

/// Speeds of several reporters under two versions, and the change that is told between them.
fn change_of(first: &[f64], second: &[f64]) -> (f64, bool) {
    let made = |build: &'static str| {
        move |(at, tps): (usize, &f64)| {
            report(&format!("{build}-{at}"), "rtx-4090", "gemma-4-e4b", build, *tps)
        }
    };
    let reports: Vec<Report> = first
        .iter()
        .enumerate()
        .map(made("b9000"))
        .chain(second.iter().enumerate().map(made("b10000")))
        .collect();
    let table = table(&reports);
    let steps = trend::steps(&table, "rtx-4090,gemma-4-e4b,q4_k_m");
    assert_eq!(steps.len(), reports.len());
    let repeats = steps.iter().filter(|step| step.is_repeat).count();
    assert_eq!(repeats, reports.len() - 2, "one step a version, the others repeat it");
    let told: Vec<_> = steps.iter().filter_map(|step| Some((step.change?, step.beyond_noise))).collect();
    let [told] = told[..] else { panic!("one change: {told:?}") };
    told
}

#[test]
fn several_reporters_of_one_version_and_day_count_by_their_median() {
    // Whoever came last on a day, and first on the next, is no measure of the change between them.
    let (change, told) = change_of(&[100.0, 101.0, 60.0], &[101.0, 100.0, 61.0]);
    assert!((change - 1.0).abs() < 1e-9 && !told, "{change}");
    // What one report may differ by, eight may not.
    let (one, eight) = ([100.0].to_vec(), [99.0, 100.0, 101.0, 100.0, 99.5, 100.5, 100.0, 100.0]);
    let faster = |tps: &[f64]| -> Vec<f64> { tps.iter().map(|tps| tps * 1.1).collect() };
    assert!(!change_of(&one, &faster(&one)).1);
    assert!(change_of(&eight, &faster(&eight)).1);
    // Where reporters scatter more than usual, that is the noise.
    let wide = [100.0, 150.0, 70.0];
    let (change, told) = change_of(&wide, &wide.map(|tps| tps * 1.4));
    assert!((change - 1.4).abs() < 1e-9 && !told, "{change}");
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
