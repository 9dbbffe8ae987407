//! Every way in which an endpoint can be asked.

use shared::plan::Api;
use simulator::{Container, ContainerFormat};

use super::fault_matrix::MODEL;

/// One way to ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// The endpoint's fields, after its name; `{model}` and `{url}` stand for those.
    fields: &'static str,
    pub(super) api: Api,
    /// Of a prompt that is put into its model's marks: what stands before and after it.
    marks: Option<(&'static str, &'static str)>,
}

const INSTRUCTION: Option<(&str, &str)> = Some(("<s>[INST] ", " [/INST]"));

/// A way for each kind and operation; of SageMaker's containers those that stream.
pub(super) const WAYS: [Way; 9] = [
    way("kind: simulated, simulate_as: '{model}'", Api::ConverseStream, None),
    way("kind: simulated, simulate_as: '{model}'", Api::Converse, None),
    way("kind: simulated, simulate_as: '{model}'", Api::InvokeStream, INSTRUCTION),
    way("kind: simulated, simulate_as: '{model}'", Api::Invoke, INSTRUCTION),
    way(TGI, Api::InvokeStream, None),
    way(DJL, Api::InvokeStream, None),
    way(DJL, Api::Invoke, None),
    way(SERVER, Api::ChatStream, None),
    way(SERVER, Api::Chat, None),
];

const TGI: &str = "kind: sagemaker, endpoint_name: tgi, payload: tgi, region: us-east-1, endpoint_url: '{url}', price: unknown";
const DJL: &str = "kind: sagemaker, endpoint_name: djl, payload: djl, region: us-east-1, endpoint_url: '{url}', price: unknown";
const SERVER: &str = "kind: openai, url: '{url}/v1', model: '{model}', price: unknown";

const fn way(fields: &'static str, api: Api, marks: Option<(&'static str, &'static str)>) -> Way {
    Way { fields, api, marks }
}

impl Way {
    pub(super) fn is_streamed(self) -> bool {
        self.api.is_streamed()
    }

    /// Its endpoint in a configuration; the simulator's address where it is not built in.
    pub(super) fn endpoint(self, url: &str) -> String {
        let fields = self.fields.replace("{model}", MODEL).replace("{url}", url);
        let api = serde_json::to_value(self.api).unwrap();
        format!("{{name: tested, {fields}, api: {}}}", api.as_str().unwrap())
    }

    /// What is sent of a prompt.
    pub(super) fn sent(self, prompt: &str) -> String {
        let (before, after) = self.marks.unwrap_or_default();
        format!("{before}{prompt}{after}")
    }
}

/// The SageMaker endpoints of these ways.
pub(super) fn containers() -> Vec<Container> {
    let container = |(name, format): (&str, _)| Container {
        endpoint_name: name.to_owned(),
        format,
        model_id: MODEL.to_owned(),
    };
    [("tgi", ContainerFormat::Tgi), ("djl", ContainerFormat::Djl)].map(container).into()
}
