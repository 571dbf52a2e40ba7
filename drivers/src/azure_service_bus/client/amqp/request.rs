//! Requests that are answered: tokens to `$cbs`, and everything of an entity's `$management`.

use tokio::sync::Mutex;
use tokio::sync::oneshot;

use super::link::{Event, Parcel, Sending};
use super::message::{Body, Sections, encode};
use super::session::terminus;
use super::{Attach, Error, Failure, Outcome, Receiver, Sender, Session, Value};

/// A node's answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// As in HTTP.
    pub(crate) status: u32,
    /// What went wrong, where something did.
    pub(crate) failure: Failure,
    pub(crate) body: Value,
}

/// A pair of links to a node, made when the first question is asked. One question at a time.
#[derive(Default)]
pub(super) struct Requester {
    pair: Mutex<Option<Pair>>,
}

struct Pair {
    sender: Sender,
    receiver: Receiver,
    reply_to: Box<str>,
    asked: u64,
}

impl Requester {
    pub(super) async fn request(
        &self,
        session: &Session,
        address: &str,
        properties: Vec<(Value, Value)>,
        body: Value,
    ) -> Result<Response, Error> {
        let mut place = self.pair.lock().await;
        // Where the caller goes away in between, the answer comes late, and is told by its number.
        if place.as_ref().is_none_or(|pair| pair.sender.ended().is_some()) {
            *place = Some(Pair::open(session, address).await?);
        }
        let Some(pair) = place.as_mut() else { return Err(session.lost()) };
        let asked = pair.ask(session, properties, body).await;
        if asked.is_err() {
            *place = None;
        }
        asked
    }
}

impl Pair {
    async fn open(session: &Session, address: &str) -> Result<Self, Error> {
        let sender = session.open_sender(address).await?;
        let name = session.link_name();
        let spec = Attach {
            source: terminus(0x28, address),
            target: terminus(0x29, &name),
            receives: true,
            settled: true,
            properties: Value::Null,
            name: name.clone(),
        };
        let receiver = session.open_receiver(spec).await?;
        Ok(Self { sender, receiver, reply_to: name, asked: 0 })
    }

    async fn ask(
        &mut self,
        session: &Session,
        properties: Vec<(Value, Value)>,
        body: Value,
    ) -> Result<Response, Error> {
        self.asked += 1;
        let mut fields = vec![Value::Null; 5];
        fields[0] = Value::Ulong(self.asked);
        fields[4] = Value::string(&*self.reply_to);
        let question =
            Sections { properties: fields, application: properties, body: Body::Value(body), ..Sections::default() };
        let (reply, sent) = oneshot::channel();
        self.receiver.add_credit(1);
        self.sender.send(Parcel { payload: encode(&question).into(), reply, permits: [None, None] });
        match sent.await {
            Ok(Sending::Decided(Outcome::Accepted | Outcome::Nothing)) => {}
            Ok(Sending::Decided(Outcome::Rejected(Some(failure)))) => return Err(Error::Refused(failure)),
            Ok(Sending::Decided(_)) => {
                return Err(Error::Refused(Failure::new("amqp:not-allowed", "a request was not taken")));
            }
            Ok(Sending::NotSent(error) | Sending::Unknown(error)) => return Err(error),
            Err(_) => return Err(session.lost()),
        }
        loop {
            match self.receiver.next().await {
                Some(Event::Message(incoming)) => {
                    let Ok(answer) = Sections::decode(incoming.payload) else { continue };
                    if answer.property(5).as_u64() == Some(self.asked) {
                        return Ok(Response::read(answer));
                    }
                    // To a question whose asker has gone.
                    self.receiver.add_credit(1);
                }
                Some(Event::Drained) => {}
                Some(Event::Detached(failure)) => return Err(Error::Refused(failure)),
                None => return Err(session.lost()),
            }
        }
    }
}

impl Response {
    fn read(answer: Sections) -> Self {
        let properties = Value::Map(answer.application);
        // `$cbs` and `$management` write them differently.
        let either = |one: &str, other: &str| properties.entry(one).or_else(|| properties.entry(other));
        let text = |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or_default().to_owned();
        let status = either("statusCode", "status-code").and_then(Value::as_i64).unwrap_or_default();
        let condition = text(either("errorCondition", "error-condition"));
        let description = text(either("statusDescription", "status-description"));
        let body = match answer.body {
            Body::Value(value) => value,
            _ => Value::Null,
        };
        Self {
            status: u32::try_from(status).unwrap_or_default(),
            failure: Failure::new(&condition, &description),
            body,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
