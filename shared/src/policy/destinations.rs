//! Where cross-region inference profiles route to, by the prefix of their ids.
//!
//! A profile routes to some of these regions, depending on its model and on the region that it is
//! called in, which is always one of them. AWS adds regions as it goes; `aws bedrock
//! get-inference-profile` tells the truth of the day. To name one too many does no harm where the
//! permission holds through the profile only.

/// When the table was put together, `YYYY-MM`.
pub const DESTINATIONS_DATE: &str = "2026-11";

/// Where the profiles of a prefix route to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destinations {
    /// These regions, and the one that it is called in.
    Regions(&'static [&'static str]),
    /// All commercial regions: IAM checks an ARN without a region.
    Anywhere,
}

/// By prefix. Source: the Bedrock user guide, "Supported Regions and models for inference profiles"
/// and "Global cross-Region inference", all models together.
pub const DESTINATIONS: [(&str, Destinations); 7] = [
    (
        "apac",
        Destinations::Regions(&[
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-4",
        ]),
    ),
    ("au", Destinations::Regions(&["ap-southeast-2", "ap-southeast-4"])),
    (
        "eu",
        Destinations::Regions(&[
            "eu-central-1",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-3",
        ]),
    ),
    ("global", Destinations::Anywhere),
    ("jp", Destinations::Regions(&["ap-northeast-1", "ap-northeast-3"])),
    ("us", Destinations::Regions(&["us-east-1", "us-east-2", "us-west-1", "us-west-2"])),
    ("us-gov", Destinations::Regions(&["us-gov-east-1", "us-gov-west-1"])),
];

/// Who makes models: with one of these a model's id begins. What stands before one of them is the
/// prefix of a profile.
const PROVIDERS: [&str; 20] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// An id that is not an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id<'a> {
    /// A model.
    Model(&'a str),
    /// A profile: its prefix and its model.
    Profile(&'a str, &'a str),
}

impl<'a> Id<'a> {
    /// A profile by a prefix that is known or `given`, or by what looks like one before a provider.
    pub(super) fn parse(id: &'a str, given: impl Fn(&str) -> bool) -> Self {
        let Some((prefix, model)) = id.split_once('.') else { return Self::Model(id) };
        let is_known = DESTINATIONS.iter().any(|(known, _)| *known == prefix) || given(prefix);
        let provider = |id: &str| {
            let (provider, _) = id.split_once('.').unwrap_or_default();
            PROVIDERS.contains(&provider)
        };
        if is_known || (!provider(id) && provider(model)) {
            Self::Profile(prefix, model)
        } else {
            Self::Model(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_profiles_are_told_apart() {
        let check = |id: &str, expected: Id<'_>| {
            assert_eq!(Id::parse(id, |prefix| prefix == "moon"), expected, "{id}");
        };
        check("deepseek.v3.2", Id::Model("deepseek.v3.2"));
        check("mistral.mistral-7b-instruct-v0:2", Id::Model("mistral.mistral-7b-instruct-v0:2"));
        check("new-maker.model.v1", Id::Model("new-maker.model.v1"));
        check("no-dot", Id::Model("no-dot"));
        check("us.amazon.nova-pro-v1:0", Id::Profile("us", "amazon.nova-pro-v1:0"));
        check("us-gov.amazon.nova-pro-v1:0", Id::Profile("us-gov", "amazon.nova-pro-v1:0"));
        check("global.new-maker.model", Id::Profile("global", "new-maker.model"));
        check("mars.meta.llama9", Id::Profile("mars", "meta.llama9"));
        check("moon.new-maker.model", Id::Profile("moon", "new-maker.model"));
    }

    #[test]
    fn the_table_is_sorted_and_names_regions_once() {
        assert!(DESTINATIONS.is_sorted_by(|(one, _), (two, _)| one < two));
        for (prefix, destinations) in DESTINATIONS {
            if let Destinations::Regions(regions) = destinations {
                assert!(regions.is_sorted_by(|one, two| one < two), "{prefix}");
            }
        }
    }
}
