//! What answers prompts: `endpoints`, with `defaults.region`.

use serde_saphyr::Location;

use super::check::{Checker, join};
use super::kinds::SPECIAL;
use super::raw::{self, Field, Spanned};
use super::shape::nearest;
use super::words::{BEDROCK_APIS, KINDS, LATENCY_MODES, SERVICE_TIERS, Words, meaning, names};
use super::{EndpointSettings, Given, load, prices};
use crate::plan::{Api, Container, EndpointKind, EndpointSpec, LatencyMode, Server, ServiceTier};
use crate::price::{self, Price};
use crate::units::Name;

/// Checks all endpoints; those that are wrong are left out and have left their errors.
pub(super) fn check(
    checker: &mut Checker<'_>,
    raw: &raw::Raw,
    default_region: &Given<String>,
) -> Vec<EndpointSettings> {
    let datasets = raw::names(raw.datasets(), |dataset| &dataset.name);
    let mut names = Vec::new();
    let list = raw.endpoints();
    if list.is_empty() {
        checker.refuse(
            raw.endpoints.as_ref().map_or(Location::UNKNOWN, |list| list.referenced),
            "endpoints",
            "there is no endpoint to measure",
            "give at least one: `endpoints: [{name: mine, kind: bedrock, region: us-east-1, model_id: ...}]`",
        );
    }
    let check_one = |(index, endpoint): (usize, &Spanned<raw::Endpoint>)| {
        let path = format!("endpoints[{index}]");
        let raw = &endpoint.value;
        let mut item = Item { checker, path, at: endpoint.referenced, raw };
        let spec = item.check(&mut names, default_region);
        let datasets = item.datasets(&datasets);
        let load_path = join(&item.path, "load");
        let load = raw.load.as_ref();
        let loads = load.map(|load| load::of_entries(item.checker, load, &load_path));
        Some(EndpointSettings { spec: spec?, loads, datasets })
    };
    list.iter().enumerate().filter_map(check_one).collect()
}

pub(super) struct Item<'a, 't> {
    pub(super) checker: &'a mut Checker<'t>,
    pub(super) path: String,
    pub(super) at: Location,
    pub(super) raw: &'a raw::Endpoint,
}

/// How the model is asked to answer.
pub(super) struct Modes {
    pub(super) api: Api,
    latency: Option<LatencyMode>,
    tier: Option<ServiceTier>,
}

impl Item<'_, '_> {
    fn check(&mut self, names: &mut Vec<Name>, region: &Given<String>) -> Option<EndpointSpec> {
        let name = self.checker.name(&self.raw.name, self.at, &self.path, names);
        // A kind that is unknown or not supported says nothing about the other fields.
        let kind = self.kind()?;
        self.refuse_fields_of_other_kinds(kind);
        match kind {
            EndpointKind::Bedrock => self.bedrock(name, region),
            EndpointKind::Sagemaker => self.sagemaker(name, region),
            EndpointKind::Openai => self.openai(name),
            EndpointKind::Simulated => self.simulated(name),
        }
    }

    pub(super) fn refuse(
        &mut self,
        at: Location,
        field: &str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let path = join(&self.path, field);
        self.checker.refuse(at, &path, problem, mend);
    }

    fn kind(&mut self) -> Option<EndpointKind> {
        let Some(kind) = &self.raw.kind else {
            self.refuse(
                self.at,
                "kind",
                "it is not said how to call this endpoint",
                "write `kind: bedrock`, or `kind: simulated` for a run without AWS",
            );
            return None;
        };
        let at = kind.referenced;
        if let Some((_, known)) = KINDS.iter().find(|(name, _)| *name == kind.value) {
            return Some(*known);
        }
        let known = names(&KINDS);
        let mend = match nearest(&kind.value, known.into_iter()) {
            Some(name) => format!("did you mean `{name}`? kinds: {}", known.join(", ")),
            None => "write `kind: bedrock`, `sagemaker`, `openai` or `simulated`".to_owned(),
        };
        self.refuse(at, "kind", format!("`{}` is not a kind of endpoint", kind.value), mend);
        None
    }

    fn refuse_fields_of_other_kinds(&mut self, kind: EndpointKind) {
        let kind_name = KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
        for special in SPECIAL.iter().filter(|special| !special.kinds.contains(&kind)) {
            if let Some(at) = (special.at)(self.raw) {
                let problem = format!("an endpoint of `kind: {kind_name}` has none");
                self.refuse(at, special.name, problem, special.mend);
            }
        }
    }

    /// The datasets that this endpoint is asked, where it does not get all.
    fn datasets(&mut self, known: &[&str]) -> Option<Vec<Name>> {
        let list = self.raw.datasets.as_ref()?;
        if list.value.is_empty() {
            let mend = "name at least one, or leave it out: the endpoint gets all datasets";
            self.refuse(list.referenced, "datasets", "the list is empty", mend);
        }
        let mut all = Vec::new();
        for (index, name) in list.value.iter().enumerate() {
            match name.value.parse::<Name>() {
                Ok(dataset) if known.contains(&dataset.as_str()) => {
                    if !all.contains(&dataset) {
                        all.push(dataset);
                    }
                }
                Ok(_) | Err(_) => {
                    let mend = match nearest(&name.value, known.iter().copied()) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("write one of: {}", known.join(", ")),
                    };
                    let problem = format!("there is no dataset `{}`", name.value);
                    self.refuse(name.referenced, &format!("datasets[{index}]"), problem, mend);
                }
            }
        }
        Some(all)
    }

    /// How the model is asked to answer.
    fn modes<const N: usize>(&mut self, apis: &Words<Api, N>) -> Modes {
        let raw = self.raw;
        let path = |name: &str| join(&self.path, name);
        let (api, mode, tier) = (path("api"), path("latency_mode"), path("service_tier"));
        Modes {
            api: meaning(self.checker, &raw.api, &api, apis, &[]).unwrap_or_default(),
            latency: meaning(self.checker, &raw.latency_mode, &mode, &LATENCY_MODES, &[]),
            tier: meaning(self.checker, &raw.service_tier, &tier, &SERVICE_TIERS, &["reserved"]),
        }
    }

    /// What the tokens cost: what the configuration says, else what `known` finds in the table.
    #[expect(clippy::option_option, reason = "refused and unknown are two things")]
    fn price(
        &mut self,
        modes: &Modes,
        known: impl FnOnce(&mut Checker<'_>) -> Option<Price>,
    ) -> Option<Option<Price>> {
        if let Some(price) = &self.raw.price {
            let instances = self.instances();
            return prices::given(self.checker, price, &instances, &join(&self.path, "price"));
        }
        let fast = (modes.latency == Some(LatencyMode::Optimized))
            .then_some(("latency_mode", &self.raw.latency_mode));
        let tier = match modes.tier {
            Some(ServiceTier::Flex | ServiceTier::Priority) => {
                Some(("service_tier", &self.raw.service_tier))
            }
            Some(ServiceTier::Default) | None => None,
        };
        let Some((name, Some(field))) = fast.or(tier) else {
            return known(self.checker).map(Some);
        };
        let problem = format!("`{}` has prices of its own, which are not known", field.value);
        let mend = format!("{}, or write `price: unknown`", prices::MEND);
        self.refuse(field.referenced, name, problem, mend);
        None
    }

    fn bedrock(&mut self, name: Option<Name>, region: &Given<String>) -> Option<EndpointSpec> {
        let region = self.region(region);
        let model_id = self.model_id("model_id", &self.raw.model_id);
        let endpoint_url = self.url_of("endpoint_url", &self.raw.endpoint_url);
        let modes = self.modes(&BEDROCK_APIS);
        let payload = self.native_payload(&modes, model_id.as_deref());
        let asked = self.raw.api.is_some().then_some(modes.api);
        let api = match payload.flatten() {
            None => Some(modes.api),
            of_model => self.streaming_api(of_model, Some(asked), (Api::InvokeStream, Api::Invoke)),
        };
        let at = self.raw.model_id.as_ref().map_or(self.at, |field| field.referenced);
        let path = join(&self.path, "model_id");
        let price = self.price(&modes, |checker| {
            prices::known(checker, model_id.as_deref()?, region.as_deref()?, at, &path)
        });
        Some(EndpointSpec {
            name: name?,
            kind: EndpointKind::Bedrock,
            region: region?,
            model_id: model_id?,
            endpoint_url: endpoint_url?,
            api: api?,
            payload: payload?,
            container: Container::default(),
            provision: None,
            server: Server::default(),
            latency_mode: modes.latency,
            service_tier: modes.tier,
            price: price?,
        })
    }

    fn simulated(&mut self, name: Option<Name>) -> Option<EndpointSpec> {
        let raw = self.raw;
        let model_id = self.model_id("simulate_as", &raw.simulate_as);
        let at = raw.simulate_as.as_ref().map_or(self.at, |field| field.referenced);
        let path = join(&self.path, "simulate_as");
        let known =
            model_id.as_deref().and_then(|id| prices::simulated(self.checker, id, at, &path));
        let modes = self.modes(&BEDROCK_APIS);
        let payload = self.native_payload(&modes, model_id.as_deref());
        let price = self.price(&modes, |_| known.clone());
        known?;
        Some(EndpointSpec {
            name: name?,
            kind: EndpointKind::Simulated,
            // It is nowhere; its price is that of this region.
            region: price::REGION.to_owned(),
            model_id: model_id?,
            endpoint_url: None,
            api: modes.api,
            payload: payload?,
            container: Container::default(),
            provision: None,
            server: Server::default(),
            latency_mode: modes.latency,
            service_tier: modes.tier,
            price: price?,
        })
    }

    pub(super) fn region(&mut self, default: &Given<String>) -> Option<String> {
        if self.raw.region.is_some() {
            return check_region(self.checker, &self.raw.region, &join(&self.path, "region"));
        }
        match default {
            Given::Value(region) => return Some(region.clone()),
            Given::Refused => {}
            Given::Absent => self.refuse(
                self.at,
                "region",
                "it is not said in which AWS region the model is called",
                "give `region: us-east-1` here, or `defaults: {region: us-east-1}` for all",
            ),
        }
        None
    }

    pub(super) fn model_id(&mut self, name: &str, field: &Field<String>) -> Option<String> {
        let Some(field) = field else {
            self.refuse(
                self.at,
                name,
                format!("`{name}` is missing"),
                format!("say which model: `{name}: mistral.mistral-7b-instruct-v0:2`"),
            );
            return None;
        };
        let id = field.value.as_str();
        if id.is_empty() || id.len() > 2048 || id.contains(|c: char| !c.is_ascii_graphic()) {
            self.refuse(
                field.referenced,
                name,
                "this is not a model id",
                "write a model id, an inference profile id or an ARN, without spaces",
            );
            return None;
        }
        Some(id.to_owned())
    }

    /// The outer `None` for a bad address, the inner one for none at all.
    #[expect(clippy::option_option, reason = "refused and absent are two things")]
    pub(super) fn url_of(&mut self, name: &str, field: &Field<String>) -> Option<Option<String>> {
        let Some(field) = field else { return Some(None) };
        let url = field.value.as_str();
        let parsed = url.parse::<http::Uri>().ok();
        let is_http = parsed.as_ref().is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
        });
        if !is_http {
            self.refuse(
                field.referenced,
                name,
                format!("`{url}` is not an address that can be called"),
                "write http:// or https://, a host and a port, such as http://127.0.0.1:9000",
            );
            return None;
        }
        if parsed
            .and_then(|uri| uri.authority().cloned())
            .is_some_and(|host| host.as_str().contains('@'))
        {
            self.refuse(
                field.referenced,
                name,
                "a configuration must not hold credentials",
                "leave out what stands before the `@`",
            );
            return None;
        }
        Some(Some(url.to_owned()))
    }
}

/// A region's name, if it is given; its form only.
pub(super) fn check_region(
    checker: &mut Checker<'_>,
    field: &Field<String>,
    path: &str,
) -> Option<String> {
    let field = field.as_ref()?;
    let region = field.value.as_str();
    let parts: Vec<&str> = region.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let is_region = parts.split_last().is_some_and(|(number, words)| {
        words.len() >= 2
            && words.iter().all(is_word)
            && number.len() == 1
            && number.chars().all(|c| c.is_ascii_digit())
    });
    if !is_region {
        checker.refuse(
            field.referenced,
            path,
            format!("`{region}` is not an AWS region"),
            "write one such as us-east-1 or eu-central-1",
        );
        return None;
    }
    Some(region.to_owned())
}
