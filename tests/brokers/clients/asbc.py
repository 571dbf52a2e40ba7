"""An Azure Service Bus client of another make, for tests: asbc.py COMMAND ENTITY ... . SERVICEBUS_CONNECTION_STRING names the
server. ENTITY is a queue or a topic; a subscription is TOPIC:SUBSCRIPTION.

A message is a line of JSON: {"attributes": {NAME: VALUE}, "properties": {NAME: VALUE}, "body": BASE64}. Attributes are
application properties: text, numbers, true and false (the SDK sends no binary ones; what comes and is no text is
{"base64": VALUE}). Properties are those of the SDK's message, as `message_id`, `session_id`, `subject`.

  send-queue QUEUE MESSAGE     prints "sent"
  send-topic TOPIC MESSAGE     prints "sent"
  receive ENTITY               prints one message, completed
  receive-session ENTITY ID    the same of a session
  receive-dead ENTITY          the same of its dead-letter queue
"""

import base64
import json
import os
import sys

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue

PATIENCE = 30
PROPERTIES = (
    "message_id session_id partition_key correlation_id subject content_type to reply_to reply_to_session_id delivery_count "
    "dead_letter_reason dead_letter_error_description"
)


def show(value):
    print(json.dumps(value), flush=True)


def to_json(value):
    """The SDK gives text as bytes, as it does what is binary."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def shown(message):
    properties = {name: to_json(getattr(message, name)) for name in PROPERTIES.split()}
    properties["time_to_live"] = message.time_to_live and message.time_to_live.total_seconds()
    return {
        "attributes": {to_json(name): to_json(value) for name, value in (message.application_properties or {}).items()},
        "properties": {name: value for name, value in properties.items() if value is not None},
        "body": base64.b64encode(b"".join(message.body)).decode(),
    }


def send(sender, message):
    message = json.loads(message)
    body = base64.b64decode(message["body"])
    with sender:
        sent = ServiceBusMessage(
            body, application_properties=message.get("attributes"), **message.get("properties", {})
        )
        sender.send_messages(sent, timeout=PATIENCE)
    show("sent")


def receive(client, entity, **options):
    topic, _, subscription = entity.partition(":")
    options["max_wait_time"] = PATIENCE
    if subscription:
        receiver = client.get_subscription_receiver(topic, subscription, **options)
    else:
        receiver = client.get_queue_receiver(entity, **options)
    with receiver:
        messages = receiver.receive_messages(1)
        if not messages:
            sys.exit(f"nothing came to {entity}")
        receiver.complete_message(messages[0])
        show(shown(messages[0]))


def main(command, entity, *rest):
    with ServiceBusClient.from_connection_string(os.environ["SERVICEBUS_CONNECTION_STRING"]) as client:
        if command == "send-queue":
            send(client.get_queue_sender(entity), rest[0])
        elif command == "send-topic":
            send(client.get_topic_sender(entity), rest[0])
        elif command == "receive":
            receive(client, entity)
        elif command == "receive-session":
            receive(client, entity, session_id=rest[0])
        elif command == "receive-dead":
            receive(client, entity, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        else:
            sys.exit(__doc__)


main(*sys.argv[1:])
