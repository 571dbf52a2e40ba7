use super::*;

/// A server whose requests to `/slow` wait for the notification.
fn slow(options: ServerOptions) -> (Running, Arc<Notify>, mpsc::UnboundedReceiver<()>) {
    let release = Arc::new(Notify::new());
    let (called, calls) = mpsc::unbounded_channel();
    let handler_release = release.clone();
    let server = Running::start(options, move |request: Request<Body>| {
        let (release, called) = (handler_release.clone(), called.clone());
        async move {
            if request.uri().path() == "/slow" {
                called.send(()).expect("the test runs");
                release.notified().await;
            }
            hello()
        }
    });
    (server, release, calls)
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_idle_connections_close_at_once() {
    let (mut server, release, mut calls) = slow(ServerOptions::default());
    let mut idle = server.client().await;
    idle.get("/").await;
    idle.until("hello").await;
    let mut silent = server.client().await;
    let mut busy = server.client().await;
    busy.get("/slow").await;
    soon(calls.recv()).await.expect("called");
    server.begin_shutdown();
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    let address = server.address;
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!server.task.is_finished());
    release.notify_one();
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    assert_eq!(server.ended().await, Drained { connections_cut: 0 });
}

#[tokio::test]
async fn half_a_head_does_not_delay_it_for_ever() {
    let (mut server, _release, _calls) = slow(ServerOptions { h2c: true, ..ServerOptions::default() });
    let mut client = server.client().await;
    client.send("GET / HTT").await;
    let mut preface = server.client().await;
    preface.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let mut half_preface = server.client().await;
    half_preface.send("PRI * HTTP").await;
    // All three are accepted once a later one is answered.
    let mut last = server.client().await;
    last.get("/").await;
    last.until("hello").await;
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 0 });
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_head_that_arrives_during_it_is_answered() {
    let (mut server, _release, _calls) = slow(ServerOptions::default());
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\n").await;
    let mut last = server.client().await;
    last.get("/").await;
    last.until("hello").await;
    server.begin_shutdown();
    assert_eq!(last.rest().await, "");
    client.send("Host: a\r\n\r\n").await;
    assert!(client.rest().await.ends_with("hello"));
    assert_eq!(server.ended().await, Drained { connections_cut: 0 });
}

#[tokio::test]
async fn the_limit_cuts_what_is_left_and_gives_back() {
    let options = ServerOptions { max_shutdown_wait: Some(Duration::from_millis(50)), ..ServerOptions::default() };
    let (mut server, probe) = Running::consuming(options, large);
    let mut client = server.client().await;
    client.get("/").await;
    let mut buffer = vec![0; 1 << 16];
    soon(client.0.read_exact(&mut buffer)).await.expect("the response begins");
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 1 });
    assert_eq!(probe.seen(), [Fate::GivenBack]);
}

#[tokio::test]
async fn the_limit_drops_handlers() {
    let options = ServerOptions { max_shutdown_wait: Some(Duration::from_millis(50)), ..ServerOptions::default() };
    let (mut server, _release, mut calls) = slow(options);
    let mut client = server.client().await;
    client.get("/slow").await;
    soon(calls.recv()).await.expect("called");
    server.begin_shutdown();
    assert_eq!(server.ended().await, Drained { connections_cut: 1 });
    assert_eq!(client.rest().await, "");
}
