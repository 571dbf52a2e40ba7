"""A Kafka client of another make, for tests: kafkac.py COMMAND TOPIC [JSON]. KAFKA_BROKERS names the servers.

A message is a line of JSON: {"headers": [[NAME, BASE64]], "key": BASE64 or null, "timestamp": MILLISECONDS,
"body": BASE64 or null}.

  publish TOPIC MESSAGE    confirmed by all replicas; prints {"partition", "offset"}
  receive TOPIC COUNT      prints so many messages, from the topic's beginning, each on a line
  committed TOPIC GROUP    prints {PARTITION: OFFSET} of what the group has committed
"""

import base64
import json
import os
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

PATIENCE = 30


def show(value):
    print(json.dumps(value), flush=True)


def to_json(value):
    return None if value is None else base64.b64encode(value).decode()


def from_json(value):
    return None if value is None else base64.b64decode(value)


def shown(message):
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": to_json(message.key()),
        "headers": [[name, to_json(value)] for name, value in message.headers() or []],
        "timestamp": message.timestamp()[1],
        "body": to_json(message.value()),
    }


def publish(servers, topic, message):
    message = json.loads(message)
    reports = []
    producer = Producer({**servers, "acks": "all", "enable.idempotence": True})
    given = {"timestamp": message["timestamp"]} if "timestamp" in message else {}
    producer.produce(
        topic,
        from_json(message["body"]),
        key=from_json(message.get("key")),
        headers=[(name, from_json(value)) for name, value in message.get("headers", [])],
        on_delivery=lambda error, stored: reports.append((error, stored)),
        **given,
    )
    producer.flush(PATIENCE)
    (error, stored), *_ = reports or [("no report", None)]
    if error is not None:
        sys.exit(str(error))
    show({"partition": stored.partition(), "offset": stored.offset()})


def partitions(consumer, topic):
    return [TopicPartition(topic, it, 0) for it in consumer.list_topics(topic, PATIENCE).topics[topic].partitions]


def receive(servers, topic, count):
    consumer = Consumer({**servers, "group.id": "kafkac", "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign(partitions(consumer, topic))
    end = time.monotonic() + PATIENCE
    left = int(count)
    while left:
        if time.monotonic() > end:
            sys.exit(f"{left} messages did not come")
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            show(shown(message))
            left -= 1
    consumer.close()


def committed(servers, topic, group):
    consumer = Consumer({**servers, "group.id": group})
    places = consumer.committed(partitions(consumer, topic), PATIENCE)
    show({str(place.partition): place.offset for place in places})
    consumer.close()


def main(command, topic, *rest):
    servers = {"bootstrap.servers": os.environ["KAFKA_BROKERS"], "log_level": 0}
    commands = {"publish": publish, "receive": receive, "committed": committed}
    if command not in commands:
        sys.exit(__doc__)
    commands[command](servers, topic, *rest)


main(*sys.argv[1:])
