#!/usr/bin/env python3
"""A small stand-in for Azure Service Bus, enough for the official SDKs: AMQP 1.0 on plain TCP, SASL ANONYMOUS,
$cbs put-token (SAS signature checked when --key is given), queues, topics with subscriptions, peek-lock with lock expiry,
receive-and-delete, complete / abandon / defer(settle only) / dead-letter, max delivery count, TTL, batches, scheduled
messages, and a $management node (renew-lock, peek, update-disposition, schedule, cancel, receive deferred).
Needs: pip install python-qpid-proton.   State is in memory."""

import argparse, base64, hashlib, hmac, itertools, json, struct, sys, time, urllib.parse, uuid
from collections import OrderedDict, deque
from proton import (
    Array,
    Condition,
    Data,
    Delivery,
    Described,
    Disposition,
    Endpoint,
    Handler,
    Link,
    Message,
    Terminus,
    UNDESCRIBED,
    int32,
    symbol,
    timestamp,
    ubyte,
    uint,
    ulong,
    char,
)
from proton.reactor import Container

HEADER, DELIVERY_ANN, MESSAGE_ANN, PROPERTIES, APP_PROPS, DATA, FOOTER = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x78
now_ms = lambda: int(time.time() * 1000)


# --- just enough of the AMQP type system to cut a message into sections without touching the bytes of the bare message ---
def skip(b, i):
    c = b[i]
    i += 1
    k = c >> 4
    if c == 0:
        return skip(b, skip(b, i))
    if k in (4, 5, 6, 7, 8, 9):
        i += (0, 1, 2, 4, 8, 16)[k - 4]
    elif k in (0xA, 0xC, 0xE):
        i += 1 + b[i]
    elif k in (0xB, 0xD, 0xF):
        i += 4 + struct.unpack_from(">I", b, i)[0]
    else:
        raise ValueError("bad constructor")
    if i > len(b):
        raise ValueError("truncated")
    return i


def sections(b):
    out, i = [], 0
    while i < len(b):
        if b[i] != 0:
            raise ValueError("no descriptor")
        if b[i + 1] == 0x53:
            code, v = b[i + 2], i + 3
        elif b[i + 1] == 0x80:
            code, v = struct.unpack_from(">Q", b, i + 2)[0], i + 10
        else:
            raise ValueError("no section")
        if not HEADER <= code <= FOOTER:
            raise ValueError("no section")
        e = skip(b, v)
        out.append((code, bytes(b[i:e]), v - i))
        i = e
    return out


def decode(raw):
    d = Data()
    d.decode(raw)
    d.rewind()
    d.next()
    return d.get_object().value


def encode(code, value):
    d = Data()
    d.put_object(Described(ulong(code), value))
    return d.encode()


def data_payload(raw, off):
    return raw[off + 2 :] if raw[off] == 0xA0 else raw[off + 5 :]


def unbatch(raw):
    """proton hides message-format, so a batch (0x80013700) is known by its shape: every data section is itself a message."""
    s = sections(raw)
    body = [x for x in s if x[0] >= DATA and x[0] < FOOTER]
    if body and all(c == DATA for c, _, _ in body):
        inner = [data_payload(r, o) for _, r, o in body]
        try:
            parsed = [sections(x) for x in inner]
            if all(p and any(DATA <= c < FOOTER for c, _, _ in p) for p in parsed):
                return parsed
        except (ValueError, IndexError, struct.error):
            pass
    return [s]


class Msg:
    __slots__ = ("header", "ann", "rest", "seq", "enqueued", "count", "lock", "until", "expires", "state", "size")

    def __init__(self, secs):
        h = ann = None
        self.rest = []
        for c, raw, _ in secs:
            if c == HEADER:
                h = decode(raw)
            elif c == MESSAGE_ANN:
                ann = decode(raw)
            elif c != DELIVERY_ANN:
                self.rest.append((c, raw))
        self.header = (list(h or []) + [None] * 5)[:5]
        self.ann = dict(ann or {})
        self.count = 0
        self.lock = None
        self.until = 0
        self.state = "active"
        self.enqueued = now_ms()
        ttl = self.header[2]
        self.expires = self.enqueued + int(ttl) if ttl else None

    def copy(self):
        m = Msg.__new__(Msg)
        for k in Msg.__slots__:
            if k != "size":
                setattr(m, k, getattr(self, k, None))
        m.header, m.ann, m.rest = list(self.header), dict(self.ann), list(self.rest)
        return m

    def set_app(self, extra):
        for i, (c, raw) in enumerate(self.rest):
            if c == APP_PROPS:
                self.rest[i] = (c, encode(APP_PROPS, {**decode(raw), **extra}))
                return
        i = sum(1 for c, _ in self.rest if c == PROPERTIES)
        self.rest.insert(i, (APP_PROPS, encode(APP_PROPS, extra)))

    def wire(self, locked=True):
        h = list(self.header)
        h[4] = uint(self.count)
        a = dict(self.ann)
        a[symbol("x-opt-sequence-number")] = self.seq
        a[symbol("x-opt-enqueued-time")] = timestamp(self.enqueued)
        a[symbol("x-opt-enqueue-sequence-number")] = self.seq
        a[symbol("x-opt-message-state")] = int32({"active": 0, "deferred": 1, "scheduled": 2}[self.state])
        if locked and self.lock:
            a[symbol("x-opt-locked-until")] = timestamp(self.until)
        return encode(HEADER, h) + encode(MESSAGE_ANN, a) + b"".join(r for _, r in self.rest)


class Queue:
    """A queue or a subscription; every one has its dead-letter sub-queue."""

    def __init__(self, srv, path, options, dlq=None):
        self.lock_ms = int(options.get("lock-seconds", 30) * 1000)
        self.max_delivery = int(options.get("max-delivery", 10))
        self.srv, self.path, self.dlq, self.seq = srv, path, dlq, itertools.count(1)
        self.active, self.locked, self.deferred, self.links = deque(), {}, OrderedDict(), []

    def put(self, m, source=None):
        m.seq = next(self.seq)
        m.lock = None
        m.state = "active"
        if self.dlq is None and source:
            m.ann[symbol("x-opt-deadletter-source")] = source
        self.active.append(m)
        self.pump()

    def pop(self):
        while self.active:
            m = self.active.popleft()
            if m.expires and m.expires <= now_ms() and self.dlq is not None:
                continue
            return m

    def pump(self):
        for link in list(self.links):
            while link.credit > 0 and (m := self.pop()):
                self.srv.deliver(self, link, m)
            if link.drain_mode and link.credit > 0:
                link.drained()
        if len(self.links) > 1:
            self.links.append(self.links.pop(0))

    def lock(self, m):
        m.lock = uuid.uuid4()
        m.until = now_ms() + self.lock_ms
        self.locked[m.lock] = m
        return m.lock

    def expire(self, t):
        for k in [k for k, m in self.locked.items() if m.until <= t]:
            self.requeue(self.locked.pop(k))

    def requeue(self, m):
        m.count += 1
        m.lock = None
        if self.dlq is not None and m.count >= self.max_delivery:
            self.dead(
                m, "MaxDeliveryCountExceeded", f"Message could not be consumed after {m.count} delivery attempts."
            )
        elif m.state == "deferred":
            self.deferred[m.seq] = m
        else:
            i = next((i for i, x in enumerate(self.active) if x.seq > m.seq), len(self.active))
            self.active.insert(i, m)
            self.pump()

    def dead(self, m, reason, desc, extra=None):
        m.set_app(
            {
                k: v
                for k, v in {**(extra or {}), "DeadLetterReason": reason, "DeadLetterErrorDescription": desc}.items()
                if v is not None
            }
        )
        (self.dlq or self).put(m, self.path)

    def settle(self, token, how, info=None):
        m = self.locked.get(token)
        if m is None or m.until <= now_ms():
            return False
        del self.locked[token]
        info = dict(info or {})
        if how == "completed":
            pass
        elif how == "abandoned":
            if info:
                m.set_app(info)
            self.requeue(m)
        elif how == "defered":
            m.state = "deferred"
            m.lock = None
            self.deferred[m.seq] = m
        elif how == "suspended":
            self.dead(m, info.pop("DeadLetterReason", None), info.pop("DeadLetterErrorDescription", None), info)
        return True


class Server(Handler):
    def __init__(self, args):
        super().__init__()
        self.args = args
        self.queues, self.topics, self.scheduled = {}, {}, {}
        self.keys = dict(k.split("=", 1) for k in args.key)
        self.sched_seq = itertools.count(1 << 40)
        self.read = 0
        self.entity("queue", "myqueue", [])
        self.entity("topic", "mytopic", ["mysubscription"])
        self.read_entities()

    def entity(self, kind, name, rest):
        options = {name: float(value) for name, _, value in (it.partition("=") for it in rest if "=" in it)}
        if kind == "queue" and name.lower() not in self.queues:
            self.add_queue(name, options)
        elif kind == "topic" and name.lower() not in self.topics:
            subscriptions = [it for it in rest if "=" not in it]
            self.topics[name.lower()] = [self.add_queue(f"{name}/Subscriptions/{it}", options) for it in subscriptions]

    def read_entities(self):
        """What was appended to the file since it was read. A line that is not finished is read the next time."""
        with open(self.args.entities, "rb") as file:
            file.seek(self.read)
            lines, end, _ = file.read().rpartition(b"\n")
        self.read += len(lines + end)
        for line in lines.decode().splitlines():
            if words := line.split():
                self.entity(words[0], words[1], words[2:])

    def exists(self, base, receives):
        return base in self.queues or (not receives and base in self.topics)

    def add_queue(self, path, options):
        d = Queue(self, path + "/$DeadLetterQueue", options)
        q = Queue(self, path, options, d)
        self.queues[path.lower()] = q
        self.queues[d.path.lower()] = d
        return q

    @staticmethod
    def path(addr):
        if addr and "://" in addr:
            addr = urllib.parse.urlsplit(addr).path
        return urllib.parse.unquote(addr or "").strip("/").lower()

    # -- connection life
    def on_reactor_init(self, e):
        e.container.listen(f"127.0.0.1:{self.args.port}")
        self.container = e.container
        e.container.schedule(0.05, self)
        print("listening", self.args.port, flush=True)

    def on_timer_task(self, e):
        t = now_ms()
        for q in self.queues.values():
            q.expire(t)
        for k in [k for k, (due, _, _) in self.scheduled.items() if due <= t]:
            _, dest, m = self.scheduled.pop(k)
            m.enqueued = t
            self.publish(dest, m)
        e.container.schedule(0.05, self)

    def on_connection_remote_open(self, e):
        c = e.connection
        c.tokens = {}
        c.container = "service-bus-stand-in"
        c.open()

    def on_connection_remote_close(self, e):
        e.connection.close()

    def on_session_remote_open(self, e):
        e.session.incoming_capacity = 0
        e.session.open()

    def on_session_remote_close(self, e):
        e.session.close()

    def forget(self, link):
        for q in self.queues.values():
            if link in q.links:
                q.links.remove(link)

    def on_link_remote_close(self, e):
        self.forget(e.link)
        e.link.close()

    def on_link_remote_detach(self, e):
        self.forget(e.link)
        e.link.detach()

    def on_transport_closed(self, e):
        c = e.connection
        if c is None:
            return
        for q in self.queues.values():
            q.links = [l for l in q.links if l.connection != c]

    # -- links
    def refuse(self, link, name, text):
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.rcv_settle_mode = link.remote_rcv_settle_mode
        (link.target if link.is_receiver else link.source).type = (
            Terminus.UNSPECIFIED
        )  # a null terminus says "refused, a detach follows"
        link.open()
        link.condition = Condition(name, text)
        link.close()

    def on_link_remote_open(self, e):
        link = e.link
        client_sends = link.is_receiver
        p = self.path(link.remote_target.address if client_sends else link.remote_source.address)
        mgmt = p.endswith("/$management")
        base = p[: -len("/$management")] if mgmt else p
        if p != "$cbs":
            receives = not client_sends and not mgmt
            if not self.exists(base, receives):
                self.read_entities()
            if not self.exists(base, receives):
                return self.refuse(
                    link, "amqp:not-found", f"The messaging entity 'sb://127.0.0.1/{base}' could not be found."
                )
            if self.keys and not any(
                base == a or base.startswith(a + "/") or a == ""
                for a, exp in link.connection.tokens.items()
                if exp > time.time()
            ):
                return self.refuse(
                    link,
                    "amqp:unauthorized-access",
                    f"Unauthorized access. 'Send' or 'Listen' claim(s) are required to perform this operation. Resource: 'sb://127.0.0.1/{base}'.",
                )
        link.node = p
        link.target.copy(link.remote_target)
        link.source.copy(link.remote_source)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.rcv_settle_mode = link.remote_rcv_settle_mode
        if client_sends:
            link.max_message_size = self.args.max_size
        link.open()
        if client_sends:
            link.flow(100)
        elif not mgmt and p != "$cbs":
            self.queues[base].links.append(link)

    def on_link_flow(self, e):
        link = e.link
        node = getattr(link, "node", None)
        if link.is_sender and node in self.queues:
            self.queues[node].pump()
        elif link.is_sender and link.drain_mode and link.credit > 0:
            link.drained()
        if link.is_sender:
            self.flush(link)

    # -- deliveries
    def on_delivery(self, e):
        dlv, link = e.delivery, e.link
        if link.is_receiver:
            if dlv.readable and not dlv.partial:
                self.incoming(link, dlv)
            elif dlv.updated and dlv.settled:
                dlv.settle()
        elif dlv.updated:
            self.outcome(link, dlv)

    def reject(self, dlv, name, text):
        dlv.local.condition = Condition(
            name, text, {symbol("tracking-id"): str(uuid.uuid4())}
        )  # the Python SDK wants the info map
        dlv.update(Delivery.REJECTED)
        dlv.settle()

    def incoming(self, link, dlv):
        raw = bytes(link.recv(dlv.pending) or b"")
        link.advance()
        node = getattr(link, "node", None)
        if node is None:
            return dlv.settle()  # a transfer on a link that was refused
        link.flow(1)
        if node == "$cbs" or node.endswith("/$management"):
            m = Message()
            m.decode(raw)
            dlv.update(Delivery.ACCEPTED)
            dlv.settle()
            (self.put_token if node == "$cbs" else self.manage)(link, m)
            return
        if len(raw) > self.args.max_size:
            return self.reject(
                dlv,
                "amqp:link:message-size-exceeded",
                f"The received message (delivery-id:0, size:{len(raw)} bytes) exceeds the limit ({self.args.max_size} bytes) currently allowed on the link.",
            )
        try:
            msgs = [Msg(s) for s in unbatch(raw)]
        except (ValueError, IndexError, struct.error) as x:
            return self.reject(dlv, "amqp:decode-error", str(x))
        for m in msgs:
            self.accept(node, m)
        dlv.update(Delivery.ACCEPTED)
        dlv.settle()

    def accept(self, node, m):
        due = m.ann.get(symbol("x-opt-scheduled-enqueue-time"))
        if due and int(due) > now_ms():
            n = next(self.sched_seq)
            m.state = "scheduled"
            m.seq = n
            self.scheduled[n] = (int(due), node, m)
            return n
        self.publish(node, m)

    def publish(self, node, m):
        m.state = "active"
        if node in self.topics:
            for q in self.topics[node]:
                q.put(m.copy())
        else:
            self.queues[node].put(m)

    def deliver(self, q, link, m):
        settled = link.remote_snd_settle_mode == Link.SND_SETTLED
        token = uuid.uuid4() if settled else q.lock(m)
        dlv = link.delivery(token.bytes_le)
        dlv.token = token
        dlv.queue = q
        link.send(m.wire())
        link.advance()
        if settled:
            dlv.settle()

    def outcome(self, link, dlv):
        token = getattr(dlv, "token", None)
        if token is None or getattr(dlv, "finished", False):
            if dlv.settled:
                dlv.settle()
            return
        s, q = dlv.remote_state, dlv.queue
        info = {}
        if s == Delivery.ACCEPTED:
            how = "completed"
        elif s == Delivery.RELEASED:
            how = "abandoned"
        elif s == Delivery.MODIFIED:
            how = "defered" if dlv.remote.undeliverable else "abandoned"
            info = {str(k): v for k, v in (dlv.remote.annotations or {}).items()}
        elif s == Delivery.REJECTED:
            how = "suspended"
            c = dlv.remote.condition
            i = (c.info if c else None) or {}
            info = {str(k): v for k, v in i.items()}
        elif dlv.settled:
            dlv.settle()
            return  # settled without an outcome: the lock just runs out
        else:
            return
        dlv.finished = True
        if q.settle(token, how, info):
            dlv.local.failed = s == Delivery.MODIFIED and dlv.remote.failed
            dlv.update(s)
            dlv.settle()  # the SDKs want their own outcome echoed (rejected without an error)
        else:
            self.reject(
                dlv,
                "com.microsoft:message-lock-lost",
                "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
            )

    # -- request/response nodes
    def reply(self, link, req, props, body=None):
        r = Message(body=body)
        r.correlation_id = req.correlation_id if req.correlation_id is not None and req.id is None else req.id
        r.properties = props
        outs, l = [], link.connection.link_head(0)
        while l:
            if l.is_sender and getattr(l, "node", None) == link.node and l.state & Endpoint.LOCAL_ACTIVE:
                outs.append(l)
            l = l.next(0)
        best = (
            [l for l in outs if req.reply_to and req.reply_to in (l.remote_target.address, l.name)]
            or [l for l in outs if l.session == link.session]
            or outs
        )
        if best:
            best[0].__dict__.get("x")
            self.pending(best[0]).append(r.encode())
            self.flush(best[0])

    def pending(self, l):
        if getattr(l, "outbox", None) is None:
            l.outbox = deque()
        return l.outbox

    def flush(self, l):
        box = getattr(l, "outbox", None)
        while box and l.credit > 0:
            d = l.delivery(uuid.uuid4().bytes)
            l.send(box.popleft())
            l.advance()
            d.settle()

    def put_token(self, link, m):
        p = {str(k): v for k, v in (m.properties or {}).items()}
        code, text = 202, "Accepted"
        aud, exp = self.path(p.get("name")), time.time() + 3600
        if p.get("operation") != "put-token":
            code, text = 400, "BadRequest"
        elif self.keys:
            try:
                tok = m.body if isinstance(m.body, str) else bytes(m.body).decode()
                kind, rest = tok.split(" ", 1)
                f = dict(x.split("=", 1) for x in rest.split("&"))
                key = self.keys[urllib.parse.unquote(f["skn"])]
                want = base64.b64encode(
                    hmac.new(key.encode(), f"{f['sr']}\n{f['se']}".encode(), hashlib.sha256).digest()
                ).decode()
                exp = int(f["se"])
                sr = self.path(urllib.parse.unquote(f["sr"]))
                if kind != "SharedAccessSignature" or not hmac.compare_digest(want, urllib.parse.unquote(f["sig"])):
                    code, text = 401, "InvalidSignature: The token has an invalid signature."
                elif exp < time.time():
                    code, text = 401, "ExpiredToken: The token is expired."
                elif sr and aud != sr and not aud.startswith(sr + "/"):
                    code, text = 401, "Unauthorized: token scope"
            except (KeyError, ValueError):
                code, text = 401, "MalformedToken: The token is malformed or its key name is unknown."
        if code == 202:
            link.connection.tokens[aud.removesuffix("/$management")] = exp
        self.reply(link, m, {"status-code": int32(code), "status-description": text})

    def manage(self, link, m):
        base = link.node[: -len("/$management")]
        q = self.queues.get(base)
        b = m.body or {}
        op = str((m.properties or {}).get("operation", "")).removeprefix("com.microsoft:")
        items = lambda k: list(getattr(b.get(k), "elements", None) or b.get(k) or [])
        code, text, cond, out = 200, "OK", None, None
        if op == "renew-lock" and q:
            ex = []
            for t in items("lock-tokens"):
                x = q.locked.get(t)
                if x and x.until > now_ms():
                    x.until = now_ms() + q.lock_ms
                    ex.append(timestamp(x.until))
                else:
                    code, text, cond = 410, "The lock supplied is invalid.", "com.microsoft:message-lock-lost"
            if code == 200:
                out = {"expirations": Array(UNDESCRIBED, Data.TIMESTAMP, *ex)}
        elif op == "update-disposition" and q:
            info = {str(k): v for k, v in (b.get("properties-to-modify") or {}).items()}
            if b.get("deadletter-reason"):
                info["DeadLetterReason"] = b["deadletter-reason"]
            if b.get("deadletter-description"):
                info["DeadLetterErrorDescription"] = b["deadletter-description"]
            if not all([q.settle(t, b["disposition-status"], info) for t in items("lock-tokens")]):
                code, text, cond = 410, "The lock supplied is invalid.", "com.microsoft:message-lock-lost"
        elif op == "peek-message" and q:
            all_ = sorted([*q.active, *q.locked.values(), *q.deferred.values()], key=lambda x: x.seq)
            got = [x for x in all_ if x.seq >= b.get("from-sequence-number", 0)][: b.get("message-count", 1)]
            if got:
                out = {"messages": [{"message": x.wire(False)} for x in got]}
            else:
                code, text = 204, "NoContent"
        elif op == "schedule-message":
            out = {
                "sequence-numbers": Array(
                    UNDESCRIBED,
                    Data.LONG,
                    *[self.accept(base, Msg(sections(bytes(x["message"])))) or 0 for x in items("messages")],
                )
            }
        elif op == "cancel-scheduled-message":
            for n in items("sequence-numbers"):
                if self.scheduled.pop(n, None) is None:
                    code, text, cond = 404, "not found", "com.microsoft:message-not-found"
        elif op == "receive-by-sequence-number" and q:
            got = []
            for n in items("sequence-numbers"):
                x = q.deferred.pop(n, None)
                if x is None:
                    code, text, cond = 404, "not found", "com.microsoft:message-not-found"
                    continue
                if b.get("receiver-settle-mode"):
                    q.lock(x)
                got.append({"message": x.wire(), "lock-token": x.lock or uuid.UUID(int=0)})
            if code == 200:
                out = {"messages": got}
        else:
            code, text, cond = 501, f"operation {op} is not implemented by the stand-in", "amqp:not-implemented"
        props = {"statusCode": int32(code), "statusDescription": text}
        if cond:
            props["errorCondition"] = symbol(cond)
        self.reply(link, m, props, out)


ap = argparse.ArgumentParser()
A = ap.add_argument
A("--port", type=int, default=5672)
A("--entities", required=True, help="a file, whose lines are `queue NAME` and `topic NAME SUBSCRIPTION...`")
A("--key", action="append", default=[], help="POLICY=KEY; without one every token is accepted")
A("--max-size", type=int, default=262144)
if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Container(Server(ap.parse_args())).run()
