"""Messages as they are on the wire: cut into AMQP's sections, of which the ones that are the sender's stay as they came."""

import struct
import time
import urllib.parse

from proton import Data, Described, int32, symbol, timestamp, uint, ulong

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA, FOOTER = (*range(0x70, 0x76), 0x78)
# Their places in the section of properties.
MESSAGE_ID, GROUP_ID = 0, 10
STATES = {"active": 0, "deferred": 1, "scheduled": 2}
# What is wrong with what a client sent.
MALFORMED = (ValueError, IndexError, struct.error)


def now():
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def path(address):
    """An entity's name, of an address that may be a URL."""
    if address and "://" in address:
        address = urllib.parse.urlsplit(address).path
    return urllib.parse.unquote(address or "").strip("/").lower()


def decode(raw):
    data = Data()
    data.decode(raw)
    data.rewind()
    data.next()
    return data.get_object().value


def encode(code, value):
    data = Data()
    data.put_object(Described(ulong(code), value))
    return data.encode()


def after(raw, place):
    """Where the value ends that begins there."""
    code = raw[place]
    place += 1
    kind = code >> 4
    if code == 0:
        return after(raw, after(raw, place))
    if 4 <= kind <= 9:
        place += (0, 1, 2, 4, 8, 16)[kind - 4]
    elif kind in (0xA, 0xC, 0xE):
        place += 1 + raw[place]
    elif kind in (0xB, 0xD, 0xF):
        place += 4 + struct.unpack_from(">I", raw, place)[0]
    else:
        raise ValueError("no such type")
    if place > len(raw):
        raise ValueError("it ends too early")
    return place


def sections(raw):
    """Pairs of a section's code and its bytes."""
    found, place = [], 0
    while place < len(raw):
        code, end = section(raw, place)
        found.append((code, raw[place:end]))
        place = end
    if not any(DATA <= code < FOOTER for code, _ in found):
        raise ValueError("no body")
    return found


def section(raw, place):
    if raw[place] != 0:
        raise ValueError("no section begins here")
    if raw[place + 1] == 0x53:
        code, value = raw[place + 2], place + 3
    elif raw[place + 1] == 0x80:
        code, value = struct.unpack_from(">Q", raw, place + 2)[0], place + 10
    else:
        raise ValueError("no section begins here")
    if not HEADER <= code <= FOOTER:
        raise ValueError("no such section")
    return code, after(raw, value)


def contents(raw):
    """What a section of data holds."""
    value = 3 if raw[1] == 0x53 else 10
    return raw[value + 2 :] if raw[value] == 0xA0 else raw[value + 5 :]


def unbatch(raw):
    """The messages of a transfer, each as its sections.

    Proton does not tell the message format that says what is a batch: it is known by its shape, as all its sections of data
    are messages.
    """
    whole = sections(raw)
    body = [part for part in whole if DATA <= part[0] < FOOTER]
    if all(code == DATA for code, _ in body):
        try:
            return [sections(contents(raw)) for _, raw in body]
        except MALFORMED:
            pass
    return [whole]


class Message:
    """A message of a queue."""

    def __init__(self, parts):
        self.header, self.annotations, self.properties, self.rest = [], {}, [], []
        for code, raw in parts:
            if code == HEADER:
                self.header = list(decode(raw) or [])
            elif code == ANNOTATIONS:
                self.annotations = dict(decode(raw) or {})
            elif code != DELIVERY_ANNOTATIONS:
                self.rest.append((code, raw))
            if code == PROPERTIES:
                self.properties = list(decode(raw) or [])
        self.header = (self.header + [None] * 5)[:5]
        self.count, self.sequence, self.state = 0, 0, "active"
        self.lock, self.locked_until = None, 0
        self.enqueued = now()
        time_to_live = self.header[2]
        self.expires = self.enqueued + int(time_to_live) if time_to_live else None

    def copy(self):
        copy = Message.__new__(Message)
        copy.__dict__.update(self.__dict__)
        copy.header, copy.annotations, copy.rest = list(self.header), dict(self.annotations), list(self.rest)
        return copy

    def field(self, place):
        return self.properties[place] if place < len(self.properties) else None

    @property
    def id(self):
        return self.field(MESSAGE_ID)

    @property
    def session(self):
        return self.field(GROUP_ID)

    def annotation(self, name):
        return self.annotations.get(symbol(name))

    def annotate(self, name, value):
        self.annotations[symbol(name)] = value

    def add(self, more):
        """Puts more application properties in."""
        for place, (code, raw) in enumerate(self.rest):
            if code == APPLICATION_PROPERTIES:
                self.rest[place] = (code, encode(code, {**decode(raw), **more}))
                return
        place = sum(1 for code, _ in self.rest if code == PROPERTIES)
        self.rest.insert(place, (APPLICATION_PROPERTIES, encode(APPLICATION_PROPERTIES, more)))

    def wire(self, locked=True):
        """The bytes of a transfer."""
        header = [*self.header[:4], uint(self.count)]
        annotations = {
            **self.annotations,
            symbol("x-opt-sequence-number"): self.sequence,
            symbol("x-opt-enqueue-sequence-number"): self.sequence,
            symbol("x-opt-enqueued-time"): timestamp(self.enqueued),
            symbol("x-opt-message-state"): int32(STATES[self.state]),
        }
        if locked and self.lock:
            annotations[symbol("x-opt-locked-until")] = timestamp(self.locked_until)
        return encode(HEADER, header) + encode(ANNOTATIONS, annotations) + b"".join(raw for _, raw in self.rest)
