//! Walks a shape and a body together and writes what is kept.
//!
//! Every member is written with a comma behind it, and the last comma of an object becomes its brace: so a member can be
//! taken out again by its range alone. Members kept next to each other are copied together, as one run.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{JsonError, Problem};
use super::level::{Decision, Level, Place};
use super::merge::{Root, overwritten};
use super::scan::{Key, Scanner, Separator};
use super::text::{decode, write_string};
use super::{Field, Fields, Keep, Shape, Shaped};

/// The key under which `is_collection` puts an array.
const COLLECTION: &str = "collection";

pub(super) struct Transcoder<'i, 'o> {
    input: &'i [u8],
    scan: Scanner<'i>,
    output: &'o mut Vec<u8>,
    roots: Option<&'o mut Vec<Root>>,
    /// Where in the output the named fields of the objects being read are.
    places: Vec<Place>,
    /// Whether any key had an escape in it.
    escaped: bool,
}

impl<'i, 'o> Transcoder<'i, 'o> {
    pub(super) fn new(input: &'i [u8], output: &'o mut Vec<u8>, roots: Option<&'o mut Vec<Root>>) -> Self {
        Self { input, scan: Scanner::new(input), output, roots, places: Vec::new(), escaped: false }
    }

    pub(super) fn run(mut self, shape: &Shape) -> Result<Shaped, JsonError> {
        if let Some(roots) = &mut self.roots {
            roots.clear();
        }
        let Some(group) = shape.group else {
            return self.root(shape, self.roots.is_some());
        };
        self.output.push(b'{');
        let key = self.write_key(group);
        let start = self.output.len();
        self.root(shape, false)?;
        if let Some(roots) = &mut self.roots {
            roots.push(Root { key, value: start..self.output.len() });
        }
        self.output.push(b'}');
        Ok(Shaped::Object)
    }

    /// Everything but the group.
    fn root(&mut self, shape: &Shape, record: bool) -> Result<Shaped, JsonError> {
        let start = self.scan.pos();
        match (self.scan.peek(), shape.collection) {
            (b'{', false) => return self.target(shape.target, shape.fields, record),
            (b'[', true) | (b'n', _) => {}
            (_, collection) => {
                self.scan.value()?;
                let problem = if collection { Problem::NotAnArray } else { Problem::NotAnObject };
                return Err(JsonError { offset: start, problem });
            }
        }
        self.scan.value()?;
        let value = start..self.scan.pos();
        if !shape.target.is_empty() {
            return Ok(self.nothing());
        }
        if shape.collection {
            return Ok(self.collection(value, shape.fields, record));
        }
        self.output.extend_from_slice(b"null");
        Ok(Shaped::Null)
    }

    fn nothing(&mut self) -> Shaped {
        self.output.extend_from_slice(b"{}");
        Shaped::Empty
    }

    /// A root array, or `null` in its place, as the only member of an object.
    fn collection(&mut self, value: Range<usize>, fields: Fields, record: bool) -> Shaped {
        let (named, others) = fields.parts();
        let field = named.iter().find(|field| field.name == COLLECTION);
        // Nothing looks into arrays: an allow-list inside drops it, a deny-list inside leaves it alone.
        let kept = match field.map(|field| field.value) {
            None => others,
            Some(Keep::All | Keep::Inside(Fields::AllExcept(_))) => true,
            Some(Keep::Nothing | Keep::Inside(Fields::Allow(_))) => false,
        };
        if !kept {
            return self.nothing();
        }
        self.output.push(b'{');
        let key = self.write_key(field.and_then(|field| field.renamed).unwrap_or(COLLECTION));
        let start = self.output.len();
        self.output.extend_from_slice(&self.input[value]);
        if let Some(roots) = self.roots.as_mut().filter(|_| record) {
            roots.push(Root { key, value: start..self.output.len() });
        }
        self.output.push(b'}');
        Shaped::Object
    }

    /// The object at the position, or what `path` leads to in it.
    fn target(&mut self, path: &'static [&'static str], fields: Fields, record: bool) -> Result<Shaped, JsonError> {
        let Some((&part, rest)) = path.split_first() else {
            return self.whole(fields, record);
        };
        let base = self.output.len();
        let mut shaped = self.nothing();
        if !self.scan.open_object()? {
            return Ok(shaped);
        }
        loop {
            let key = self.scan.key()?;
            if *self.name(key) != *part.as_bytes() {
                self.scan.value()?;
            } else {
                // Of duplicate keys the last one counts: forget what another one led to.
                self.output.truncate(base);
                if let Some(roots) = &mut self.roots {
                    roots.clear();
                }
                shaped = if self.scan.peek() == b'{' {
                    self.target(rest, fields, record)?
                } else {
                    self.scan.value()?;
                    self.nothing()
                };
            }
            if let Separator::Brace = self.scan.separator()? {
                return Ok(shaped);
            }
            self.scan.space();
        }
    }

    fn whole(&mut self, fields: Fields, record: bool) -> Result<Shaped, JsonError> {
        if !record && let Fields::AllExcept([]) = fields {
            let start = self.scan.pos();
            self.scan.value()?;
            let text = &self.input[start..self.scan.pos()];
            if text[1..].trim_ascii_start() == b"}" {
                return Ok(self.nothing());
            }
            self.output.extend_from_slice(text);
            return Ok(Shaped::Object);
        }
        let some = self.object(fields, record)?;
        Ok(if some { Shaped::Object } else { Shaped::Empty })
    }

    /// Writes what is kept of the object at the position. False when that is `{}`.
    fn object(&mut self, fields: Fields, record: bool) -> Result<bool, JsonError> {
        self.output.push(b'{');
        let start = self.output.len();
        let (named, others) = fields.parts();
        let mut level = Level { named, others, record, places: self.places.len(), run: 0..0 };
        if self.places.capacity() == 0 && !named.is_empty() {
            // Enough for most shapes with what is inside.
            self.places.reserve(4 * named.len() + 8);
        }
        self.places.resize(level.places + 2 * named.len(), Place::default());
        if self.scan.open_object()? {
            self.members(&mut level)?;
            self.settle_names(&mut level);
        }
        self.places.truncate(level.places);
        if record {
            self.remove_overwritten(start);
        }
        let some = self.output.len() > start;
        if some {
            self.output.pop();
        }
        self.output.push(b'}');
        Ok(some)
    }

    fn members(&mut self, level: &mut Level) -> Result<(), JsonError> {
        loop {
            let key = self.scan.key()?;
            self.escaped |= key.escaped;
            let separator = match level.decide(&self.name(key), self.scan.peek()) {
                Decision::Copy(index) => self.copy(key, index, level)?,
                Decision::Drop(index) => self.drop(index, level)?,
                Decision::Write(index, field) => self.write(key, index, field, level)?,
            };
            if let Separator::Brace = separator {
                return Ok(());
            }
            self.scan.space();
        }
    }

    /// Adds the member to the run.
    fn copy(&mut self, key: Key, index: Option<usize>, level: &mut Level) -> Result<Separator, JsonError> {
        if let Some(index) = index {
            self.remove(index, level);
        }
        // White space between members of a run goes with the one behind it, so that members fill the output.
        let start = if level.run.is_empty() { key.start - 1 } else { level.run.end };
        if level.run.is_empty() {
            level.run.start = start;
        }
        let value = self.scan.pos();
        self.scan.value()?;
        let value = value..self.scan.pos();
        let separator = self.scan.separator()?;
        let moved = |pos: usize| self.output.len() + (pos - level.run.start);
        let place = match separator {
            Separator::Comma => Place { start: moved(start), end: moved(self.scan.pos()) },
            Separator::Brace => Place { start: moved(start), end: moved(value.end + 1) },
        };
        if let Some(roots) = self.roots.as_mut().filter(|_| level.record) {
            roots.push(Root { key: moved(key.start)..moved(key.end), value: moved(value.start)..moved(value.end) });
        }
        if let Some(index) = index {
            self.places[level.places + index] = place;
        }
        match separator {
            Separator::Comma => level.run.end = self.scan.pos(),
            Separator::Brace => {
                level.run.end = value.end;
                self.flush(level);
                self.output.push(b',');
            }
        }
        Ok(separator)
    }

    fn drop(&mut self, index: Option<usize>, level: &mut Level) -> Result<Separator, JsonError> {
        if let Some(index) = index {
            self.remove(index, level);
        }
        self.flush(level);
        self.scan.value()?;
        self.scan.separator()
    }

    /// Writes a member whose name or value changes.
    fn write(
        &mut self,
        key: Key,
        index: usize,
        field: &'static Field,
        level: &mut Level,
    ) -> Result<Separator, JsonError> {
        self.remove(index, level);
        self.flush(level);
        let start = self.output.len();
        let key = match field.renamed {
            Some(name) => self.write_key(name),
            None => {
                self.output.extend_from_slice(&self.input[key.start - 1..key.end + 1]);
                self.output.push(b':');
                start + 1..self.output.len() - 2
            }
        };
        let value = self.output.len();
        let kept = match field.value {
            Keep::Inside(fields) if self.scan.peek() == b'{' => {
                self.object(fields, false)? || matches!(fields, Fields::AllExcept(_))
            }
            _ => {
                let start = self.scan.pos();
                self.scan.value()?;
                self.output.extend_from_slice(&self.input[start..self.scan.pos()]);
                true
            }
        };
        if kept {
            if let Some(roots) = self.roots.as_mut().filter(|_| level.record) {
                roots.push(Root { key, value: value..self.output.len() });
            }
            self.output.push(b',');
            self.places[level.places + index] = Place { start, end: self.output.len() };
        } else {
            self.output.truncate(start);
        }
        self.scan.separator()
    }

    /// Copies the run to the output.
    fn flush(&mut self, level: &mut Level) {
        if !level.run.is_empty() {
            self.output.extend_from_slice(&self.input[level.run.clone()]);
            level.run = 0..0;
        }
    }

    /// Takes a member out again, if it is there. What it moves was written since that member, so that all removals of
    /// one field together never move more than the whole output.
    fn remove(&mut self, index: usize, level: &mut Level) {
        let gone = std::mem::take(&mut self.places[level.places + index]);
        if gone.end == 0 {
            return;
        }
        self.flush(level);
        self.output.drain(gone.start..gone.end);
        let length = gone.end - gone.start;
        for place in &mut self.places[level.places..] {
            if place.start > gone.start {
                place.start -= length;
                place.end -= length;
            }
        }
        let Some(roots) = self.roots.as_mut().filter(|_| level.record) else {
            return;
        };
        let first = roots.iter().rposition(|root| root.key.start < gone.start).map_or(0, |before| before + 1);
        roots.remove(first);
        for root in &mut roots[first..] {
            root.move_back(length);
        }
    }

    /// Where a renamed field is present, removes whatever else has its new name.
    fn settle_names(&mut self, level: &mut Level) {
        for (index, field) in level.named.iter().enumerate() {
            if field.renamed.is_none() || self.places[level.places + index].end == 0 {
                continue;
            }
            for (other, rival) in level.named.iter().enumerate() {
                let named_so = rival.renamed.is_none() && Some(rival.name) == field.renamed;
                let renamed_so = rival.renamed == field.renamed;
                if named_so || renamed_so && other < index {
                    self.remove(other, level);
                }
                if renamed_so {
                    self.remove(level.named.len() + other, level);
                }
            }
        }
    }

    /// Of recorded roots with the same key leaves the last. They begin at `start` and end the output.
    fn remove_overwritten(&mut self, start: usize) {
        let Some(roots) = &mut self.roots else {
            return;
        };
        let Some(overwritten) = overwritten(self.output, roots, self.escaped) else {
            return;
        };
        let members = self.output.split_off(start);
        let mut overwritten = overwritten.into_iter();
        roots.retain_mut(|root| {
            if overwritten.next() == Some(true) {
                return false;
            }
            let member = root.member();
            root.move_back(member.start - self.output.len());
            self.output.extend_from_slice(&members[member.start - start..member.end - start]);
            self.output.push(b',');
            true
        });
    }

    /// Writes a key and its colon; returns where its text is.
    fn write_key(&mut self, name: &str) -> Range<usize> {
        let start = self.output.len() + 1;
        write_string(name, self.output);
        let end = self.output.len() - 1;
        self.escaped |= end - start > name.len();
        self.output.push(b':');
        start..end
    }

    #[inline(always)]
    fn name(&self, key: Key) -> Cow<'i, [u8]> {
        let text = &self.input[key.start..key.end];
        if key.escaped { decode(text) } else { Cow::Borrowed(text) }
    }
}
