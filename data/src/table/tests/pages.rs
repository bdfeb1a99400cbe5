//! Pages of the table: by their number, and by the row at their edge.

use super::*;

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
