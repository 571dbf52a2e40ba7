//! The key, the id and the attributes of a message.

use sluicegate_drivers::Message;

use crate::backend::Place;
use crate::backend::template::{Empty, Part, Template, Unmade};
use crate::incoming::Incoming;
use crate::opener::OpenFailure;
use crate::shape::{Found, Lookup};

/// The attribute that the header of this name becomes.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A message's metadata, as generated code describes it. Empty where the config has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata {
    pub(super) key: &'static [Part],
    pub(super) dedup_id: &'static [Part],
    pub(super) attributes: &'static [(&'static str, &'static [Part])],
}

/// The same, ready to be put on messages.
#[derive(Debug)]
pub(super) struct OpenMetadata {
    key: Option<Template>,
    id: Identity,
    attributes: Box<[(&'static str, Template)]>,
    /// What the templates want of the body.
    lookup: Lookup,
}

/// Where a message's id comes from.
#[derive(Debug)]
enum Identity {
    None,
    Template(Template),
    /// The request's `Idempotency-Key`, which was taken for an attribute.
    IdempotencyKey,
}

impl Metadata {
    pub(super) const NONE: Self = Self { key: &[], dedup_id: &[], attributes: &[] };

    /// Nothing where there is nothing to do. `idempotent` says that the driver knows a message by its id, and that the
    /// client may send one.
    pub(super) fn open(&self, place: &Place<'_>, idempotent: bool) -> Result<Option<Box<OpenMetadata>>, OpenFailure> {
        let mut lookup = Lookup::default();
        let mut template = |parts| Template::new(parts, place, &mut lookup);
        let key = if self.key.is_empty() { None } else { Some(template(self.key)?) };
        let id = match self.dedup_id {
            [] if idempotent => Identity::IdempotencyKey,
            [] => Identity::None,
            parts => Identity::Template(template(parts)?),
        };
        let attributes = self.attributes.iter().map(|(name, parts)| Ok((*name, template(parts)?)));
        let attributes = attributes.collect::<Result<Box<_>, OpenFailure>>()?;
        if key.is_none() && matches!(id, Identity::None) && attributes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(OpenMetadata { key, id, attributes, lookup })))
    }
}

impl OpenMetadata {
    /// Completes a message that has the request's body, and its headers as attributes.
    ///
    /// # Errors
    /// What is wrong with the request. The message is not to be sent.
    pub(super) fn put(&self, incoming: &Incoming, message: &mut Message) -> Result<(), String> {
        let body = message.body.clone();
        let found = self.lookup.find(&body);
        if let Some(key) = &self.key {
            message.key = Some(required("the key", key, incoming, &found)?);
        }
        match &self.id {
            Identity::None => {}
            Identity::Template(id) => message.id = Some(required("the dedup_id", id, incoming, &found)?),
            Identity::IdempotencyKey => message.id = take_idempotency_key(message)?,
        }
        for (name, template) in &self.attributes {
            match template.make(incoming, &found, Empty::Kept) {
                Ok(value) => message.set_attribute(*name, value),
                // Nor is it then what a header of that name says.
                Err(Unmade { missing: true, .. }) => message.attributes.retain(|attribute| attribute.name != *name),
                Err(unmade) => return Err(format!("the attribute {name} cannot be made: {}", unmade.message)),
            }
        }
        Ok(())
    }
}

fn required(what: &str, template: &Template, incoming: &Incoming, found: &Found<'_>) -> Result<String, String> {
    let made = template.make(incoming, found, Empty::Missing);
    made.map_err(|unmade| format!("{what} of the message cannot be made: {}", unmade.message))
}

/// An id is told once: the attribute becomes it.
fn take_idempotency_key(message: &mut Message) -> Result<Option<String>, String> {
    let Some(at) = message.attributes.iter().position(|attribute| attribute.name == IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = message.attributes.remove(at).value;
    match key.as_str() {
        "" => Err(format!("the header {IDEMPOTENCY_KEY} is empty")),
        key if key.contains(char::is_control) => {
            Err(format!("the header {IDEMPOTENCY_KEY} has a control character in it"))
        }
        _ => Ok(Some(key)),
    }
}
