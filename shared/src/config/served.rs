//! Endpoints beside Bedrock's own: `kind: sagemaker`, and `kind: openai` for servers.

use super::Given;
use super::check::join;
use super::endpoints::{Item, Modes};
use super::prices::{self, Instances};
use super::raw::{self, Field, Spanned};
use super::words::{OPENAI_APIS, PAYLOADS, SAGEMAKER_APIS, meaning, names};
use crate::payload::Payload;
use crate::plan::{Api, Container, EndpointKind, EndpointSpec, KeySource, Provision, Server};
use crate::price;
use crate::units::Name;

/// The most instances of an endpoint.
const INSTANCES_MAX: u32 = 1000;

impl Item<'_, '_> {
    pub(super) fn sagemaker(
        &mut self,
        name: Option<Name>,
        region: &Given<String>,
    ) -> Option<EndpointSpec> {
        let raw = self.raw;
        let region = self.region(region);
        let instances = self.instances();
        let provision = self.provision(&instances);
        // What is made for a run gets its name when the run is planned.
        let endpoint_name =
            if raw.provision.is_some() { Some(String::new()) } else { self.endpoint_name() };
        let endpoint_url = self.url_of("endpoint_url", &raw.endpoint_url);
        let payload = self.payload();
        if raw.payload.is_none() {
            self.refuse(
                self.at,
                "payload",
                "it is not said how the container's bodies look",
                format!("give `payload:` with one of: {}", names(&PAYLOADS).join(", ")),
            );
        }
        let api = self.api(&SAGEMAKER_APIS);
        let api = self.streaming_api(payload, api, (Api::InvokeStream, Api::Invoke));
        let text = |field: &Field<String>| field.as_ref().map(|field| field.value.clone());
        let container = Container {
            inference_component: text(&raw.inference_component),
            target_variant: text(&raw.target_variant),
            custom_attributes: text(&raw.custom_attributes),
            model: text(&raw.model),
        };
        let price = match &raw.price {
            Some(price) => {
                prices::given(self.checker, price, &instances, &join(&self.path, "price"))
            }
            None => self.price_of_instances(&instances, region.as_deref()),
        };
        Some(EndpointSpec {
            name: name?,
            kind: EndpointKind::Sagemaker,
            region: region?,
            model_id: endpoint_name?,
            endpoint_url: endpoint_url?,
            api: api?,
            payload: Some(payload?),
            container,
            provision: provision?,
            server: Server::default(),
            latency_mode: None,
            service_tier: None,
            price: price?,
        })
    }

    pub(super) fn openai(&mut self, name: Option<Name>) -> Option<EndpointSpec> {
        let raw = self.raw;
        if raw.url.is_none() {
            self.refuse(
                self.at,
                "url",
                "it is not said where the server is",
                "give the address before `/chat/completions`: `url: https://llm.example.com/v1`",
            );
        }
        let url = self.url_of("url", &raw.url);
        let model = self.model_id("model", &raw.model);
        let api = self.api(&OPENAI_APIS).map(Option::unwrap_or_default);
        let api = api.map(|api| if raw.api.is_some() { api } else { Api::ChatStream });
        let server = self.server();
        let instances = self.instances();
        let price = if let Some(price) = &raw.price {
            prices::given(self.checker, price, &instances, &join(&self.path, "price"))
        } else {
            self.refuse(
                self.at,
                "price",
                "what this server costs is not known",
                format!("{}, {}, or write `price: unknown`", prices::HOUR_MEND, prices::MEND),
            );
            None
        };
        let payload = api.map(|api| {
            let completions = matches!(api, Api::CompletionsStream | Api::Completions);
            if completions { Payload::OpenaiCompletions } else { Payload::OpenaiChat }
        });
        Some(EndpointSpec {
            name: name?,
            kind: EndpointKind::Openai,
            region: String::new(),
            model_id: model?,
            endpoint_url: Some(url??),
            api: api?,
            payload,
            container: Container::default(),
            provision: None,
            server: server?,
            latency_mode: None,
            service_tier: None,
            price: price?,
        })
    }

    /// The name of a SageMaker endpoint.
    fn endpoint_name(&mut self) -> Option<String> {
        let Some(field) = &self.raw.endpoint_name else {
            self.refuse(
                self.at,
                "endpoint_name",
                "`endpoint_name` is missing",
                "write the name of the SageMaker endpoint that is InService",
            );
            return None;
        };
        let name = field.value.as_str();
        let is_name = (1..=63).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !name.starts_with('-');
        if !is_name {
            let mend = "write up to 63 letters, digits and `-`, as SageMaker has it; not its ARN";
            self.refuse(field.referenced, "endpoint_name", "this is no endpoint's name", mend);
        }
        is_name.then(|| name.to_owned())
    }

    /// What it is made from: the outer `None` where that is refused, the inner one where it is there.
    #[expect(clippy::option_option, reason = "refused and absent are two things")]
    fn provision(&mut self, instances: &Instances) -> Option<Option<Provision>> {
        let Some(field) = &self.raw.provision else { return Some(None) };
        if let Some(name) = &self.raw.endpoint_name {
            let mend = "give one: the name of what is there, or `provision` for what is to be made";
            let problem = "an endpoint that is made for the run has no name of yours";
            self.refuse(name.referenced, "endpoint_name", problem, mend);
            return None;
        }
        let raw = &field.value;
        let Some(image) = &raw.image else {
            let mend = "give the container's image: `provision: {image: <account>.dkr.ecr...}`";
            self.refuse(field.referenced, "provision.image", "`image` is missing", mend);
            return None;
        };
        let Some(instance_type) = instances.instance_type.clone() else {
            let mend = "give `instance_type: ml.g5.2xlarge`";
            let problem = "it is not said what it is to run on";
            self.refuse(field.referenced, "provision", problem, mend);
            return None;
        };
        if let Some(data) = raw.model_data.as_ref().filter(|data| !data.value.starts_with("s3://"))
        {
            let mend = "give the s3:// address of the model's archive";
            let problem = "the model's files must be in S3";
            self.refuse(data.referenced, "provision.model_data", problem, mend);
            return None;
        }
        let environment = raw.environment.iter().flat_map(|all| &all.value);
        Some(Some(Provision {
            image: image.value.clone(),
            model_data: raw.model_data.as_ref().map(|data| data.value.clone()),
            environment: environment.map(|(k, v)| (k.clone(), v.value.clone())).collect(),
            instance_type,
            instance_count: instances.count,
        }))
    }

    /// The format of bodies, where it is given.
    pub(super) fn payload(&mut self) -> Option<Payload> {
        let path = join(&self.path, "payload");
        meaning(self.checker, &self.raw.payload, &path, &PAYLOADS, &[])
    }

    /// The operation that is asked for: the outer `None` for a word that is none of these, the inner
    /// one where it is not given.
    #[expect(clippy::option_option, reason = "refused and absent are two things")]
    fn api<const N: usize>(&mut self, words: &super::words::Words<Api, N>) -> Option<Option<Api>> {
        let path = join(&self.path, "api");
        match &self.raw.api {
            None => Some(None),
            field => meaning(self.checker, field, &path, words, &[]).map(Some),
        }
    }

    /// The operation, where a format may not stream: `modes` are the streamed and the whole one.
    #[expect(clippy::option_option, reason = "refused and absent are two things")]
    pub(super) fn streaming_api(
        &mut self,
        payload: Option<Payload>,
        asked: Option<Option<Api>>,
        (streamed, whole): (Api, Api),
    ) -> Option<Api> {
        let streams = payload.is_none_or(|payload| payload.format().streams());
        let asked = asked?;
        if let (false, Some(api), Some(field)) = (streams, asked, &self.raw.api)
            && api.is_streamed()
        {
            let name = payload.map_or("", Payload::name);
            let problem = format!("answers of the format {name} do not arrive in pieces");
            self.refuse(field.referenced, "api", problem, "write `api: invoke`");
            return None;
        }
        Some(asked.unwrap_or(if streams { streamed } else { whole }))
    }

    /// What is paid for by the hour.
    pub(super) fn instances(&mut self) -> Instances {
        let path = join(&self.path, "instance_count");
        let count = self.checker.count(&self.raw.instance_count, &path, &(1..=INSTANCES_MAX));
        let instance_type = self.raw.instance_type.as_ref().map(|field| field.value.clone());
        Instances { instance_type, count: count.unwrap_or(1) }
    }

    /// The price of an hour by the table.
    #[expect(clippy::option_option, reason = "refused and unknown are two things")]
    fn price_of_instances(
        &mut self,
        instances: &Instances,
        region: Option<&str>,
    ) -> Option<Option<price::Price>> {
        let Some(field) = &self.raw.instance_type else {
            self.refuse(
                self.at,
                "instance_type",
                "what this endpoint costs is not known",
                format!(
                    "give `instance_type: ml.g5.2xlarge` and `instance_count`, {}, or write `price: unknown`",
                    prices::HOUR_MEND
                ),
            );
            return None;
        };
        let known = price::instance(&field.value, region?);
        if let Some(row) = known {
            return Some(Some(instances.at(row.per_hour, row.source())));
        }
        let problem =
            format!("the price of {} in {} is not known", field.value, region.unwrap_or_default());
        let mend = format!("{}, or write `price: unknown`", prices::HOUR_MEND);
        self.refuse(field.referenced, "instance_type", problem, mend);
        None
    }

    /// How the server is called.
    fn server(&mut self) -> Option<Server> {
        let raw = self.raw;
        let api_key = match &raw.api_key {
            None => Some(None),
            Some(key) => self.key_source(key).map(Some),
        };
        let mut headers = std::collections::BTreeMap::new();
        for (name, value) in raw.headers.iter().flat_map(|headers| &headers.value) {
            let lower = name.to_ascii_lowercase();
            if matches!(lower.as_str(), "authorization" | "api-key" | "x-api-key" | "cookie") {
                self.refuse(
                    value.referenced,
                    &format!("headers.{name}"),
                    "a configuration must not hold credentials",
                    "give `api_key: {env: NAME}` with the name of the variable that holds the key",
                );
                continue;
            }
            let sendable = http::HeaderName::try_from(name).is_ok()
                && http::HeaderValue::try_from(&value.value).is_ok();
            if !sendable {
                let mend = "write a name of letters, digits and `-`, and a value of one line";
                self.refuse(
                    value.referenced,
                    &format!("headers.{name}"),
                    "this is no header",
                    mend,
                );
                continue;
            }
            headers.insert(name.clone(), value.value.clone());
        }
        if let Some(pem) = &raw.ca_pem
            && !pem.value.contains("-----BEGIN CERTIFICATE-----")
        {
            let mend =
                "write the certificates after `ca_pem: |`, each with its BEGIN and END lines";
            self.refuse(pem.referenced, "ca_pem", "there is no certificate in it", mend);
        }
        let ca_pem = raw.ca_pem.as_ref().map(|pem| pem.value.clone());
        Some(Server { api_key: api_key?, headers, ca_pem })
    }

    fn key_source(&mut self, key: &Spanned<raw::ApiKey>) -> Option<KeySource> {
        let raw::ApiKey { env, secret } = &key.value;
        let mend = "write `api_key: {env: NAME}` with the name of an environment variable, or \
                    `api_key: {secret: arn:aws:secretsmanager:...}`";
        match (env, secret) {
            (Some(env), None) => {
                let is_name = !env.value.is_empty()
                    && env.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !env.value.starts_with(|c: char| c.is_ascii_digit());
                if !is_name {
                    let problem = "this is not the name of an environment variable";
                    self.refuse(env.referenced, "api_key.env", problem, mend);
                }
                is_name.then(|| KeySource::Env(env.value.clone()))
            }
            (None, Some(secret)) => {
                let parts: Vec<&str> = secret.value.split(':').collect();
                let is_secret = matches!(
                    parts[..],
                    ["arn", _, "secretsmanager", region, account, "secret", _, ..]
                        if !region.is_empty() && account.len() == 12
                );
                if !is_secret {
                    self.refuse(
                        secret.referenced,
                        "api_key.secret",
                        "this is no secret's ARN",
                        mend,
                    );
                }
                is_secret.then(|| KeySource::Secret(secret.value.clone()))
            }
            (None, None) | (Some(_), Some(_)) => {
                self.refuse(key.referenced, "api_key", "it is not said where the key is", mend);
                None
            }
        }
    }

    /// The body's format where a Bedrock model is asked in its own: outer `None` where it is refused.
    #[expect(clippy::option_option, reason = "refused and absent are two things")]
    pub(super) fn native_payload(
        &mut self,
        modes: &Modes,
        model_id: Option<&str>,
    ) -> Option<Option<Payload>> {
        let is_native = matches!(modes.api, Api::Invoke | Api::InvokeStream);
        match (is_native, &self.raw.payload) {
            (false, Some(field)) => {
                self.refuse(
                    field.referenced,
                    "payload",
                    "Converse has one format for all models",
                    "leave it out, or write `api: invoke_stream` or `api: invoke`",
                );
                None
            }
            (false, None) => Some(None),
            (true, Some(_)) => self.payload().map(Some),
            (true, None) => {
                let known = Payload::of_model(model_id?);
                if known.is_none() {
                    let problem = "the model's id does not tell how its bodies look";
                    let mend =
                        format!("give `payload:` with one of: {}", names(&PAYLOADS).join(", "));
                    self.refuse(self.at, "payload", problem, mend);
                }
                known.map(Some)
            }
        }
    }
}
