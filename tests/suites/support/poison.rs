//! A message that is not JSON where JSON is wanted, and then `{"n":1}`.

use std::time::Instant;

use super::{PATIENCE, Program};

/// Asks until the good message has come; how often the bad one was answered until both were done with.
pub(crate) async fn failures(gateway: &Program, path: &str, wanted: usize) -> usize {
    let (started, mut failures, mut good) = (Instant::now(), 0, 0);
    while failures < wanted || good == 0 {
        assert!(started.elapsed() < PATIENCE, "{path}: {failures} failures, {good} good ones");
        let answer = gateway.get(path).await;
        match answer.status {
            502 => failures += 1,
            200 => {
                assert_eq!(answer.text(), r#"{"n":1}"#);
                good += 1;
            }
            // A group finds together, or a message is given back after a while.
            status => assert_eq!(status, 204, "{answer:?}"),
        }
    }
    assert_eq!(good, 1);
    failures
}
