//! What every `ArtifactStore` does.

use shared::store::{ArtifactStore, StoreError};
use tokio::task::JoinSet;

use super::bench::{Bench, Cloud, Local};
use super::suite;

suite!(
    a_file_is_put_replaced_and_deleted,
    keys_are_listed_by_prefix,
    more_keys_than_one_page_are_listed,
    a_folder_is_deleted_whole_and_its_neighbours_are_not,
    no_key_escapes,
    large_and_empty_files_are_kept,
);

async fn a_file_is_put_replaced_and_deleted(bench: &impl Bench) {
    let store = bench.artifacts();
    let key = "runs/r/report/report.md";
    assert_eq!(store.get(key).await.unwrap(), None);
    store.delete(key).await.unwrap();
    for content in ["# A long first report", "# Second"] {
        store.put(key, content.into(), "text/markdown").await.unwrap();
        assert_eq!(store.get(key).await.unwrap().as_deref(), Some(content.as_bytes()));
    }
    assert!(store.location(key).ends_with(key));
    assert_eq!(store.get("runs/r/report").await.unwrap(), None);
    assert_eq!(store.get("runs/r/report/report.md/x").await.unwrap(), None);
    store.delete(key).await.unwrap();
    store.delete(key).await.unwrap();
    assert_eq!(store.get(key).await.unwrap(), None);
    assert!(store.list("").await.unwrap().is_empty());
}

async fn keys_are_listed_by_prefix(bench: &impl Bench) {
    let store = bench.artifacts();
    assert!(store.list("runs/r/").await.unwrap().is_empty());
    let keys =
        ["latest.json", "runs/r-2/plan.json", "runs/r/a/z.md", "runs/r/a.md", "runs/r/plan.json"];
    for key in keys {
        store.put(key, key.into(), "text/plain").await.unwrap();
    }
    let check = async |prefix: &str, expected: &[&str]| {
        assert_eq!(store.list(prefix).await.unwrap(), expected, "{prefix}");
    };
    check("runs/r/", &["runs/r/a.md", "runs/r/a/z.md", "runs/r/plan.json"]).await;
    check("runs/r", &["runs/r-2/plan.json", "runs/r/a.md", "runs/r/a/z.md", "runs/r/plan.json"])
        .await;
    check("runs/r/a", &["runs/r/a.md", "runs/r/a/z.md"]).await;
    check("runs/r/plan.json", &["runs/r/plan.json"]).await;
    check(
        "",
        &["latest.json", "runs/r-2/plan.json", "runs/r/a.md", "runs/r/a/z.md", "runs/r/plan.json"],
    )
    .await;
    for nothing in ["runs/x", "../", "../..", "/", "runs/../runs/r/"] {
        check(nothing, &[]).await;
    }
}

async fn more_keys_than_one_page_are_listed(bench: &impl Bench) {
    let mut puts = JoinSet::new();
    let mut expected: Vec<_> = (0..1003).map(|round| format!("runs/r/records/{round}")).collect();
    for key in expected.clone() {
        let store = bench.artifacts().clone();
        puts.spawn(async move { store.put(&key, Vec::new(), "text/plain").await.unwrap() });
    }
    puts.join_all().await;
    expected.sort();
    let store = bench.artifacts();
    assert_eq!(store.list("runs/r/").await.unwrap(), expected);
    store.delete_all("runs/r/").await.unwrap();
    assert!(store.list("").await.unwrap().is_empty());
}

async fn a_folder_is_deleted_whole_and_its_neighbours_are_not(bench: &impl Bench) {
    let store = bench.artifacts();
    for key in ["runs/r/plan.json", "runs/r/report/report.md", "runs/r2/plan.json", "runs/r.md"] {
        store.put(key, key.into(), "text/plain").await.unwrap();
    }
    for folder in ["runs/r/", "runs/r/", "runs/unknown/"] {
        store.delete_all(folder).await.unwrap();
        assert_eq!(store.list("").await.unwrap(), ["runs/r.md", "runs/r2/plan.json"]);
    }
    for bad in ["", "runs", "runs/r2"] {
        let refused = store.delete_all(bad).await;
        assert!(matches!(refused, Err(StoreError::InvalidKey(_))), "{bad}: {refused:?}");
    }
}

async fn no_key_escapes(bench: &impl Bench) {
    let store = bench.artifacts();
    for key in [
        "",
        "/",
        "/fmgauge-escaped/x",
        "..",
        "../x",
        "runs/../../x",
        "runs/./x",
        "runs//x",
        "runs/x/",
        "runs\\..\\x",
        "C:/x",
        ".hidden",
        "runs/r/.x",
    ] {
        let refused = |result: Result<(), StoreError>| {
            assert!(matches!(result, Err(StoreError::InvalidKey(_))), "{key}: {result:?}");
        };
        refused(store.put(key, b"x".to_vec(), "text/plain").await);
        refused(store.get(key).await.map(drop));
        refused(store.delete(key).await);
    }
    assert!(store.list("").await.unwrap().is_empty());
}

async fn large_and_empty_files_are_kept(bench: &impl Bench) {
    let store = bench.artifacts();
    let large: Vec<u8> = (0..3_000_000u32).map(|place| place.to_le_bytes()[1]).collect();
    store.put("runs/r/large", large.clone(), "application/octet-stream").await.unwrap();
    store.put("runs/r/empty", Vec::new(), "application/octet-stream").await.unwrap();
    assert!(store.get("runs/r/large").await.unwrap() == Some(large), "large file differs");
    assert_eq!(store.get("runs/r/empty").await.unwrap(), Some(Vec::new()));
}
