//! As much of NATS' protocol as it takes to make a stream and to ask how much is in it.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::soon;

/// Makes the stream `name` of `subject`, kept in files.
pub(crate) async fn create_stream(port: u16, name: &str, subject: &str) {
    let config =
        json!({"name": name, "subjects": [subject], "retention": "limits", "storage": "file", "num_replicas": 1});
    let answer = request(port, &format!("$JS.API.STREAM.CREATE.{name}"), &config).await;
    assert!(answer.get("error").is_none(), "{answer}");
}

/// How many messages the stream has taken.
pub(crate) async fn stored(port: u16, name: &str) -> u64 {
    let answer = request(port, &format!("$JS.API.STREAM.INFO.{name}"), &json!({})).await;
    answer["state"]["last_seq"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

/// A request and its JSON answer.
async fn request(port: u16, subject: &str, body: &Value) -> Value {
    soon(async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
        let mut stream = BufReader::new(stream);
        let body = body.to_string();
        let command = format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB {subject} answers {}\r\n{body}\r\n",
            body.len()
        );
        stream.write_all(command.as_bytes()).await.expect("the server reads");
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("the server answers");
            assert!(!line.is_empty() && !line.starts_with("-ERR"), "{line}");
            // MSG answers 1 LENGTH
            if let Some(length) = line.strip_prefix("MSG ").and_then(|rest| rest.trim_end().rsplit(' ').next()) {
                let mut answer = vec![0; length.parse().expect("a length")];
                stream.read_exact(&mut answer).await.expect("the server answers");
                return serde_json::from_slice(&answer).expect("JSON");
            }
        }
    })
    .await
}
