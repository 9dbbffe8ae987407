//! The deployed runner measures how wrong it is, by itself.

use serde_json::json;
use shared::store::RecordStore;

use super::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn the_runner_calibrates_itself() {
    let stack = Stack::up();
    let asked = json!({
        "concurrency": [2], "rates_per_s": [20], "ttft_ms": 50, "itl_ms": 2, "tokens": 10, "seconds": 2,
    });
    let calibrated = stack.invoke_runner(&json!({"calibrate": asked}));
    let levels = calibrated["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 2, "{calibrated}");
    for level in levels {
        let ttft = &level["errors"]["ttft"];
        assert_eq!(ttft["count"], level["completed"], "each is compared: {level}");
        assert_eq!(level["errors"]["unmatched"], 0);
        assert!(ttft["p50_ms"].as_f64().unwrap() > 0.0, "{level}");
        assert!(level["validity"]["grade"].is_string());
    }
    assert!(
        stack.stores().records.runs().await.unwrap().is_empty(),
        "the stack knows nothing of it"
    );
}
