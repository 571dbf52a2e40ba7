"""A RabbitMQ client of another make, for tests: rabbitc.py COMMAND ... . RABBIT_SERVER_URL names the server.

A message is a line of JSON: {"headers": {NAME: VALUE}, "properties": {NAME: VALUE}, "key": KEY, "body": BASE64}. Binary
header values are {"base64": VALUE}.

  declare EXCHANGE TYPE QUEUE KEY [ARGUMENTS]  an exchange, and a queue bound to it by that key; prints "ready"
  publish EXCHANGE MESSAGE                     confirmed and mandatory; prints "sent"
  receive QUEUE                                prints one message, acknowledged
"""

import base64
import json
import os
import sys
import time

import pika

PATIENCE = 30


def show(value):
    print(json.dumps(value), flush=True)


def from_json(value):
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def to_json(value):
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def shown(method, properties, body):
    names = (
        "content_type content_encoding delivery_mode priority correlation_id reply_to expiration message_id timestamp type "
        "user_id app_id"
    )
    return {
        "key": method.routing_key,
        "headers": {name: to_json(value) for name, value in (properties.headers or {}).items()},
        "properties": {it: getattr(properties, it) for it in names.split() if getattr(properties, it) is not None},
        "body": base64.b64encode(body).decode(),
    }


def main(command, place, *rest):
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBIT_SERVER_URL"]))
    channel = connection.channel()
    if command == "declare":
        kind, queue, key, *arguments = rest
        channel.exchange_declare(place, kind, durable=True)
        channel.queue_declare(queue, durable=True, arguments=json.loads(arguments[0]) if arguments else None)
        channel.queue_bind(queue, place, key)
        show("ready")
    elif command == "publish":
        message = json.loads(rest[0])
        headers = {name: from_json(value) for name, value in message.get("headers", {}).items()}
        properties = pika.BasicProperties(headers=headers or None, **message.get("properties", {}))
        channel.confirm_delivery()
        body = base64.b64decode(message["body"])
        channel.basic_publish(place, message.get("key", ""), body, properties, mandatory=True)
        show("sent")
    elif command == "receive":
        end = time.monotonic() + PATIENCE
        method = None
        while method is None:
            if time.monotonic() > end:
                sys.exit(f"nothing came to {place}")
            method, properties, body = channel.basic_get(place)
            if method is None:
                time.sleep(0.05)
        channel.basic_ack(method.delivery_tag)
        show(shown(method, properties, body))
    else:
        sys.exit(__doc__)
    connection.close()


main(*sys.argv[1:])
