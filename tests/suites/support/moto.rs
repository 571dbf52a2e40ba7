//! A plain client of moto, which stands for SNS and SQS, and is none of the gateway's: their older protocol, of forms.

use std::net::SocketAddr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Answer, Client};

/// The account whose queues and topics there are.
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-2";

/// The server at an address.
#[derive(Clone, Copy)]
pub(crate) struct Moto(SocketAddr);

impl Moto {
    /// Of `http://127.0.0.1:PORT`.
    pub(crate) fn at(url: &str) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        Self(address.parse().unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    /// A queue, and what AWS calls its attributes. One that is there already stays as it is.
    pub(crate) async fn create_queue(self, name: &str, attributes: &[(&str, &str)]) {
        let mut fields = vec![("QueueName".to_owned(), name.to_owned())];
        for (number, (name, value)) in attributes.iter().enumerate() {
            fields.push((format!("Attribute.{}.Name", number + 1), (*name).to_owned()));
            fields.push((format!("Attribute.{}.Value", number + 1), (*value).to_owned()));
        }
        self.ask("sqs", "CreateQueue", &fields).await;
    }

    /// A topic, and queues that get what it gets: alone when `raw`, or in an envelope.
    pub(crate) async fn create_topic(self, name: &str, queues: &[&str], raw: bool) {
        let mut fields = vec![("Name".to_owned(), name.to_owned())];
        if name.ends_with(".fifo") {
            fields.push(("Attributes.entry.1.key".to_owned(), "FifoTopic".to_owned()));
            fields.push(("Attributes.entry.1.value".to_owned(), "true".to_owned()));
        }
        self.ask("sns", "CreateTopic", &fields).await;
        for queue in queues {
            let fields = [
                ("TopicArn", topic_arn(name)),
                ("Protocol", "sqs".to_owned()),
                ("Endpoint", queue_arn(queue)),
                ("Attributes.entry.1.key", "RawMessageDelivery".to_owned()),
                ("Attributes.entry.1.value", raw.to_string()),
            ];
            self.ask("sns", "Subscribe", &fields.map(|(name, value)| (name.to_owned(), value))).await;
        }
    }

    /// How many messages of a queue are visible, and how many are held by somebody.
    pub(crate) async fn messages(self, queue: &str) -> (u64, u64) {
        let fields = [("QueueUrl".to_owned(), queue_url(queue)), ("AttributeName.1".to_owned(), "All".to_owned())];
        let answer = self.ask("sqs", "GetQueueAttributes", &fields).await;
        let value = |name: &str| {
            let rest = answer.split(&format!("<Name>{name}</Name>")).nth(1)?;
            rest.split("<Value>").nth(1)?.split('<').next()?.parse().ok()
        };
        let value = |name| value(name).unwrap_or_else(|| panic!("{name}: {answer}"));
        (value("ApproximateNumberOfMessages"), value("ApproximateNumberOfMessagesNotVisible"))
    }

    /// Ends a queue with what is in it, where there is one. (Purging is for once a minute.)
    pub(crate) async fn delete_queue(self, queue: &str) {
        self.answer("sqs", "DeleteQueue", &[("QueueUrl".to_owned(), queue_url(queue))]).await;
    }

    async fn ask(self, service: &str, action: &str, fields: &[(String, String)]) -> String {
        let answer = self.answer(service, action, fields).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        answer.text().to_owned()
    }

    async fn answer(self, service: &str, action: &str, fields: &[(String, String)]) -> Answer {
        let mut form = format!("Action={action}");
        for (name, value) in fields {
            form.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
        // It looks at the service and the region of a signature, and at nothing else.
        let scope = format!("Credential=test/20260101/{REGION}/{service}/aws4_request");
        let headers = [
            ("Authorization", &*format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none")),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        Client::connect(self.0).await.request("POST", "/", &headers, form).await
    }
}

fn queue_url(queue: &str) -> String {
    format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}")
}

/// The name of a queue that is written out.
pub(crate) fn queue_arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

/// The name of a topic that is written out.
pub(crate) fn topic_arn(topic: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}")
}
