//! What all requests share: the models in service, the script, the ledger, the counters.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::config::{SimulatorConfig, StartError};
use crate::fault::{self, Arrival, Fault, ScriptedFault};
use crate::ledger::{Ledger, lock};
use crate::limit::Meter;
use crate::outage::Outage;
use crate::profile::Profile;
use crate::protocol::{Question, Settings};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) seed: u64,
    pub(crate) ledger: Arc<Ledger>,
    models: HashMap<String, Model>,
    script: Vec<ScriptedFault>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) settings: Settings,
    connections: AtomicU64,
    /// How many requests came to each path.
    requests: Mutex<HashMap<String, u64>>,
}

/// A simulated model in service.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) profile: Profile,
    /// Fair: the first to wait is the first to be served.
    pub(crate) slots: Arc<Semaphore>,
    /// What its quota allows.
    pub(crate) meters: Arc<[Meter]>,
    requests: AtomicU64,
}

impl Server {
    /// Checks everything about a configuration but its address.
    pub(crate) fn new(config: SimulatorConfig) -> Result<Self, StartError> {
        let mut models = HashMap::new();
        for profile in config.profiles {
            let model_id = profile.model_id.clone();
            if let Err(source) = profile.check() {
                return Err(StartError::Profile { model_id, source });
            }
            let slots = Arc::new(Semaphore::new(profile.slots.min(Semaphore::MAX_PERMITS)));
            let meters = Meter::of(&config.limits, &model_id);
            let model = Model { profile, slots, meters, requests: AtomicU64::new(0) };
            if models.insert(model_id.clone(), model).is_some() {
                return Err(StartError::DuplicateModel(model_id));
            }
        }
        let mut names = HashSet::new();
        let mut containers = config.containers.iter();
        if let Some(second) = containers.find(|container| !names.insert(&container.endpoint_name)) {
            return Err(StartError::DuplicateEndpoint(second.endpoint_name.clone()));
        }
        if let Some(entry) = config.script.iter().find(|entry| !entry.is_sensible()) {
            return Err(StartError::Fault(entry.clone()));
        }
        if let Some(limit) = config.limits.iter().find(|limit| !limit.is_sensible()) {
            return Err(StartError::Limit(limit.clone()));
        }
        let log = config.truth_log.as_deref();
        let ledger = Ledger::open(log, config.wall_start).map_err(|source| {
            StartError::TruthLog { path: config.truth_log.unwrap_or_default(), source }
        })?;
        Ok(Self {
            seed: config.seed,
            ledger: Arc::new(ledger),
            models,
            script: config.script,
            outages: config.outages,
            settings: Settings { containers: config.containers, api_key: config.api_key },
            connections: AtomicU64::new(0),
            requests: Mutex::default(),
        })
    }

    /// The number of the next connection, from 1.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The id of the next request to a path: a UUID (version 8) that follows from the seed, the
    /// path and the order of arrival there, so that it is unique where all else is the same.
    pub(crate) fn next_request_id(&self, path: &str) -> String {
        let number = {
            let mut requests = lock(&self.requests);
            let number = requests.entry(path.to_owned()).or_default();
            *number += 1;
            *number
        };
        let mut hash = Sha256::new();
        hash.update(b"request id");
        hash.update(self.seed.to_le_bytes());
        hash.update(number.to_le_bytes());
        hash.update(path);
        let mut bytes: [u8; 32] = hash.finalize().into();
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hexadecimal(&bytes[..16]);
        let (a, b, c) = (&digits[..8], &digits[8..12], &digits[12..16]);
        format!("{a}-{b}-{c}-{}-{}", &digits[16..20], &digits[20..])
    }

    /// The model that a question is for.
    pub(crate) fn model(&self, model_id: &str) -> Option<&Model> {
        self.models.get(model_id)
    }

    /// Counts a request to a model and looks up what is to go wrong with it.
    pub(crate) fn next_fault(&self, model: &Model, question: &Question) -> Option<Fault> {
        let number = model.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let Question { model_id, prompt, .. } = question;
        fault::find(&self.script, Arrival { seed: self.seed, model_id, number, prompt }).cloned()
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn request_ids_look_like_uuids_and_differ() {
        let server = Server::new(SimulatorConfig::default()).unwrap();
        let ids: BTreeSet<_> = (0..100).map(|_| server.next_request_id("/a")).collect();
        assert_eq!(ids.len(), 100);
        for id in ids {
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "8", "{id}");
        }
    }

    #[test]
    fn senseless_configurations_are_refused() {
        let check = |spoil: fn(&mut SimulatorConfig), expected: &str| {
            let mut config = SimulatorConfig::default();
            spoil(&mut config);
            let error = Server::new(config).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(|config| config.profiles[1].slots = 0, "j2-ultra");
        check(|config| config.profiles[1] = config.profiles[0].clone(), "more than one profile");
        check(
            |config| config.containers[1] = config.containers[0].clone(),
            "the endpoint llama3-8b-tgi: it has more than one container",
        );
        check(|config| config.truth_log = Some("/nowhere/at/all".into()), "/nowhere/at/all");
        check(
            |config| {
                config.script.push(ScriptedFault {
                    model_id: None,
                    when: fault::When::Every(1),
                    fault: Fault::Status { status: 200, code: "A".into(), message: "b".into() },
                });
            },
            "400 to 599",
        );
    }
}
