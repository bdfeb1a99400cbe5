//! No row is dropped for being hard.

use std::path::Path;

use calibrate::row;
use calibrate::standing::{Share, standing};
use data::constants::Fitted;

/// Classes with fewer rows say nothing about a share.
const ENOUGH_ROWS: usize = 100;

#[test]
fn nine_in_ten_rows_of_one_stream_are_scored_in_every_class() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/measurements");
    let rows = row::read(&folder).expect("the measurements are there");
    let standing = standing(&rows, Fitted::embedded()).expect("the constants are whole");
    let judged: Vec<_> = standing.shares.iter().filter(|(_, share)| share.rows >= ENOUGH_ROWS).collect();
    assert!(judged.len() >= 8, "hardly a class has rows enough: {}", judged.len());
    for (class, Share { rows, scored }) in judged {
        assert!(scored * 10 >= rows * 9, "{class}: {scored} of {rows} rows are scored");
    }
}
