#!/usr/bin/env python3
"""Stands for Azure Service Bus where the service cannot be had: as much of it as the official SDKs ask for.

AMQP 1.0 on plain TCP with SASL ANONYMOUS; `$cbs`, which checks the signatures of tokens and ends links when they expire; queues,
and topics with subscriptions; peek-lock with locks that end, receive-and-delete; complete, abandon, defer, dead-letter, and
what was delivered too often; time to live; batches; scheduled messages; sessions; duplicate detection; and `$management`.
State is in memory. Written from what the SDKs send and expect: it shows that a client works, not how the service behaves.

The file of entities has a line each, and is read again when it has grown:

  queue NAME [OPTION=VALUE]...
  topic NAME SUBSCRIPTION... [OPTION=VALUE]...
      lock-seconds=30, max-delivery=10, max-size=262144, sessions=no, duplicates=0 (seconds for which ids are remembered)
  detach NAME [CONDITION]   ends the links of an entity, by itself amqp:link:detach-forced
  disconnect [CONDITION]    ends all connections, by itself amqp:connection:forced
"""

import argparse
import itertools
import os
import signal
import sys
import uuid

from entities import Options, Queue, Topic
from management import Management, Tokens, flush
from messages import MALFORMED, Message, now, path, unbatch
from proton import Condition, Delivery, Handler, Link, Terminus, symbol
from proton.reactor import Container

SESSION_FILTER = symbol("com.microsoft:session-filter")
# A moment as .NET has it: steps of 100 ns since the year 1.
TICKS_OF_1970 = 621355968000000000
TICK = 0.05
# A session has so many handles at the service.
MOST_LINKS = 255


def condition(name, text):
    # One of the SDKs wants there to be a map.
    return Condition(name, text, {symbol("tracking-id"): str(uuid.uuid4())})


class StandIn(Handler):
    def __init__(self, arguments):
        super().__init__()
        self.arguments = arguments
        self.queues, self.topics, self.connections = {}, {}, []
        self.scheduled, self.scheduled_numbers = {}, itertools.count(1 << 40)
        # Links that wait for a session, and until when.
        self.waiting = []
        self.tokens, self.management = Tokens(arguments.key), Management(self)
        self.read = 0
        self.obey("queue", "myqueue")
        self.obey("topic", "mytopic", "mysubscription")
        self.read_entities()

    # -- entities

    def obey(self, command, name="", *words):
        if command == "queue" and name.lower() not in self.queues:
            self.add_queue(name, Options(words))
        elif command == "topic" and name.lower() not in self.topics:
            options = Options(words)
            subscriptions = [self.add_queue(f"{name}/Subscriptions/{it}", options) for it in words if "=" not in it]
            self.topics[name.lower()] = Topic(options, subscriptions)
        elif command == "detach":
            reason = condition(words[0] if words else "amqp:link:detach-forced", "The link was asked to end.")
            for link in [it for it in self.links() if (it.node + "/").startswith(name.lower() + "/")]:
                self.end(link, reason)
        elif command == "disconnect":
            for connection in self.connections:
                connection.condition = condition(name or "amqp:connection:forced", "The connection was asked to end.")
                connection.close()

    def add_queue(self, name, options):
        dead = Queue(name + "/$DeadLetterQueue", options, self.deliver)
        queue = Queue(name, options, self.deliver, dead)
        self.queues[name.lower()] = queue
        self.queues[dead.path.lower()] = dead
        return queue

    def read_entities(self):
        """Reads what was appended. A line that is not finished is read the next time."""
        if os.path.getsize(self.arguments.entities) == self.read:
            return
        with open(self.arguments.entities, "rb") as file:
            file.seek(self.read)
            lines, end, _ = file.read().rpartition(b"\n")
        self.read += len(lines + end)
        for line in lines.decode().splitlines():
            if words := line.split():
                try:
                    self.obey(*words)
                except ValueError as error:
                    print(f"{line}: {error}", flush=True)

    def options(self, name):
        entity = self.topics.get(name) or self.queues.get(name)
        return entity.options if entity else None

    def exists(self, name, receives):
        return name in self.queues or (not receives and name in self.topics)

    # -- connections

    def on_reactor_init(self, event):
        event.container.listen(f"127.0.0.1:{self.arguments.port}")
        event.container.schedule(TICK, self)
        print("listening", self.arguments.port, flush=True)

    def on_timer_task(self, event):
        self.read_entities()
        lost = condition("com.microsoft:session-lock-lost", "The session lock has expired on the link.")
        for queue in self.queues.values():
            for link in queue.expire():
                self.end(link, lost)
        for number in [number for number, (due, _, _) in self.scheduled.items() if due <= now()]:
            _, name, message = self.scheduled.pop(number)
            message.enqueued = now()
            self.put(name, message)
        for link, name, until in self.waiting[:]:
            self.accept_session(link, name, None, until)
        expired = condition("amqp:unauthorized-access", "ExpiredToken: The token is expired.")
        for link in self.links():
            name = link.node.removesuffix("/$management")
            if name != "$cbs" and not self.tokens.allow(link.connection, name):
                self.end(link, expired)
        event.container.schedule(TICK, self)

    def links(self):
        """Those that are open."""
        found = []
        for connection in self.connections:
            link = connection.link_head(Link.LOCAL_ACTIVE)
            while link:
                if getattr(link, "node", None):
                    found.append(link)
                link = link.next(Link.LOCAL_ACTIVE)
        return found

    def open_links(self, connection):
        """Those that the client has made and not ended."""
        link = connection.link_head(Link.REMOTE_ACTIVE)
        while link:
            yield link
            link = link.next(Link.REMOTE_ACTIVE)

    def on_connection_remote_open(self, event):
        event.connection.container = "service-bus-stand-in"
        event.connection.open()
        self.connections.append(event.connection)

    def on_connection_remote_close(self, event):
        event.connection.close()

    def on_transport_closed(self, event):
        connection = event.connection
        if connection is None:
            return
        self.connections = [it for it in self.connections if it != connection]
        self.tokens.forget(connection)
        for queue in self.queues.values():
            for link in [it for it in queue.links if it.connection == connection]:
                queue.forget(link)
        self.waiting = [it for it in self.waiting if it[0].connection != connection]

    def on_session_remote_open(self, event):
        event.session.incoming_capacity = 0
        event.session.open()

    def on_session_remote_close(self, event):
        event.session.close()

    # -- links

    def on_link_remote_open(self, event):
        link = event.link
        if sum(1 for _ in self.open_links(link.connection)) > MOST_LINKS:
            text = f"Cannot allocate more handles to the current session. The maximum number of handles allowed is {MOST_LINKS}."
            link.connection.condition = condition("amqp:resource-limit-exceeded", text)
            link.connection.close()
            return None
        sends = link.is_receiver
        node = path(link.remote_target.address if sends else link.remote_source.address)
        is_management = node.endswith("/$management")
        name = node.removesuffix("/$management")
        receives = not sends and not is_management
        if node != "$cbs":
            if not self.exists(name, receives):
                self.read_entities()
            if not self.exists(name, receives):
                text = f"The messaging entity 'sb://127.0.0.1/{name}' could not be found."
                return self.refuse(link, "amqp:not-found", text)
            if not self.tokens.allow(link.connection, name):
                text = (
                    "Unauthorized access. 'Send' or 'Listen' claim(s) are required to perform this operation. "
                    f"Resource: 'sb://127.0.0.1/{name}'."
                )
                return self.refuse(link, "amqp:unauthorized-access", text)
        link.target.copy(link.remote_target)
        link.source.copy(link.remote_source)
        link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
        if sends:
            if node != "$cbs" and not is_management:
                link.max_message_size = self.options(name).max_size
            link.node = node
            link.open()
            link.flow(100)
        elif node == "$cbs" or is_management:
            link.node = node
            link.open()
        else:
            self.receive(link, name)

    def receive(self, link, name):
        """A link that receives from a queue, or from a session of it."""
        filters = link.remote_source.filter
        filters.rewind()
        filters = filters.get_object() if filters.next() else {}
        has_session, queue = SESSION_FILTER in (filters or {}), self.queues[name]
        if has_session != queue.has_sessions:
            what = "a non-sessionful" if queue.has_sessions else "a sessionful"
            requires = "requires sessions" if queue.has_sessions else "does not require sessions"
            text = f"It is not possible for an entity that {requires} to create {what} message receiver."
            return self.refuse(link, "amqp:not-allowed", text)
        if not has_session:
            link.node, link.session_id = name, None
            link.open()
            queue.links.append(link)
            return None
        session = filters[SESSION_FILTER]
        session = getattr(session, "value", session)
        patience = (link.remote_properties or {}).get("com.microsoft:timeout", 60000)
        return self.accept_session(link, name, session, now() + int(patience))

    def accept_session(self, link, name, session, until):
        queue, wanted = self.queues[name], session
        self.waiting = [it for it in self.waiting if it[0] != link]
        if wanted is None:
            session = queue.next_session()
        if session is None:
            if now() < until:
                return self.waiting.append((link, name, until))
            text = "The operation did not complete within the allotted timeout."
            return self.refuse(link, "com.microsoft:timeout", text)
        locked = queue.accept(link, session)
        if locked is None:
            text = f"The requested session '{session}' cannot be accepted. It may be locked by another receiver."
            return self.refuse(link, "com.microsoft:session-cannot-be-locked", text)
        link.node, link.session_id = name, session
        link.source.filter.clear()
        link.source.filter.put_dict({SESSION_FILTER: session})
        link.properties = {"com.microsoft:locked-until-utc": locked * 10000 + TICKS_OF_1970}
        link.open()
        queue.links.append(link)
        return None

    def refuse(self, link, name, text):
        link.snd_settle_mode, link.rcv_settle_mode = link.remote_snd_settle_mode, link.remote_rcv_settle_mode
        # No terminus says that it is refused, and that the reason follows.
        (link.target if link.is_receiver else link.source).type = Terminus.UNSPECIFIED
        link.open()
        link.condition = condition(name, text)
        link.close()

    def forget(self, link):
        self.waiting = [it for it in self.waiting if it[0] != link]
        queue = self.queues.get(getattr(link, "node", None))
        if queue:
            queue.forget(link)

    def end(self, link, reason):
        self.forget(link)
        link.condition = reason
        link.close()

    def on_link_remote_close(self, event):
        self.forget(event.link)
        event.link.close()

    def on_link_remote_detach(self, event):
        self.forget(event.link)
        event.link.detach()

    def on_link_flow(self, event):
        link = event.link
        node = getattr(link, "node", None)
        if not link.is_sender or node is None:
            return
        if node in self.queues:
            self.queues[node].pump()
        elif link.drain_mode and link.credit > 0:
            link.drained()
        flush(link)

    # -- messages that come

    def on_delivery(self, event):
        delivery, link = event.delivery, event.link
        if link.is_sender:
            if delivery.updated:
                self.settle(delivery)
        elif delivery.readable and not delivery.partial:
            self.take(link, delivery)
        elif delivery.updated and delivery.settled:
            delivery.settle()

    def take(self, link, delivery):
        raw = bytes(link.recv(delivery.pending) or b"")
        link.advance()
        node = getattr(link, "node", None)
        if node is None or not link.state & Link.LOCAL_ACTIVE:
            # It was sent on a link that is refused, or has ended.
            delivery.settle()
            return
        link.flow(1)
        if node == "$cbs" or node.endswith("/$management"):
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            (self.tokens if node == "$cbs" else self.management).answer(link, raw)
            return
        most = self.options(node).max_size
        if len(raw) > most:
            text = f"The received message ({len(raw)} bytes) exceeds the limit ({most} bytes) currently allowed on the link."
            self.reject(delivery, "amqp:link:message-size-exceeded", text)
            return
        try:
            messages = [Message(parts) for parts in unbatch(raw)]
        except MALFORMED as error:
            self.reject(delivery, "amqp:decode-error", str(error))
            return
        if node in self.queues and self.queues[node].has_sessions and any(it.session is None for it in messages):
            text = "Session enabled entity doesn't allow a message whose session identifier is null."
            self.reject(delivery, "amqp:not-allowed", text)
            return
        for message in messages:
            self.accept(node, message)
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()

    def accept(self, name, message):
        """Puts a message into a queue or a topic, or keeps it for later: then its number is returned."""
        due = message.annotation("x-opt-scheduled-enqueue-time")
        if not due or int(due) <= now():
            self.put(name, message)
            return None
        number = next(self.scheduled_numbers)
        message.state, message.sequence = "scheduled", number
        self.scheduled[number] = (int(due), name, message)
        return number

    def put(self, name, message):
        message.state = "active"
        (self.topics.get(name) or self.queues[name]).put(message)

    def reject(self, delivery, name, text):
        delivery.local.condition = condition(name, text)
        delivery.update(Delivery.REJECTED)
        delivery.settle()

    # -- messages that go

    def deliver(self, queue, link, message):
        is_settled = link.remote_snd_settle_mode == Link.SND_SETTLED
        token = uuid.uuid4() if is_settled else queue.lock(message)
        delivery = link.delivery(token.bytes_le)
        delivery.token, delivery.queue = token, queue
        link.send(message.wire())
        link.advance()
        if is_settled:
            delivery.settle()

    def settle(self, delivery):
        token = getattr(delivery, "token", None)
        if token is None or getattr(delivery, "is_finished", False):
            if delivery.settled:
                delivery.settle()
            return
        state, info = delivery.remote_state, {}
        if state == Delivery.ACCEPTED:
            how = "completed"
        elif state == Delivery.RELEASED:
            # The service does not count that as a delivery, other than an abandoned one.
            how = "released"
        elif state == Delivery.MODIFIED:
            how = "defered" if delivery.remote.undeliverable else "abandoned"
            info = delivery.remote.annotations or {}
        elif state == Delivery.REJECTED:
            how = "suspended"
            reason = delivery.remote.condition
            info = (reason.info if reason else None) or {}
        else:
            # Settled without an outcome: the lock ends by itself.
            if delivery.settled:
                delivery.settle()
            return
        delivery.is_finished = True
        if delivery.queue.settle(token, how, {str(name): value for name, value in info.items()}):
            # The SDKs want their own outcome back.
            delivery.local.failed = state == Delivery.MODIFIED and delivery.remote.failed
            delivery.update(state)
            delivery.settle()
        else:
            text = "The lock supplied is invalid. Either the lock expired, or the message has already been removed."
            self.reject(delivery, "com.microsoft:message-lock-lost", text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--entities", required=True, help="the file of entities")
    parser.add_argument("--key", action="append", default=[], help="NAME=KEY; without one, any token is taken")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Container(StandIn(parser.parse_args())).run()
