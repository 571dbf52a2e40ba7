use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Mutex;

use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, Record};
use tokio::net::UdpSocket;

use super::*;

/// Priority, weight, port and target; none at all is NXDOMAIN.
type Records = Arc<Mutex<Vec<(u16, u16, u16, &'static str)>>>;

/// A name server that has `records` for every name, and counts how often it was asked.
async fn name_server(records: Records) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let question = Message::from_vec(&packet[..length]).unwrap();
            let query = question.queries[0].clone();
            log.lock().unwrap().push(query.name().to_string());
            let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
            answer.add_query(query.clone());
            let records = records.lock().unwrap().clone();
            if records.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            for (priority, weight, port, target) in records {
                let srv = SRV::new(priority, weight, port, Name::from_str(target).unwrap());
                answer.add_answer(Record::from_rdata(query.name().clone(), 3600, RData::SRV(srv)));
            }
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    });
    (address, asked)
}

fn discovery(server: SocketAddr, every: Duration) -> Discovery {
    let mut connection = ConnectionConfig::udp();
    connection.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().cache_size = 0;
    Discovery::with(builder.build().unwrap(), Service { name: "api.test.", scheme: "https" }, every)
}

async fn next(discovery: &Discovery, count: usize) -> Vec<String> {
    let mut hosts = Vec::new();
    for _ in 0..count {
        let host = tokio::time::timeout(Duration::from_secs(30), discovery.next()).await.expect("found").unwrap();
        hosts.push(host.to_string());
    }
    hosts
}

#[tokio::test]
async fn hosts_are_found_and_found_again() {
    let records = Records::new(Mutex::new(vec![
        (1, 20, 8080, "a.test."),
        (1, 10, 8081, "b.test."),
        (2, 99, 8082, "spare.test."),
    ]));
    let (server, asked) = name_server(Arc::clone(&records)).await;
    let discovery = discovery(server, Duration::from_millis(20));
    let (a, b) = ("https://a.test:8080", "https://b.test:8081");
    assert_eq!(next(&discovery, 6).await, [a, a, b, a, a, b]);
    assert!(asked.lock().unwrap().iter().all(|name| name == "api.test."));

    *records.lock().unwrap() = vec![(0, 0, 80, "c.test.")];
    while next(&discovery, 1).await != ["https://c.test:80"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // What cannot be looked up does not take away what is known.
    records.lock().unwrap().clear();
    let before = asked.lock().unwrap().len();
    while asked.lock().unwrap().len() < before + 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(next(&discovery, 2).await, ["https://c.test:80", "https://c.test:80"]);

    // A gateway that ends asks no more.
    drop(discovery);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let after = asked.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(asked.lock().unwrap().len(), after);
}

#[tokio::test]
async fn a_request_waits_for_the_first_answer() {
    let records = Records::default();
    let (server, asked) = name_server(Arc::clone(&records)).await;
    let discovery = discovery(server, Duration::from_millis(20));
    while asked.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), discovery.next()).await.is_err());
    *records.lock().unwrap() = vec![(0, 1, 80, "late.test."), (0, 1, 80, ".")];
    assert_eq!(next(&discovery, 2).await, ["https://late.test:80"; 2]);
}

#[test]
fn weights_become_turns() {
    for (weights, expected) in [
        (&[][..], &[][..]),
        (&[0], &[1]),
        (&[0, 0], &[1, 1]),
        (&[10, 20, 30], &[1, 2, 3]),
        (&[0, 10], &[1, 1]),
        (&[65_535, 1], &[100, 1]),
        (&[3, 7], &[3, 7]),
    ] {
        assert_eq!(turns(weights), expected, "{weights:?}");
    }
}
