use calibrate::clean::Reason;
use calibrate::observation::{Metric, Reader};
use calibrate::predict::Predictor;
use calibrate::row;
use data::Catalog;
use data::constants::Fitted;
fn main() {
    let rows = row::read(std::path::Path::new("data/measurements")).unwrap();
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let p = Predictor::new(Fitted::embedded()).unwrap();
    for (i, r) in rows.iter().enumerate() {
        if r.metric != "decode" {
            continue;
        }
        if let Ok(o) = reader.read(i, r) {
            if o.metric == Metric::Decode
                && o.streams <= 1.0
                && (o.has(Reason::PartialOffload))
                && o.devices <= 1.0
            {
                let l = p.predict(&o);
                println!(
                    "{}|{}|{}|{}|{}|{:?}|{:.2}|{:.2}|{:?}|{}",
                    o.source,
                    o.device.key,
                    o.model_id,
                    o.quant,
                    o.runtime,
                    o.offload,
                    o.speed.unwrap_or(0.0),
                    l.middle.exp(),
                    o.reasons,
                    r.notes
                );
            }
        }
    }
}
