"""A NATS client of another make, for tests: natsc.py COMMAND SUBJECT [JSON].

A message is a line of JSON: {"headers": {NAME: VALUE}, "body": BASE64}. NATS_SERVER_URL names the server.

  publish SUBJECT MESSAGE      core NATS; prints "sent" when the server has it
  receive SUBJECT              core NATS; prints "ready", then the first message
  js-publish SUBJECT MESSAGE   JetStream; prints the acknowledgement
  js-receive SUBJECT STREAM    JetStream; prints one message, acknowledged
"""

import asyncio
import base64
import json
import os
import sys

import nats

PATIENCE = 30


def show(value):
    print(json.dumps(value), flush=True)


def shown(message):
    return {
        "subject": message.subject,
        "headers": message.headers or {},
        "body": base64.b64encode(message.data).decode(),
    }


async def main(command, subject, *rest):
    client = await nats.connect(os.environ["NATS_SERVER_URL"])
    if command in ("publish", "js-publish"):
        message = json.loads(rest[0])
        body = base64.b64decode(message["body"])
        headers = message["headers"] or None
        if command == "publish":
            await client.publish(subject, body, headers=headers)
            await client.flush(PATIENCE)
            show("sent")
        else:
            ack = await client.jetstream().publish(subject, body, timeout=PATIENCE, headers=headers)
            show({"stream": ack.stream, "seq": ack.seq, "duplicate": bool(ack.duplicate)})
    elif command == "receive":
        subscription = await client.subscribe(subject)
        await client.flush(PATIENCE)
        show("ready")
        show(shown(await subscription.next_msg(PATIENCE)))
    elif command == "js-receive":
        subscription = await client.jetstream().pull_subscribe(subject, "natsc", stream=rest[0])
        (message,) = await subscription.fetch(1, PATIENCE)
        await message.ack_sync(PATIENCE)
        show(shown(message))
    else:
        sys.exit(__doc__)
    await client.close()


asyncio.run(main(*sys.argv[1:]))
