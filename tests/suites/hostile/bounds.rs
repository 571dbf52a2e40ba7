//! No answer fills the memory, however fast it comes, and however small it was before it was decompressed.
#![cfg(target_os = "linux")]

use super::start_upstream;
use crate::support::Program;

#[tokio::test]
async fn an_answer_without_end_is_not_kept() {
    start_upstream();
    let mut program = Program::start("hostile").await;
    program.discard_logs();
    assert_eq!(program.get("/odd/honest").await.status, 200);
    let before = program.peak();
    for path in ["/bounded/bomb", "/bounded/flood", "/sequence/bomb", "/sequence/flood", "/odd/failing-flood"] {
        for _ in 0..3 {
            assert_eq!(program.get(path).await.brief(), (500, "false", ""), "{path}");
        }
    }
    let bounded = program.peak();
    assert!(bounded < before + (12 << 10), "with a limit of 1 MiB: from {before} to {bounded} kB");
    for path in ["/odd/bomb", "/odd/flood"] {
        assert_eq!(program.get(path).await.brief(), (500, "false", ""), "{path}");
    }
    // 64 MiB, and a buffer that grew twofold.
    let unbounded = program.peak();
    assert!(unbounded < before + (256 << 10), "without one: from {before} to {unbounded} kB");
    assert_eq!(program.get("/odd/honest").await.status, 200);
}
