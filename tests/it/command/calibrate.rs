//! `fmgauge calibrate`: the command against its own simulator, in a process of its own.

use serde_json::Value;

use super::Desk;

#[test]
fn every_request_is_compared_with_the_truth_of_its_id() {
    let desk = Desk::new("");
    let loads = ["--concurrency", "2", "--rate", "40", "--fixed", "5ms,1ms,3"];
    let arguments = [&["calibrate", "--json", "--lasting", "1s"], &loads[..]].concat();
    let levels: Value = serde_json::from_str(&desk.succeed(&arguments)).unwrap();
    let levels = levels.as_array().unwrap();
    assert_eq!(levels.len(), 2);
    for level in levels {
        let completed = level["completed"].as_u64().unwrap();
        assert!(completed > 10, "{level}");
        assert_eq!(level["errors"]["unmatched"], 0, "{level}");
        for latency in ["ttft", "itl", "e2e"] {
            assert_eq!(level["errors"][latency]["count"], completed, "{level}");
        }
        // The server never answers before its time.
        assert!(level["errors"]["true_ttft_p50_ms"].as_f64().unwrap() >= 5.0, "{level}");
        assert!(level["client"]["lag_samples"].as_u64().unwrap() > 0, "{level}");
        assert!(level["validity"]["grade"].is_string(), "{level}");
    }
    assert!(levels[0]["schedule"].is_null() && !levels[1]["schedule"].is_null());
    let left: Vec<_> = desk.files().into_keys().collect();
    assert_eq!(left, ["config.yml"], "it leaves nothing behind");
}

#[test]
fn a_timing_that_is_none_is_refused_with_the_mend() {
    let desk = Desk::new("");
    let done = desk.run(&["calibrate", "--fixed", "soon"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("200ms,20ms,50"), "{}", done.stderr);
}
