"""An SQS and SNS client of another make, for tests: awsc.py COMMAND ... . The environment names the endpoints, as for any SDK.

A message is a line of JSON: {"attributes": {NAME: VALUE}, "group": GROUP, "deduplication": ID, "body": TEXT}. Binary
attributes are {"base64": VALUE}, and numbers are numbers.

  queue NAME [ATTRIBUTES]               makes a queue; prints {"url", "arn"}
  topic NAME QUEUE [ATTRIBUTES [RAW]]   makes a topic and a queue that is subscribed to it; prints {"arn", "url"}. RAW is
                                        true or false: whether the queue gets the message alone, without an envelope
  send QUEUE MESSAGE                    to a queue, by its name; prints {"id"}
  publish TOPIC MESSAGE                 to a topic, by its ARN; prints {"id"}
  receive QUEUE                         prints one message, deleted
"""

import base64
import json
import sys
import time

import boto3

PATIENCE = 30


def show(value):
    print(json.dumps(value), flush=True)


def to_attribute(value):
    if isinstance(value, dict):
        return {"DataType": "Binary", "BinaryValue": base64.b64decode(value["base64"])}
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "Number", "StringValue": str(value)}


def from_attribute(value):
    if "BinaryValue" in value:
        return {"base64": base64.b64encode(value["BinaryValue"]).decode()}
    return float(value["StringValue"]) if value["DataType"].startswith("Number") else value["StringValue"]


def arguments(message):
    message = json.loads(message)
    given = {
        "MessageAttributes": {name: to_attribute(value) for name, value in message.get("attributes", {}).items()},
        "MessageGroupId": message.get("group"),
        "MessageDeduplicationId": message.get("deduplication"),
    }
    return message["body"], {name: value for name, value in given.items() if value}


def make_queue(sqs, name, attributes):
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"url": url, "arn": arn}


def receive(sqs, name):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return {
                "id": message["MessageId"],
                "attributes": {
                    name: from_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
                },
                "group": message["Attributes"].get("MessageGroupId"),
                "deduplication": message["Attributes"].get("MessageDeduplicationId"),
                "body": message["Body"],
            }
    sys.exit(f"nothing came to {name}")


def main(command, place, *rest):
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    if command == "queue":
        show(make_queue(sqs, place, json.loads(rest[0]) if rest else {}))
    elif command == "topic":
        name, *rest = rest
        queue = make_queue(sqs, name, json.loads(rest[0]) if rest else {})
        raw = rest[1] if len(rest) > 1 else "false"
        fifo = {"FifoTopic": "true"} if place.endswith(".fifo") else {}
        topic = sns.create_topic(Name=place, Attributes=fifo)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["arn"], Attributes={"RawMessageDelivery": raw})
        show({"arn": topic, "url": queue["url"]})
    elif command == "send":
        body, given = arguments(rest[0])
        url = sqs.get_queue_url(QueueName=place)["QueueUrl"]
        show({"id": sqs.send_message(QueueUrl=url, MessageBody=body, **given)["MessageId"]})
    elif command == "publish":
        body, given = arguments(rest[0])
        show({"id": sns.publish(TopicArn=place, Message=body, **given)["MessageId"]})
    elif command == "receive":
        show(receive(sqs, place))
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
