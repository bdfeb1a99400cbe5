//! Each rule finds what breaks it, and nothing else.

use super::*;

#[test]
fn the_embedded_campaigns_keep_every_rule() {
    let wrong = violations(RunRows::embedded(), Catalog::embedded());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every rule catches what it is for; together they name every rule at least once.
#[test]
#[allow(clippy::type_complexity, reason = "a table of rule and how to break it")]
fn each_rule_catches_its_violation() {
    fn run(rows: &mut RunRows) -> &mut RunRow {
        &mut rows.campaigns[0].families[0].runs[0]
    }
    fn setup(rows: &mut RunRows) -> &mut super::super::SetupRow {
        let name = run(rows).on.clone();
        rows.campaigns[0].setups.get_mut(&name).expect("a setup")
    }
    #[rustfmt::skip]
    let spoilers: Vec<(&str, fn(&mut RunRows))> = vec![
        ("campaigns, rigs", |rows| rows.rigs[0].id = rows.rigs[1].id.clone()),
        ("campaigns, rigs", |rows| rows.campaigns[0].id = "My Campaign".into()),
        ("everything names a source", |rows| rows.queued[0].source = "hearsay".into()),
        ("a rig's devices", |rows| rows.rigs[0].devices[0].hardware = "rtx-9999".into()),
        ("a rig's devices", |rows| rows.rigs[0].devices.clear()),
        ("power limits", |rows| rows.rigs[0].devices[0].power_limit_w = Some(2000)),
        ("setups lead", |rows| setup(rows).rig = "nowhere".into()),
        ("setups lead", |rows| setup(rows).devices = 9),
        ("several devices", |rows| setup(rows).devices = 2),
        ("several devices", |rows| setup(rows).split = Some("by hand".into())),
        ("runtimes and", |rows| setup(rows).runtime = "abacus".into()),
        ("runtimes and", |rows| setup(rows).backend = "steam".into()),
        ("runs name a setup", |rows| run(rows).on = "nowhere".into()),
        ("models and", |rows| run(rows).model = Some("gemma-99".into())),
        ("models and", |rows| run(rows).quant = "q17".into()),
        ("speeds are", |rows| run(rows).points[0].gen_tps.reverse()),
        ("speeds are", |rows| run(rows).points[0].ttft_ms = Some(-1.0)),
        ("speeds are", |rows| run(rows).points[0].gen_tps.clear()),
        ("points are", |rows| run(rows).points[0].shape = Some("round".into())),
        ("points are", |rows| { let again = run(rows).points[0].clone(); run(rows).points.push(again); }),
        ("points are", |rows| run(rows).points.clear()),
        ("dates are", |rows| run(rows).measured_on = Some("last spring".into())),
        ("dates are", |rows| rows.campaigns[0].families[0].released = "2026-04-01".into()),
        ("published counts", |rows| rows.campaigns[0].families[0].published_runs = Some(1)),
        ("speculation says", |rows| run(rows).speculative = Some(super::super::SpeculativeRow { method: "draft".into(), draft: None, tokens: None })),
        ("superseded runs", |rows| run(rows).superseded_by = Some("nowhere/run".into())),
        ("superseded runs", |rows| { let campaign = rows.campaigns[0].id.clone(); run(rows).id = Some("a".into()); run(rows).superseded_by = Some(format!("{campaign}/a")); }),
    ];
    for (rule, spoil) in &spoilers {
        let mut rows = RunRows::embedded().clone();
        spoil(&mut rows);
        let wrong = violations(&rows, Catalog::embedded());
        assert!(wrong.iter().any(|text| text.starts_with(rule)), "{rule} did not catch it: {wrong:?}");
    }
    for (rule, _) in CHECKS {
        assert!(spoilers.iter().any(|(tried, _)| rule.starts_with(tried)), "{rule} is not tried");
    }
}

#[test]
fn all_violations_are_told_at_once() {
    let mut rows = RunRows::embedded().clone();
    rows.rigs[0].source = "hearsay".into();
    rows.campaigns[0].families[0].runs[0].quant = "q17".into();
    rows.campaigns[0].families[0].runs[1].points.clear();
    assert!(violations(&rows, Catalog::embedded()).len() >= 3);
}
