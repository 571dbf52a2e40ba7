"""Queues, topics, and their messages, locks and sessions. Nothing here knows connections, but for the links that receive."""

import itertools
import uuid
from collections import OrderedDict, deque

from messages import now


class Options:
    """What the line of an entity says."""

    def __init__(self, words):
        values = dict(word.split("=", 1) for word in words if "=" in word)
        self.lock = int(float(values.pop("lock-seconds", 30)) * 1000)
        self.max_delivery = int(values.pop("max-delivery", 10))
        self.has_sessions = values.pop("sessions", "no") == "yes"
        self.duplicates = int(float(values.pop("duplicates", 0)) * 1000)
        self.max_size = int(values.pop("max-size", 262144))
        if values:
            raise ValueError(f"unknown options: {values}")


class History:
    """Which messages came lately, by their ids: they are not taken again."""

    def __init__(self, milliseconds):
        self.milliseconds, self.seen = milliseconds, OrderedDict()

    def has(self, message):
        if not self.milliseconds or message.id is None:
            return False
        while self.seen and next(iter(self.seen.values())) <= now():
            self.seen.popitem(last=False)
        if message.id in self.seen:
            return True
        self.seen[message.id] = now() + self.milliseconds
        return False


class Topic:
    def __init__(self, options, subscriptions):
        self.options, self.subscriptions, self.history = options, subscriptions, History(options.duplicates)

    def put(self, message):
        if not self.history.has(message):
            for subscription in self.subscriptions:
                subscription.put(message.copy())


class Session:
    """A session that a link holds."""

    def __init__(self, link, until):
        self.link, self.until = link, until


class Queue:
    """A queue, a subscription, or the dead-letter queue of one (which has none itself)."""

    def __init__(self, path, options, deliver, dead=None):
        self.path, self.options, self.deliver, self.dead = path, options, deliver, dead
        self.history, self.sequence = History(options.duplicates), itertools.count(1)
        self.active, self.locked, self.deferred, self.links = deque(), {}, OrderedDict(), []
        self.sessions, self.states = {}, {}

    @property
    def has_sessions(self):
        return self.options.has_sessions and self.dead is not None

    def put(self, message):
        if self.history.has(message):
            return
        if self.has_sessions and message.session is None:
            text = "Session enabled entity doesn't allow a message whose session identifier is null."
            self.bury(message, "Session ID is null", text)
            return
        message.sequence = next(self.sequence)
        message.lock, message.state = None, "active"
        self.active.append(message)
        self.pump()

    def take(self, link):
        """The next message for a link."""
        for message in list(self.active):
            if message.expires and message.expires <= now() and self.dead is not None:
                self.active.remove(message)
            elif not self.has_sessions or message.session == link.session_id:
                self.active.remove(message)
                return message
        return None

    def pump(self):
        """Hands out what there is to who has asked for it, in turn."""
        for link in list(self.links):
            while link.credit > 0 and (message := self.take(link)):
                self.deliver(self, link, message)
            if link.drain_mode and link.credit > 0:
                link.drained()
        if len(self.links) > 1:
            self.links.append(self.links.pop(0))

    # -- locks

    def lock(self, message):
        message.lock = uuid.uuid4()
        self.locked[message.lock] = message
        session = self.sessions.get(message.session) if self.has_sessions else None
        message.locked_until = session.until if session else now() + self.options.lock
        return message.lock

    def held(self, token):
        """The message that is locked with the token."""
        message = self.locked.get(token)
        if message is None:
            return None
        if self.has_sessions:
            # Its lock is its session's.
            return message if message.session in self.sessions else None
        return message if message.locked_until > now() else None

    def renew(self, token):
        message = self.held(token)
        if message is None or self.has_sessions:
            return None
        message.locked_until = now() + self.options.lock
        return message.locked_until

    def expire(self):
        """Ends the locks whose time is up. Returns the links that held sessions which have ended."""
        lost = []
        if self.has_sessions:
            for name, session in list(self.sessions.items()):
                if session.until <= now():
                    lost.append(session.link)
                    self.release(name)
        else:
            for token in [token for token, message in self.locked.items() if message.locked_until <= now()]:
                self.requeue(self.locked.pop(token))
        return lost

    def requeue(self, message):
        message.count += 1
        message.lock = None
        if self.dead is not None and message.count >= self.options.max_delivery:
            text = f"Message could not be consumed after {message.count} delivery attempts."
            self.bury(message, "MaxDeliveryCountExceeded", text)
        elif message.state == "deferred":
            self.deferred[message.sequence] = message
        else:
            later = (place for place, it in enumerate(self.active) if it.sequence > message.sequence)
            self.active.insert(next(later, len(self.active)), message)
            self.pump()

    def bury(self, message, reason, text, more=()):
        """To the dead-letter queue."""
        more = {**dict(more), "DeadLetterReason": reason, "DeadLetterErrorDescription": text}
        message.add({name: value for name, value in more.items() if value is not None})
        message.annotate("x-opt-deadletter-source", self.path)
        (self.dead or self).put(message)

    def settle(self, token, how, info=()):
        """Whether the lock was still there."""
        message = self.held(token)
        if message is None:
            return False
        del self.locked[token]
        info = dict(info)
        if how == "abandoned":
            if info:
                message.add(info)
            self.requeue(message)
        elif how == "released":
            message.count -= 1
            self.requeue(message)
        elif how == "defered":
            message.state, message.lock = "deferred", None
            self.deferred[message.sequence] = message
        elif how == "suspended":
            self.bury(message, info.pop("DeadLetterReason", None), info.pop("DeadLetterErrorDescription", None), info)
        return True

    # -- sessions

    def next_session(self):
        """The first that has a message and no link."""
        return next((it.session for it in self.active if it.session not in self.sessions), None)

    def accept(self, link, name):
        """Gives a session to a link. Returns until when, or nothing when another one has it."""
        if name in self.sessions:
            return None
        self.sessions[name] = Session(link, now() + self.options.lock)
        return self.sessions[name].until

    def renew_session(self, name):
        session = self.sessions.get(name)
        if session is None:
            return None
        session.until = now() + self.options.lock
        return session.until

    def release(self, name):
        """Ends a session's lock, and those of its messages."""
        if self.sessions.pop(name, None) is not None:
            for token in [token for token, message in self.locked.items() if message.session == name]:
                self.requeue(self.locked.pop(token))

    def forget(self, link):
        """The link has ended."""
        if link in self.links:
            self.links.remove(link)
        for name in [name for name, session in self.sessions.items() if session.link == link]:
            self.release(name)
