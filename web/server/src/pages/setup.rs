//! Which setups a query names, as cells name them.

use data::Engine;
use data::medians::capped;
use data::query::{Params, Rig};
use page::Query;
use page::view::MOST_SETUPS;

/// The machine of a query; none where it names none, or one that is in no catalogue.
pub fn machine(engine: &Engine<'_>, query: &Query) -> Option<String> {
    if query.get("hardware").is_empty() {
        return None;
    }
    let given =
        query.pairs().filter(|(name, _)| ["hardware", "devices", "memory_gib", "power"].contains(name));
    let rig = Rig::read(&Params::read_known(given).ok()?, engine.catalog, engine.rules).ok()?;
    key(&rig)
}

fn key(rig: &Rig<'_>) -> Option<String> {
    let ids: Vec<&str> =
        rig.devices.iter().map(|device| Some(device.row?.id.as_str())).collect::<Option<_>>()?;
    Some(capped(&ids.join("+"), rig.first().device.power_share))
}

/// The setups of a comparison that could be read: machine, model, quantisation.
pub fn all(engine: &Engine<'_>, query: &Query) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    for n in 1..=MOST_SETUPS {
        let setup = query.of_setup(n);
        let given = setup.pairs().filter(|(_, value)| !value.is_empty());
        let Ok(params) = Params::read_known(given) else { continue };
        let Ok((rig, job)) = engine.read(&params) else { continue };
        let Ok(chosen) = engine.choose(&params, &rig, &job) else { continue };
        found.extend(key(&rig).map(|key| [key, chosen.model.id.clone(), chosen.quant.id.clone()]));
    }
    found
}
