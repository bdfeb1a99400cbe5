use calibrate::observation::{Metric, Reader};
use calibrate::row;
use data::Catalog;
use std::collections::BTreeMap;
fn main() {
    let rows = row::read(std::path::Path::new("data/measurements")).unwrap();
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let mut c: BTreeMap<String, usize> = BTreeMap::new();
    for (i, r) in rows.iter().enumerate() {
        if r.n_devices.unwrap_or(1.0) <= 1.0 || r.metric != "decode" {
            continue;
        }
        match reader.read(i, r) {
            Ok(o) => {
                if o.metric == Metric::Decode && o.shares_matrices && o.streams <= 1.0 {
                    *c.entry(format!(
                        "{} {} {:?} kind",
                        o.source.chars().take(20).collect::<String>(),
                        o.runtime,
                        o.reasons
                    ))
                    .or_default() += 1;
                }
            }
            Err(e) => {
                *c.entry(format!("err {} {:?}", r.source.chars().take(20).collect::<String>(), e))
                    .or_default() += 1;
            }
        }
    }
    for (k, v) in c {
        println!("{v} {k}")
    }
}
