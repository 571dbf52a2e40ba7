"""A Google Cloud Pub/Sub client of another make, for tests: gcpc.py COMMAND ... . PUBSUB_EMULATOR_HOST names the server.

A message is a line of JSON: {"attributes": {NAME: VALUE}, "key": ORDERING KEY, "body": BASE64}. Topics and subscriptions are
named in full: projects/PROJECT/topics/TOPIC.

  create TOPIC SUBSCRIPTION [OPTIONS]   a topic, if there is none, and a new subscription of it in the place of one that is
                                        there, with the fields of OPTIONS, a Subscription as JSON; prints "ready"
  publish TOPIC MESSAGE                 prints {"id"}
  receive SUBSCRIPTION                  prints one message, acknowledged
"""

import base64
import json
import sys
import time

from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import PublisherOptions

PATIENCE = 30


def show(value):
    print(json.dumps(value), flush=True)


def create(topic, subscription, options="{}"):
    try:
        pubsub_v1.PublisherClient().create_topic(request={"name": topic})
    except exceptions.AlreadyExists:
        pass
    subscriber = pubsub_v1.SubscriberClient()
    try:
        subscriber.delete_subscription(request={"subscription": subscription}, timeout=PATIENCE)
    except exceptions.NotFound:
        pass
    request = {"name": subscription, "topic": topic, **json.loads(options)}
    subscriber.create_subscription(request=request, timeout=PATIENCE)
    show("ready")


def publish(topic, message):
    message = json.loads(message)
    publisher = pubsub_v1.PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
    body = base64.b64decode(message["body"])
    sent = publisher.publish(topic, body, message.get("key", ""), **message.get("attributes", {}))
    show({"id": sent.result(PATIENCE)})


def receive(subscription):
    subscriber = pubsub_v1.SubscriberClient()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        request = {"subscription": subscription, "max_messages": 1, "return_immediately": True}
        for received in subscriber.pull(request=request, timeout=PATIENCE).received_messages:
            subscriber.acknowledge(request={"subscription": subscription, "ack_ids": [received.ack_id]})
            message = received.message
            show(
                {
                    "id": message.message_id,
                    "attributes": dict(message.attributes),
                    "key": message.ordering_key,
                    "body": base64.b64encode(message.data).decode(),
                }
            )
            return
        time.sleep(0.1)
    sys.exit(f"nothing came to {subscription}")


def main(command, *rest):
    commands = {"create": create, "publish": publish, "receive": receive}
    if command not in commands:
        sys.exit(__doc__)
    commands[command](*rest)


main(*sys.argv[1:])
