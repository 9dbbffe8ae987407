//! What an endpoint's tokens cost: `price`, or the table.

use serde_saphyr::Location;

use super::check::{Checker, join};
use super::raw::{self, Field, Spanned};
use super::shape::nearest;
use crate::price::{self, HourPrice, Price, TokenPrice};
use crate::units::NanoUsd;

/// More than this for 1,000 tokens is taken for a price of a million.
const MAX_USD_PER_1K: f64 = 1.0;

/// More than this for an hour is taken for a mistake: the largest instances cost about a tenth.
const MAX_USD_PER_HOUR: f64 = 1000.0;

/// What is paid for by the hour.
#[derive(Debug, Clone)]
pub(super) struct Instances {
    /// What they are.
    pub(super) instance_type: Option<String>,
    /// How many there are.
    pub(super) count: u32,
}

impl Instances {
    /// Their price, at so much for an hour of each.
    pub(super) fn at(&self, per_hour_nano_usd: NanoUsd, source: String) -> Price {
        Price::Hours(HourPrice {
            per_hour_nano_usd,
            instances: self.count,
            instance_type: self.instance_type.clone(),
            source,
        })
    }
}

pub(super) const HOUR_MEND: &str =
    "give `price: {per_hour_usd: 1.515}` with the price of an hour of one instance";

pub(super) const MEND: &str = "give `price: {input_per_1k_usd: 0.00015, output_per_1k_usd: 0.0002}` with the prices of 1,000 tokens";

/// The price that the configuration gives: the inner `None` where it says that it is not known.
#[expect(clippy::option_option, reason = "refused and unknown are two things")]
pub(super) fn given(
    checker: &mut Checker<'_>,
    price: &Spanned<raw::Price>,
    instances: &Instances,
    path: &str,
) -> Option<Option<Price>> {
    let at = price.referenced;
    let fields = match &price.value {
        raw::Price::Fields(fields) => fields,
        raw::Price::Word(word) if word == "unknown" => return Some(None),
        raw::Price::Word(word) => {
            let mend = format!("{MEND}, or write `price: unknown`");
            checker.refuse(at, path, format!("`{word}` is not a price"), mend);
            return None;
        }
    };
    if let Some(field) = &fields.per_hour_usd {
        if let Some(other) = fields.input_per_1k_usd.as_ref().or(fields.output_per_1k_usd.as_ref())
        {
            let mend = "give the price of tokens or that of an hour, not both";
            checker.refuse(other.referenced, path, "an endpoint has one price", mend);
            return None;
        }
        let each = per_hour(checker, field, &join(path, "per_hour_usd"))?;
        return Some(Some(instances.at(each, "the configuration".to_owned())));
    }
    let mut read = |name: &str, field: &Field<f64>| {
        let path = join(path, name);
        if let Some(field) = field {
            return per_1k(checker, field, &path);
        }
        checker.refuse(at, &path, format!("`{name}` is missing"), MEND);
        None
    };
    let input = read("input_per_1k_usd", &fields.input_per_1k_usd);
    let output = read("output_per_1k_usd", &fields.output_per_1k_usd);
    let (input, output) = (input?, output?);
    if input == NanoUsd::ZERO && output == NanoUsd::ZERO {
        let problem = "a price of nothing makes this endpoint the cheapest of all";
        checker.refuse(at, path, problem, MEND);
        return None;
    }
    let source = "the configuration".to_owned();
    let (input_per_1k_nano_usd, output_per_1k_nano_usd) = (input, output);
    let price = TokenPrice { input_per_1k_nano_usd, output_per_1k_nano_usd, source };
    Some(Some(Price::Tokens(price)))
}

/// The price of an hour of one instance or unit.
fn per_hour(checker: &mut Checker<'_>, field: &Spanned<f64>, path: &str) -> Option<NanoUsd> {
    let usd = field.value;
    let amount = NanoUsd::from_usd(usd).filter(|&amount| amount > NanoUsd::ZERO);
    if amount.is_none() || usd > MAX_USD_PER_HOUR {
        checker.refuse(
            field.referenced,
            path,
            format!("{usd} is not the price of an hour"),
            format!("write the US dollars for an hour of one instance, above 0 and up to {MAX_USD_PER_HOUR}"),
        );
        return None;
    }
    amount
}

fn per_1k(checker: &mut Checker<'_>, field: &Spanned<f64>, path: &str) -> Option<NanoUsd> {
    let usd = field.value;
    let (problem, mend) = if usd > MAX_USD_PER_1K {
        (
            format!("{usd} US dollars for 1,000 tokens is more than any model costs"),
            "is it the price of a million tokens? divide it by 1,000",
        )
    } else if let Some(amount) = NanoUsd::from_usd(usd) {
        return Some(amount);
    } else {
        (format!("{usd} is not a price"), "write the US dollars for 1,000 tokens, such as 0.00015")
    };
    checker.refuse(field.referenced, path, problem, mend);
    None
}

/// The price that the table has for what is invoked.
pub(super) fn known(
    checker: &mut Checker<'_>,
    model_id: &str,
    region: &str,
    at: Location,
    path: &str,
) -> Option<Price> {
    let known = price::lookup(model_id, region);
    if known.is_none() {
        let here = price::lookup(model_id, price::REGION);
        let mend = match here.as_ref().and_then(Price::tokens) {
            Some(price) => format!(
                "if those of {} hold there, give `price: {{input_per_1k_usd: {}, output_per_1k_usd: {}}}`",
                price::REGION,
                price.input_per_1k_nano_usd.as_usd(),
                price.output_per_1k_nano_usd.as_usd(),
            ),
            None => match nearest(model_id, price::model_ids()) {
                Some(nearest) => {
                    format!("did you mean `{nearest}`? or {MEND}, or `price: unknown`")
                }
                None => format!("{MEND}, or write `price: unknown`"),
            },
        };
        let problem = format!("the price of `{model_id}` in {region} is not known");
        checker.refuse(at, path, problem, mend);
    }
    known
}

/// The price of the model that is simulated: a model that the table has.
pub(super) fn simulated(
    checker: &mut Checker<'_>,
    model_id: &str,
    at: Location,
    path: &str,
) -> Option<Price> {
    let known = price::lookup(model_id, price::REGION);
    if known.is_none() {
        let mend = nearest(model_id, price::model_ids()).map_or_else(
            || "write the id of a model, such as mistral.mistral-7b-instruct-v0:2".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        checker.refuse(at, path, format!("`{model_id}` is not a model that is known"), mend);
    }
    known
}
