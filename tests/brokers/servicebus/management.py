"""What is asked and answered: `$cbs`, which takes tokens, and `$management`, which knows locks, sessions and messages."""

import base64
import hashlib
import hmac
import time
import urllib.parse
import uuid
from collections import deque

import proton
from messages import Message, path, sections
from proton import UNDESCRIBED, Array, Data, Endpoint, int32, symbol, timestamp

LOCK_LOST = (410, "The lock supplied is invalid.", "com.microsoft:message-lock-lost")
SESSION_LOST = (410, "The session lock was lost.", "com.microsoft:session-lock-lost")
NOT_FOUND = (404, "There is no such message.", "com.microsoft:message-not-found")
# How long a token holds that is no shared access signature, and was taken without being looked at.
UNSIGNED_SECONDS = 3600


def flush(link):
    """Sends the answers that wait for the client's credit."""
    answers = getattr(link, "answers", None)
    while answers and link.credit > 0:
        delivery = link.delivery(uuid.uuid4().bytes)
        link.send(answers.popleft())
        link.advance()
        delivery.settle()


def reply(link, asked, properties, body=None):
    """Answers what came on a link, on the link to its sender."""
    answer = proton.Message(body=body)
    answer.correlation_id = asked.id if asked.id is not None else asked.correlation_id
    answer.properties = properties
    candidates, candidate = [], link.connection.link_head(Endpoint.LOCAL_ACTIVE)
    while candidate:
        if candidate.is_sender and getattr(candidate, "node", None) == link.node:
            candidates.append(candidate)
        candidate = candidate.next(Endpoint.LOCAL_ACTIVE)
    named = [it for it in candidates if asked.reply_to and asked.reply_to in (it.remote_target.address, it.name)]
    to, *_ = named or [it for it in candidates if it.session == link.session] or candidates or [None]
    if to is None:
        return
    if getattr(to, "answers", None) is None:
        to.answers = deque()
    to.answers.append(answer.encode())
    flush(to)


def read(raw):
    message = proton.Message()
    message.decode(raw)
    return message, {str(name): value for name, value in (message.properties or {}).items()}


class Tokens:
    """The tokens of connections: a shared access signature each."""

    def __init__(self, keys):
        self.keys = dict(key.split("=", 1) for key in keys)
        # Of each connection: until when it may use what.
        self.given = []

    def of(self, connection):
        for known, tokens in self.given:
            if known == connection:
                return tokens
        self.given.append((connection, {}))
        return self.given[-1][1]

    def forget(self, connection):
        self.given = [it for it in self.given if it[0] != connection]

    def allow(self, connection, name):
        if not self.keys:
            return True
        tokens = self.of(connection).items()
        return any(
            until > time.time() and (audience in ("", name) or name.startswith(audience + "/"))
            for audience, until in tokens
        )

    def answer(self, link, raw):
        asked, properties = read(raw)
        audience = path(properties.get("name"))
        if properties.get("operation") != "put-token":
            code, text = 400, "BadRequest"
        else:
            try:
                code, text, until = self.check(audience, asked.body)
            except (KeyError, ValueError):
                code, text = 401, "MalformedToken: The token is malformed or its key name is unknown."
        if code == 202:
            self.of(link.connection)[audience.removesuffix("/$management")] = until
        reply(link, asked, {"status-code": int32(code), "status-description": text})

    def check(self, audience, token):
        if not self.keys:
            return 202, "Accepted", time.time() + UNSIGNED_SECONDS
        token = token if isinstance(token, str) else bytes(token).decode()
        kind, fields = token.split(" ", 1)
        fields = dict(field.split("=", 1) for field in fields.split("&"))
        key = self.keys[urllib.parse.unquote(fields["skn"])]
        signed = hmac.new(key.encode(), f"{fields['sr']}\n{fields['se']}".encode(), hashlib.sha256).digest()
        until, scope = int(fields["se"]), path(urllib.parse.unquote(fields["sr"]))
        signature = urllib.parse.unquote(fields["sig"])
        if kind != "SharedAccessSignature" or not hmac.compare_digest(base64.b64encode(signed).decode(), signature):
            return 401, "InvalidSignature: The token has an invalid signature.", 0
        if until < time.time():
            return 401, "ExpiredToken: The token is expired.", 0
        if scope and audience != scope and not audience.startswith(scope + "/"):
            return 401, "Unauthorized: the token is for something else.", 0
        return 202, "Accepted", until


class Management:
    """`ENTITY/$management`."""

    def __init__(self, stand_in):
        self.stand_in = stand_in

    def answer(self, link, raw):
        asked, properties = read(raw)
        name = link.node.removesuffix("/$management")
        operation = str(properties.get("operation", "")).removeprefix("com.microsoft:").replace("-", "_")
        ask = getattr(self, f"on_{operation}", None)
        queue = self.stand_in.queues.get(name)
        if ask is None or (queue is None and operation not in ("schedule_message", "cancel_scheduled_message")):
            result = (501, f"The stand-in has no operation {operation}.", "amqp:not-implemented")
        else:
            result = ask(queue or name, asked.body or {})
        code, text, condition = result if isinstance(result, tuple) else (200, "OK", None)
        properties = {"statusCode": int32(code), "statusDescription": text}
        if condition:
            properties["errorCondition"] = symbol(condition)
        reply(link, asked, properties, None if isinstance(result, tuple) else result)

    def on_renew_lock(self, queue, body):
        until = [queue.renew(token) for token in items(body, "lock-tokens")]
        if None in until:
            return LOCK_LOST
        return {"expirations": Array(UNDESCRIBED, Data.TIMESTAMP, *map(timestamp, until))}

    def on_update_disposition(self, queue, body):
        info = {str(name): value for name, value in (body.get("properties-to-modify") or {}).items()}
        if body.get("deadletter-reason"):
            info["DeadLetterReason"] = body["deadletter-reason"]
        if body.get("deadletter-description"):
            info["DeadLetterErrorDescription"] = body["deadletter-description"]
        settled = [queue.settle(token, body["disposition-status"], info) for token in items(body, "lock-tokens")]
        return {} if all(settled) else LOCK_LOST

    def on_peek_message(self, queue, body):
        there = sorted([*queue.active, *queue.locked.values(), *queue.deferred.values()], key=lambda it: it.sequence)
        first, most = body.get("from-sequence-number", 0), body.get("message-count", 1)
        found = [it for it in there if it.sequence >= first and body.get("session-id") in (None, it.session)]
        if not found:
            return 204, "NoContent", None
        return {"messages": [{"message": it.wire(False)} for it in found[:most]]}

    def on_schedule_message(self, name, body):
        name = getattr(name, "path", name).lower()
        messages = [Message(sections(bytes(it["message"]))) for it in items(body, "messages")]
        numbers = [self.stand_in.accept(name, it) or 0 for it in messages]
        return {"sequence-numbers": Array(UNDESCRIBED, Data.LONG, *numbers)}

    def on_cancel_scheduled_message(self, _, body):
        found = [self.stand_in.scheduled.pop(number, None) for number in items(body, "sequence-numbers")]
        return NOT_FOUND if None in found else {}

    def on_receive_by_sequence_number(self, queue, body):
        found = [queue.deferred.pop(number, None) for number in items(body, "sequence-numbers")]
        if None in found:
            return NOT_FOUND
        if body.get("receiver-settle-mode"):
            for message in found:
                queue.lock(message)
        return {"messages": [{"message": it.wire(), "lock-token": it.lock or uuid.UUID(int=0)} for it in found]}

    def on_renew_session_lock(self, queue, body):
        until = queue.renew_session(body.get("session-id"))
        return {"expiration": timestamp(until)} if until else SESSION_LOST

    def on_get_session_state(self, queue, body):
        if body.get("session-id") not in queue.sessions:
            return SESSION_LOST
        return {"session-state": queue.states.get(body["session-id"])}

    def on_set_session_state(self, queue, body):
        if body.get("session-id") not in queue.sessions:
            return SESSION_LOST
        queue.states[body["session-id"]] = body.get("session-state")
        return {}

    def on_get_message_sessions(self, queue, body):
        names = sorted({it.session for it in queue.active if it.session is not None} | set(queue.states))
        names = names[body.get("skip", 0) :][: body.get("top", 100)]
        return {"skip": int32(len(names)), "sessions-ids": names} if names else (204, "NoContent", None)


def items(body, name):
    """A list's or an array's values."""
    value = body.get(name)
    return list(getattr(value, "elements", None) or value or [])
