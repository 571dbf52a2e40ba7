//! What is done with a connection by those who share it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use super::link::{Made, Outcome, Parcel};
use super::request::Requester;
use super::{Attach, Error, Event, Failure, Value};

/// A connection, for as long as it lasts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Session {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

struct Shared {
    name: Box<str>,
    links: AtomicU64,
    /// Why the connection ended.
    over: watch::Receiver<Option<Box<str>>>,
    requesters: Mutex<HashMap<Box<str>, Arc<Requester>>>,
}

/// What the connection's task is asked to do.
pub(super) enum Command {
    Attach {
        spec: Box<Attach>,
        events: Option<mpsc::UnboundedSender<Event>>,
        reply: oneshot::Sender<Result<Made, Error>>,
    },
    Send {
        link: u64,
        parcel: Parcel,
    },
    Credit {
        link: u64,
        add: u32,
    },
    Drain {
        link: u64,
    },
    Settle {
        link: u64,
        id: u32,
        state: Value,
        reply: oneshot::Sender<Result<Outcome, Error>>,
    },
    Detach {
        link: u64,
    },
    /// Whoever waited for the link to be made does not wait any more.
    Abandon {
        name: Box<str>,
        receives: bool,
    },
    Close,
}

/// A link to send over. Dropped, it is detached.
pub(crate) struct Sender {
    session: Session,
    link: u64,
    max_message_size: Option<u64>,
    ended: Arc<OnceLock<Failure>>,
}

/// A link to receive over. Dropped, it is detached.
pub(crate) struct Receiver {
    settler: Settler,
    source: Value,
    events: mpsc::UnboundedReceiver<Event>,
}

/// Settles what came in over a link, also after whoever received it looks for the next.
#[derive(Clone)]
pub(crate) struct Settler {
    session: Session,
    link: u64,
}

impl Session {
    pub(super) fn new(
        name: Box<str>,
        commands: mpsc::UnboundedSender<Command>,
        over: watch::Receiver<Option<Box<str>>>,
    ) -> Self {
        let shared = Shared { name, links: AtomicU64::new(0), over, requesters: Mutex::default() };
        Self { commands, shared: Arc::new(shared) }
    }

    /// A name for a link, which no other link of the connection has.
    pub(crate) fn link_name(&self) -> Box<str> {
        let number = self.shared.links.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.shared.name).into()
    }

    /// Makes a link to send to `address` over.
    ///
    /// # Errors
    /// The peer refuses it, or the connection was lost.
    pub(crate) async fn open_sender(&self, address: &str) -> Result<Sender, Error> {
        let name = self.link_name();
        let spec = Attach {
            source: terminus(0x28, &name),
            target: terminus(0x29, address),
            name,
            receives: false,
            settled: false,
            properties: Value::Null,
        };
        let made = self.attach(spec, None).await?;
        let Made { number: link, max_message_size, ended, .. } = made;
        Ok(Sender { session: self.clone(), link, max_message_size, ended })
    }

    /// Makes a link as `spec` says. It brings nothing before it has [credit](Receiver::add_credit).
    ///
    /// # Errors
    /// The peer refuses it, or the connection was lost.
    pub(crate) async fn open_receiver(&self, spec: Attach) -> Result<Receiver, Error> {
        let (sender, events) = mpsc::unbounded_channel();
        let made = self.attach(Attach { receives: true, ..spec }, Some(sender)).await?;
        let settler = Settler { session: self.clone(), link: made.number };
        Ok(Receiver { settler, source: made.source, events })
    }

    /// A receiver's link in peek-lock: what is decided of each delivery is confirmed by the service. `filter` is a map, or null.
    pub(crate) fn receiving(&self, address: &str, filter: Value, properties: Value) -> Attach {
        let name = self.link_name();
        let mut source = vec![Value::string(address)];
        source.resize(7, Value::Null);
        source.push(filter);
        Attach {
            source: super::frame::described(0x28, source),
            target: terminus(0x29, &name),
            name,
            receives: true,
            settled: false,
            properties,
        }
    }

    async fn attach(&self, spec: Attach, events: Option<mpsc::UnboundedSender<Event>>) -> Result<Made, Error> {
        let (reply, answer) = oneshot::channel();
        let (name, receives) = (spec.name.clone(), spec.receives);
        let _ = self.commands.send(Command::Attach { spec: Box::new(spec), events, reply });
        let mut waiting = Waiting { answer: Some(answer), name, receives, session: self };
        let Some(answer) = waiting.answer.as_mut() else { return Err(self.lost()) };
        let made = answer.await;
        waiting.answer = None;
        made.unwrap_or_else(|_| Err(self.lost()))
    }

    /// Asks the node at `address` (`$cbs`, or an entity's `$management`), and waits for its answer, without a limit of its own
    /// on how long that takes. One question to a node waits for the other.
    ///
    /// # Errors
    /// The peer refuses the links to it, or the connection was lost.
    pub(crate) async fn request(
        &self,
        address: &str,
        properties: Vec<(Value, Value)>,
        body: Value,
    ) -> Result<super::Response, Error> {
        let requester = {
            let mut requesters = self.shared.requesters.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(requesters.entry(address.into()).or_default())
        };
        requester.request(self, address, properties, body).await
    }

    /// Ends the connection in order, and waits for that.
    pub(crate) async fn close(&self) {
        let _ = self.commands.send(Command::Close);
        self.ended().await;
    }

    /// Waits until the connection has ended, and says why.
    pub(crate) async fn ended(&self) -> Box<str> {
        let mut over = self.shared.over.clone();
        match over.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the client was dropped".into(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.shared.over.borrow().is_some()
    }

    pub(crate) fn lost(&self) -> Error {
        let reason = self.shared.over.borrow().clone();
        Error::Lost(reason.unwrap_or_else(|| "the connection is gone".into()))
    }
}

/// A link that nobody waits for any more is given up at once: the peer may take a minute to make it, where that is for a
/// session with messages.
struct Waiting<'a> {
    /// Gone once it was answered.
    answer: Option<oneshot::Receiver<Result<Made, Error>>>,
    name: Box<str>,
    receives: bool,
    session: &'a Session,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.answer.is_some() {
            let abandon = Command::Abandon { name: std::mem::take(&mut self.name), receives: self.receives };
            let _ = self.session.commands.send(abandon);
        }
    }
}

/// A source (0x28) or target (0x29) that is an address.
pub(super) fn terminus(code: u64, address: &str) -> Value {
    super::frame::described(code, vec![Value::string(address)])
}

impl Sender {
    /// The largest message that the peer takes, where it has said so.
    pub(crate) fn max_message_size(&self) -> Option<u64> {
        self.max_message_size
    }

    /// Hands a message over. It is not sent any more once nobody waits for its reply.
    pub(crate) fn send(&self, parcel: Parcel) {
        if let Err(mpsc::error::SendError(Command::Send { parcel, .. })) =
            self.session.commands.send(Command::Send { link: self.link, parcel })
        {
            let _ = parcel.reply.send(super::Sending::NotSent(self.session.lost()));
        }
    }

    /// Why there is no link any more.
    pub(crate) fn ended(&self) -> Option<Error> {
        match self.ended.get() {
            Some(failure) => Some(Error::Refused(failure.clone())),
            None => self.session.is_over().then(|| self.session.lost()),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.session.commands.send(Command::Detach { link: self.link });
    }
}

impl Receiver {
    /// What the peer says it hands out: for a session, its filter has the session's id.
    pub(crate) fn source(&self) -> &Value {
        &self.source
    }

    /// Lets the peer send as many more messages.
    pub(crate) fn add_credit(&self, messages: u32) {
        let _ = self.settler.session.commands.send(Command::Credit { link: self.settler.link, add: messages });
    }

    /// Takes the credit back: the peer sends what it has for it, and then there is [`Event::Drained`].
    pub(crate) fn drain(&self) {
        let _ = self.settler.session.commands.send(Command::Drain { link: self.settler.link });
    }

    /// What comes next; `None` where the connection was lost. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    pub(crate) fn settler(&self) -> &Settler {
        &self.settler
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.settler.session.commands.send(Command::Detach { link: self.settler.link });
    }
}

impl Settler {
    /// Says what becomes of a delivery, in the call, and waits for the peer's answer: what it says became of it.
    /// [`Outcome::Rejected`] is the answer that the lock was lost, and also that a dead letter was taken (without a failure).
    ///
    /// # Errors
    /// The link or the connection ended before that.
    pub(crate) fn settle(&self, id: u32, state: Value) -> oneshot::Receiver<Result<Outcome, Error>> {
        let (reply, answer) = oneshot::channel();
        let settle = Command::Settle { link: self.link, id, state, reply };
        if let Err(mpsc::error::SendError(Command::Settle { reply, .. })) = self.session.commands.send(settle) {
            let _ = reply.send(Err(self.session.lost()));
        }
        answer
    }
}
