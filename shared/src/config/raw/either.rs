//! Values that may be written in two ways.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value};

use super::{Distribution, PriceFields, Spanned};

/// One value, or a list.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum OneOrMany<T> {
    One(T),
    Many(Vec<Spanned<T>>),
}

/// What [`OneOrMany`] can hold: read from a bare value of the text.
pub(in crate::config) trait Bare: Sized {
    /// What is expected, in the words of an error.
    const EXPECTED: &'static str;
    fn of_integer(number: i64) -> Option<Self>;
    fn of_text(text: &str) -> Option<Self>;
}

impl Bare for i64 {
    const EXPECTED: &'static str = "a whole number or a list of them";
    fn of_integer(number: i64) -> Option<Self> {
        Some(number)
    }
    fn of_text(_: &str) -> Option<Self> {
        None
    }
}

impl Bare for String {
    const EXPECTED: &'static str = "a text or a list of them";
    fn of_integer(number: i64) -> Option<Self> {
        Some(number.to_string())
    }
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<'de, T: Bare + Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor<T>(PhantomData<T>);
        impl<'de, T: Bare + Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<OneOrMany<T>, E> {
                let one = T::of_integer(number).map(OneOrMany::One);
                one.ok_or_else(|| E::invalid_type(serde::de::Unexpected::Signed(number), &self))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<OneOrMany<T>, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                let one = T::of_text(text).map(OneOrMany::One);
                one.ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany<T>, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(list)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

/// `price: unknown`, or its fields.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum Price {
    /// `unknown`: the endpoint is measured, and left out of everything that ranks by cost.
    Word(#[schemars(extend("const" = "unknown"))] String),
    Fields(PriceFields),
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PriceVisitor;
        impl<'de> Visitor<'de> for PriceVisitor {
            type Value = Price;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{input_per_1k_usd: ..., output_per_1k_usd: ...}")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Price, E> {
                Ok(Price::Word(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
                PriceFields::deserialize(value::MapAccessDeserializer::new(map)).map(Price::Fields)
            }
        }
        deserializer.deserialize_any(PriceVisitor)
    }
}

/// `prompt_tokens: 550`, or a distribution.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum Tokens {
    Fixed(i64),
    Distribution(Distribution),
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TokensVisitor;
        impl<'de> Visitor<'de> for TokensVisitor {
            type Value = Tokens;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or {mean: 550, stddev: 150}")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Tokens, E> {
                Ok(Tokens::Fixed(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Tokens, E> {
                Ok(Tokens::Fixed(i64::try_from(number).unwrap_or(i64::MAX)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tokens, A::Error> {
                let fields = value::MapAccessDeserializer::new(map);
                Distribution::deserialize(fields).map(Tokens::Distribution)
            }
        }
        deserializer.deserialize_any(TokensVisitor)
    }
}
