//! Which blocks follow from a configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::parse;
use crate::dataset::{Contents, Loader, deal, estimate_tokens};
use crate::units::NanoUsd;

/// The plan of a configuration, of which this is all but the endpoints.
fn plan(rest: &str, endpoints: &[&str]) -> Plan {
    let endpoints: Vec<String> = endpoints
        .iter()
        .map(|fields| {
            format!("  - {{kind: simulated, simulate_as: meta.llama2-13b-chat-v1, {fields}}}\n")
        })
        .collect();
    let settings =
        parse(&format!("version: 1\nendpoints:\n{}{rest}\n", endpoints.concat())).unwrap();
    let contents = Contents::new();
    let mut loader = Loader::new(&contents, settings.seed);
    let load = |dataset: &crate::config::DatasetSettings| LoadedDataset {
        name: dataset.spec.name.clone(),
        prompts: loader.load(&dataset.spec).unwrap(),
        sha256: String::new(),
    };
    let datasets: Vec<_> = settings.datasets.iter().map(load).collect();
    let system = settings.inference.system.as_deref();
    build(&settings, &datasets, system.map_or(0, estimate_tokens), "r".parse().unwrap())
}

const DATASETS: &str = "datasets:\n\
    - {name: few, synthetic: {prompt_tokens: 40, count: 23}, max_tokens: 5}\n\
    - {name: many, synthetic: {prompt_tokens: 40, count: 61}, max_tokens: 7}";

fn ids(plan: &Plan) -> Vec<&str> {
    plan.experiments.iter().map(|experiment| experiment.id.as_str()).collect()
}

#[test]
fn a_pass_sends_each_prompt_once_to_every_endpoint() {
    for (passes, replicates) in [(1, 1), (2, 2), (5, 5)] {
        let stop =
            format!("{DATASETS}\nload: [{{concurrency: [1, 2]}}]\nstop: {{passes: {passes}}}");
        let plan = plan(&stop, &["name: a", "name: b"]);
        assert_eq!(plan.replicates, replicates);
        for experiment in &plan.experiments {
            let count = plan.dataset(&experiment.dataset).unwrap().prompts;
            let order = deal(plan.seed, &experiment.dataset, count);
            let mut sent: BTreeMap<u32, u32> = BTreeMap::new();
            let lane = plan.lanes.iter().find(|lane| lane.endpoint == experiment.endpoint).unwrap();
            for block in lane.blocks.iter().filter(|block| block.experiment == experiment.id) {
                for sequence in 0..block.requests.unwrap() {
                    let place = (block.first_prompt + sequence) % count;
                    *sent.entry(order[place as usize]).or_default() += 1;
                }
            }
            assert_eq!(sent.len(), count as usize, "{}", experiment.id);
            assert!(sent.values().all(|times| *times == passes), "{}: {sent:?}", experiment.id);
        }
    }
}

#[test]
fn an_endpoint_may_have_its_own_loads_and_datasets() {
    let rest = format!("{DATASETS}\nload: [{{concurrency: [1, 2]}}]\nstop: {{requests: 100}}");
    let plan = plan(
        &rest,
        &["name: a", "name: b, load: [{concurrency: [4, 2]}]", "name: c, datasets: [many]"],
    );
    assert_eq!(
        ids(&plan),
        [
            "a~few~c1",
            "a~few~c2",
            "a~many~c1",
            "a~many~c2",
            "b~few~c4",
            "b~few~c2",
            "b~many~c4",
            "b~many~c2",
            "c~many~c1",
            "c~many~c2",
        ]
    );
    // 100 requests leave 2 blocks of at least 10 for each of 4 slots.
    assert_eq!(plan.replicates, 2);
    let blocks = |lane: usize| -> Vec<(&str, u32)> {
        let blocks = plan.lanes[lane].blocks.iter();
        blocks.map(|block| (block.experiment.as_str(), block.block)).collect()
    };
    for lane in 0..3 {
        let unique: BTreeSet<_> = blocks(lane).into_iter().collect();
        assert_eq!((blocks(lane).len(), unique.len()), ([8, 8, 4][lane], [8, 8, 4][lane]));
    }
    // What lanes have in common they do in the same order.
    let common = |lane: usize, suffixes: [&str; 2]| -> Vec<(String, u32)> {
        let cells = blocks(lane).into_iter().map(|(id, block)| (id[2..].to_owned(), block));
        cells.filter(|(cell, _)| suffixes.contains(&cell.as_str())).collect()
    };
    assert_eq!(common(0, ["few~c2", "many~c2"]), common(1, ["few~c2", "many~c2"]));
    assert_eq!(common(0, ["many~c1", "many~c2"]), common(2, ["many~c1", "many~c2"]));
}

#[test]
fn loads_of_all_endpoints_replace_those_of_the_top_level() {
    let rest = "datasets: [{name: d, prompts: [Why?], max_tokens: 5}]";
    let plan =
        plan(rest, &["name: a, load: [{concurrency: 3}]", "name: b, load: [{concurrency: 1}]"]);
    assert_eq!(ids(&plan), ["a~d~c3", "b~d~c1"]);
}

#[test]
fn what_the_configuration_says_beside_experiments_arrives() {
    let rest = "datasets: [{name: d, prompts: [Why?, Why not?], max_tokens: 5}]\n\
        load: [{concurrency: 1}]\ninference: {system: One two three.}\nbaseline: a\n\
        workload: {requests_per_minute: 30}\nspend_limit: {per_run_usd: 2}";
    let plan = plan(rest, &["name: a"]);
    assert_eq!(plan.baseline.as_ref().map(Name::as_str), Some("a"));
    assert_eq!(plan.spend_limit, Some(NanoUsd(2_000_000_000)));
    assert_eq!(plan.workload.unwrap().requests_per_minute.to_string(), "30");
    // 2 and 3 tokens, and 4 of the system text.
    let dataset = &plan.datasets[0];
    assert_eq!((dataset.estimated_input_tokens_max, dataset.max_tokens), (7, 5));
    assert_eq!(dataset.estimated_input_tokens_mean.to_string(), "6.5");
}

#[test]
fn the_highest_limit_of_an_answer_is_told() {
    let rest = "load: [{concurrency: 1}]\ndatasets: [{name: d, \
        synthetic: {prompt_tokens: 40, count: 50, output_tokens: {mean: 150, stddev: 80}}}]";
    let dataset = plan(rest, &["name: a"]).datasets[0].clone();
    assert!((200..500).contains(&dataset.max_tokens), "{}", dataset.max_tokens);
}

#[test]
fn rates_become_blocks_of_ten_seconds_and_streams_follow_from_them() {
    let dataset = "datasets: [{name: d, prompts: [Why?], max_tokens: 100}]";
    let load = "load: [{rate_per_minute: [60, 1200], arrivals: poisson}, \
        {rate_per_minute: 90, max_streams: 7}]";
    let endpoints = ["name: a"];
    // 100 requests, or 50 s of them.
    let plan = plan(&format!("{dataset}\n{load}"), &endpoints);
    assert_eq!(ids(&plan), ["a~d~r60-poisson", "a~d~r1200-poisson", "a~d~r90"]);
    let streams: Vec<_> = plan.experiments.iter().map(|e| e.load.slots()).collect();
    assert_eq!(streams, [10, 120, 7], "twice 3 s of requests, 10 at least");
    assert_eq!(plan.replicates, 5);
    let requests = |rate| {
        let blocks = plan.lanes[0].blocks.iter().filter(|b| b.experiment.as_str() == rate);
        blocks.map(|block| block.requests.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(requests("a~d~r60-poisson"), [20; 5]);
    assert_eq!(requests("a~d~r1200-poisson"), [200; 5]);

    // 100 in all: 10 s of 1,200 a minute would be 200.
    let rest = format!("{dataset}\n{load}\nstop: {{requests: 100}}");
    assert_eq!(self::plan(&rest, &endpoints).replicates, 1);
}

#[test]
fn every_try_that_retries_allow_is_reserved() {
    let rest = "datasets: [{name: d, prompts: [Why?], max_tokens: 5}]\nload: [{concurrency: 1}]\n\
        stop: {requests: 10}\nreplicates: 1\nwarmup: {requests_per_slot: 0}";
    let reserved = |more: &str| {
        let plan = plan(&format!("{rest}\n{more}"), &["name: a"]);
        let reserved = plan.reservation(&plan.lanes[0].blocks[0]);
        assert_eq!(plan.estimate.cost_high, Some(reserved));
        reserved
    };
    let once = reserved("");
    assert_eq!(reserved("retries: {most: 3}"), once.saturating_mul(4));
}

#[test]
fn what_arrives_in_its_time_bounds_an_open_loop() {
    let arrivals = |arrivals| {
        let rest = format!(
            "datasets: [{{name: d, prompts: [Why?], max_tokens: 10}}]\nstop: {{duration: 100s}}\n\
             load: [{{rate_per_minute: 60, arrivals: {arrivals}, max_streams: 3}}]\nreplicates: 1"
        );
        let plan = plan(&rest, &["name: a"]);
        let block = &plan.lanes[0].blocks[0];
        let bound = plan.tariff(&plan.experiments[0]).unwrap().measured_bound;
        let warmup = plan.tariff(&plan.experiments[0]).unwrap().warmup_bound;
        let beside = plan.reservation(block).0 - warmup.0 * 3;
        assert_eq!(beside % bound.0, 0);
        assert_eq!(plan.estimate.requests, Some(100));
        assert_eq!(plan.estimate.duration_assumed, Duration::from_millis(101_200));
        (plan.requests_at_most(block), beside / bound.0)
    };
    assert_eq!(arrivals("constant"), (Some(100), 100));
    assert_eq!(arrivals("poisson"), (Some(144), 144), "100 + 4 x (10 + 1)");
}
