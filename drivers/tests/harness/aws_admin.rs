//! Makes topics and queues, at the moto that `AWS_ENDPOINT_URL_SNS` and `AWS_ENDPOINT_URL_SQS` name or at another one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sns::Client as Sns;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};

pub(crate) const REGION: &str = "us-east-2";

/// A name that nobody else has.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// SNS and SQS at one address.
pub(crate) struct Admin {
    pub(crate) sns: Sns,
    pub(crate) sqs: Sqs,
}

/// A topic, and a queue that gets what is published to it.
pub(crate) struct Topic {
    pub(crate) arn: String,
    /// The queue's URL.
    pub(crate) queue: String,
}

impl Admin {
    /// At the address `url`.
    pub(crate) fn at(url: &str) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(Region::new(REGION))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .sleep_impl(sleep())
            .build();
        Self { sns: Sns::new(&config), sqs: Sqs::new(&config) }
    }

    /// Makes a topic and its queue; `raw` says whether the queue gets messages without an envelope.
    pub(crate) async fn topic(&self, name: &str, fifo: bool, raw: bool) -> Topic {
        let queue = self.queue(name, fifo, &[]).await;
        let arn = self.bare_topic(name, fifo).await;
        self.subscribe(&arn, &queue, raw).await;
        Topic { arn, queue }
    }

    pub(crate) async fn bare_topic(&self, name: &str, fifo: bool) -> String {
        let mut topic = self.sns.create_topic().name(full(name, fifo));
        if fifo {
            topic = topic.attributes("FifoTopic", "true").attributes("ContentBasedDeduplication", "true");
        }
        topic.send().await.expect("a topic").topic_arn.expect("its ARN")
    }

    /// Makes a queue with these attributes, and returns its URL.
    pub(crate) async fn queue(&self, name: &str, fifo: bool, attributes: &[(QueueAttributeName, &str)]) -> String {
        let mut queue = self.sqs.create_queue().queue_name(full(name, fifo));
        if fifo {
            queue = queue.attributes(QueueAttributeName::FifoQueue, "true");
        }
        for (name, value) in attributes {
            queue = queue.attributes(name.clone(), *value);
        }
        queue.send().await.expect("a queue").queue_url.expect("its URL")
    }

    pub(crate) async fn arn(&self, queue: &str) -> String {
        let asked = self.sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::QueueArn);
        let mut attributes = asked.send().await.expect("its attributes").attributes.unwrap_or_default();
        attributes.remove(&QueueAttributeName::QueueArn).expect("its ARN")
    }

    pub(crate) async fn subscribe(&self, topic: &str, queue: &str, raw: bool) {
        let endpoint = self.arn(queue).await;
        let subscribed = self.sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(endpoint);
        subscribed.attributes("RawMessageDelivery", raw.to_string()).send().await.expect("a subscription");
    }

    /// Has SQS move what was received a hundred times to the queue `dead`.
    pub(crate) async fn redrive(&self, queue: &str, dead: &str) {
        let arn = self.arn(dead).await;
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":100}}"#);
        let set = self.sqs.set_queue_attributes().queue_url(queue);
        set.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.expect("it is set");
    }

    /// A message of the queue, deleted; `None` where none comes within a second.
    pub(crate) async fn receive(&self, queue: &str) -> Option<Message> {
        let asked = self.sqs.receive_message().queue_url(queue).wait_time_seconds(1).message_attribute_names("All");
        let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All);
        let message = asked.send().await.expect("an answer").messages.unwrap_or_default().pop()?;
        let handle = message.receipt_handle().expect("a handle");
        self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await.expect("it is deleted");
        Some(message)
    }
}

fn full(name: &str, fifo: bool) -> String {
    format!("{name}{}", if fifo { ".fifo" } else { "" })
}

fn sleep() -> aws_sdk_sns::config::SharedAsyncSleep {
    #[derive(Debug)]
    struct Tokio;
    impl aws_sdk_sns::config::AsyncSleep for Tokio {
        fn sleep(&self, duration: Duration) -> aws_sdk_sns::config::Sleep {
            aws_sdk_sns::config::Sleep::new(tokio::time::sleep(duration))
        }
    }
    aws_sdk_sns::config::SharedAsyncSleep::new(Tokio)
}
