//! Rules about models.

use crate::catalog::Catalog;
use crate::row::{Capability, LayerGroup, Mixer, ModelRow};

/// Asks every model, and puts its id before the answer.
fn each(catalog: &Catalog, ask: impl Fn(&ModelRow) -> Option<String>) -> Vec<String> {
    let answers = catalog.models().iter().filter_map(|row| ask(row).map(|wrong| (row, wrong)));
    answers.map(|(row, wrong)| format!("{}: {wrong}", row.id)).collect()
}

pub(super) fn parameters_add_up(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let tables = if row.tied_embeddings { 1.0 } else { 2.0 };
        let tables_b = tables * f64::from(row.vocab_size) * f64::from(row.hidden_size) / 1e9;
        let lookups = row.sources.iter().any(|source| source == "lookup-tables");
        if !(row.active_params_b > 0.0 && row.active_params_b <= row.params_b) {
            Some(format!("{} active of {} billion parameters", row.active_params_b, row.params_b))
        } else if row.active_params_b < row.params_b && row.experts.is_none() && !lookups {
            Some("a dense model whose parameters are not all active".to_owned())
        } else {
            (tables_b >= row.active_params_b).then(|| {
                format!(
                    "embedding and head alone have {tables_b:.3} billion of {} parameters",
                    row.active_params_b
                )
            })
        }
    })
}

pub(super) fn layers_are_possible(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let impossible = row.layers.iter().find(|group| !is_possible(group));
        let layers = row.layer_count();
        let beside = row.layers.iter().filter(|group| group.parallel).any(|group| group.count > layers);
        match impossible {
            Some(group) => Some(format!("{group:?} is no layer")),
            None if layers == 0 || row.native_context_tokens == 0 => {
                Some("no layers, or no context".to_owned())
            }
            None => beside.then(|| "more layers beside the others than there are".to_owned()),
        }
    })
}

fn is_possible(group: &LayerGroup) -> bool {
    let heads_ok =
        |heads: u32, kv_heads: u32| kv_heads > 0 && heads >= kv_heads && heads.is_multiple_of(kv_heads);
    group.count > 0
        && match group.mixer {
            Mixer::Full { heads, kv_heads, key_dim, .. } => heads_ok(heads, kv_heads) && key_dim > 0,
            Mixer::Window { heads, kv_heads, key_dim, window, .. } => {
                heads_ok(heads, kv_heads) && key_dim > 0 && window > 0
            }
            Mixer::Latent { heads, rank, .. } => heads > 0 && rank > 0,
            Mixer::Recurrent { state_bytes } => state_bytes > 0,
            Mixer::FeedForward => true,
        }
}

pub(super) fn experts_are_possible(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let experts = row.experts?;
        let possible = experts.active > 0
            && experts.active < experts.total
            && experts.leading_dense_layers < row.layer_count()
            && row.active_params_b < row.params_b;
        (!possible)
            .then(|| format!("{experts:?}, {} of {} billion active", row.active_params_b, row.params_b))
    })
}

pub(super) fn capability_has_its_ground(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| match &row.capability {
        Capability::Arena { elo, source, .. } => {
            let known = catalog.source(source).is_some_and(|known| known.id == "lmarena");
            (!known || !(800..1700).contains(elo)).then(|| format!("a rating of {elo} from {source:?}"))
        }
        Capability::Editorial { score, basis, source } => {
            let grounded = *score <= 100 && !basis.is_empty() && catalog.source(source).is_some();
            (!grounded).then(|| format!("a score of {score} on the ground of {basis:?}, from {source:?}"))
        }
    })
}

pub(super) fn dates_and_native_quants_are_known(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let dated = row.released.as_ref().is_none_or(|month| is_month(month));
        let quant =
            row.native_quant.as_ref().filter(|id| !catalog.quants().iter().any(|quant| quant.id == **id));
        match quant {
            Some(id) => Some(format!("its weights come in {id:?}, which is no quantisation here")),
            None => (!dated).then(|| format!("released in {:?}; write YYYY-MM", row.released)),
        }
    })
}

fn is_month(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, month)| {
        let number =
            |text: &str, digits: usize| (text.len() == digits).then(|| text.parse::<u16>().ok()).flatten();
        number(year, 4).is_some_and(|year| year >= 2017)
            && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
    })
}
