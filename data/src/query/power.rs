//! The power limit: a share of stock, or watts.

use alloc::format;
use alloc::string::ToString;

use super::params::{FieldError, Params, clip};
use crate::messages::WORDS;
use crate::number;

/// A power limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Power {
    /// As a share of stock.
    Share(f64),
    /// In watts.
    Watts(f64),
}

impl Power {
    /// `0.8`, or `250W`.
    pub(super) fn read(params: &Params) -> Result<Option<Power>, FieldError> {
        let Some(text) = params.get("power") else { return Ok(None) };
        let power = match text.strip_suffix(['w', 'W']) {
            Some(watts) => number::read(watts.trim_end()).filter(|watts| *watts > 0.0).map(Power::Watts),
            None => number::read(text).filter(|share| (LEAST_POWER..=1.0).contains(share)).map(Power::Share),
        };
        power.map(Some).ok_or_else(|| not_a_share(text))
    }

    /// As a share of the stock limit; a limit above stock counts as stock.
    pub(super) fn share(self, stock_w: Option<u32>) -> Result<f64, FieldError> {
        match (self, stock_w) {
            (Power::Share(share), _) => Ok(share),
            (Power::Watts(watts), Some(stock_w)) if watts >= LEAST_POWER * f64::from(stock_w) => {
                Ok((watts / f64::from(stock_w)).min(1.0))
            }
            (Power::Watts(watts), _) => Err(not_a_share(&format!("{watts} W"))),
        }
    }
}

/// Below this nobody runs a device, and no constant is fitted.
const LEAST_POWER: f64 = 0.1;

fn not_a_share(text: &str) -> FieldError {
    FieldError::new("power", WORDS.query.power(&LEAST_POWER.to_string(), &clip(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_share_of_stock_or_watts() {
        let share = |text, stock_w| {
            let params = Params::read([("power", text)]).unwrap();
            Power::read(&params)
                .and_then(|power| power.unwrap().share(stock_w))
                .map_err(|error| error.message)
        };
        assert_eq!(share("0.8", None), Ok(0.8));
        assert_eq!(share("280W", Some(350)), Ok(0.8));
        assert_eq!(share("280 w", Some(350)), Ok(0.8));
        assert_eq!(share("400W", Some(350)), Ok(1.0));
        for (text, stock_w) in
            [("250", Some(350)), ("250W", None), ("20W", Some(350)), ("0", None), ("W", Some(350))]
        {
            assert!(share(text, stock_w).is_err_and(|message| message.contains("share of stock")), "{text}");
        }
    }
    #[test]
    fn a_wrong_limit_is_told_once() {
        let engine = crate::engine::Engine::embedded();
        for (hardware, power) in [("rtx-3090,rtx-4090,rx-7900-xtx", "5W"), ("rtx-3090,rtx-3090", "2")] {
            let params = Params::read([("hardware", hardware), ("power", power)]).unwrap();
            let errors = engine.read(&params).map(|_| ()).unwrap_err();
            assert_eq!(errors.iter().filter(|error| error.field == "power").count(), 1, "{errors:?}");
        }
    }
}
