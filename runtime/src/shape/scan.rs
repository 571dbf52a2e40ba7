//! Reads JSON strictly (RFC 8259) from bytes that are known to be UTF-8, without building anything.

use super::error::{JsonError, Problem};

/// As in Go's `encoding/json` (`maxNestingDepth`).
const MAX_DEPTH: u32 = 10_000;

/// A position in the input, always between two tokens when a method is called.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    depth: u32,
}

/// A key of an object: where its text between the quotes is.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// What ended a member.
pub(super) enum Separator {
    Comma,
    Brace,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: skip_space(bytes, 0), depth: 0 }
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// The byte at the position; 0, which starts no token, at the end.
    #[inline(always)]
    pub(super) fn peek(&self) -> u8 {
        at(self.bytes, self.pos)
    }

    /// Steps over the `{` at the position. False when `}` follows and is consumed too.
    #[inline(always)]
    pub(super) fn open_object(&mut self) -> Result<bool, JsonError> {
        self.open(b'}')
    }

    /// Steps over the `[` at the position. False when `]` follows and is consumed too.
    pub(super) fn open_array(&mut self) -> Result<bool, JsonError> {
        self.open(b']')
    }

    #[inline(always)]
    fn open(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(Problem::Depth));
        }
        self.pos = skip_space(self.bytes, self.pos + 1);
        if self.peek() == close {
            self.pos += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    /// Reads a key and its colon, up to the value.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Key, JsonError> {
        if self.peek() != b'"' {
            return Err(self.error(Problem::Key));
        }
        let start = self.pos + 1;
        let plain = plain_end(self.bytes, start);
        let escaped = at(self.bytes, plain) != b'"';
        let after = if escaped { string_rest(self.bytes, plain)? } else { plain + 1 };
        self.pos = colon(self.bytes, after)?;
        Ok(Key { start, end: after - 1, escaped })
    }

    /// After a member: steps over the comma, or over the brace that ends the object.
    #[inline(always)]
    pub(super) fn separator(&mut self) -> Result<Separator, JsonError> {
        self.pos = skip_space(self.bytes, self.pos);
        match self.peek() {
            b',' => {
                self.pos += 1;
                Ok(Separator::Comma)
            }
            b'}' => {
                self.pos += 1;
                self.depth -= 1;
                Ok(Separator::Brace)
            }
            _ => Err(self.error(Problem::CommaOrBrace)),
        }
    }

    /// After an item: steps over the comma, or over the bracket that ends the array. True at the end.
    pub(super) fn end_of_array(&mut self) -> Result<bool, JsonError> {
        self.pos = skip_space(self.bytes, self.pos);
        let end = match self.peek() {
            b',' => false,
            b']' => true,
            _ => return Err(self.error(Problem::CommaOrBracket)),
        };
        self.pos += 1;
        self.depth -= u32::from(end);
        Ok(end)
    }

    /// Steps over white space.
    #[inline(always)]
    pub(super) fn space(&mut self) {
        self.pos = skip_space(self.bytes, self.pos);
    }

    /// Steps over one value, checking all of it. Needs no stack: only one bit a level is kept.
    #[inline]
    pub(super) fn value(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        self.pos = match at(self.bytes, start) {
            b'"' => string(self.bytes, start + 1)?,
            b'{' | b'[' => container(self.bytes, start, self.depth)?,
            _ => scalar(self.bytes, start)?,
        };
        Ok(())
    }

    fn error(&self, problem: Problem) -> JsonError {
        error(self.bytes, self.pos, problem)
    }
}

/// Which of the open containers are objects: one bit each, the innermost lowest.
struct Open {
    kinds: u64,
    depth: u32,
    outer: Vec<u64>,
}

impl Open {
    #[inline(always)]
    fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.kinds);
        }
        self.kinds = self.kinds << 1 | u64::from(object);
        self.depth += 1;
    }

    /// False when that was the outermost.
    #[inline(always)]
    fn pop(&mut self) -> bool {
        self.depth -= 1;
        self.kinds >>= 1;
        if self.depth.is_multiple_of(64) {
            self.kinds = self.outer.pop().unwrap_or(0);
        }
        self.depth > 0
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// Steps over the array or object that begins at `pos`, `depth` containers deep; returns the position behind it.
#[inline(never)]
fn container(bytes: &[u8], mut pos: usize, depth: u32) -> Result<usize, JsonError> {
    let mut open = Open { kinds: 0, depth: 0, outer: Vec::new() };
    loop {
        // At a value.
        match at(bytes, pos) {
            b'"' => pos = string(bytes, pos + 1)?,
            b'{' => {
                if depth + open.depth >= MAX_DEPTH {
                    return Err(error(bytes, pos, Problem::Depth));
                }
                open.push(true);
                pos = skip_space(bytes, pos + 1);
                if at(bytes, pos) != b'}' {
                    pos = key(bytes, pos)?;
                    continue;
                }
            }
            b'[' => {
                if depth + open.depth >= MAX_DEPTH {
                    return Err(error(bytes, pos, Problem::Depth));
                }
                open.push(false);
                pos = skip_space(bytes, pos + 1);
                if at(bytes, pos) != b']' {
                    continue;
                }
            }
            _ => pos = scalar(bytes, pos)?,
        }
        // Behind a value, or at the end of an empty container.
        loop {
            pos = skip_space(bytes, pos);
            let byte = at(bytes, pos);
            if open.in_object() {
                if byte == b',' {
                    pos = key(bytes, skip_space(bytes, pos + 1))?;
                    break;
                }
                if byte != b'}' {
                    return Err(error(bytes, pos, Problem::CommaOrBrace));
                }
            } else {
                if byte == b',' {
                    pos = skip_space(bytes, pos + 1);
                    break;
                }
                if byte != b']' {
                    return Err(error(bytes, pos, Problem::CommaOrBracket));
                }
            }
            pos += 1;
            if !open.pop() {
                return Ok(pos);
            }
        }
    }
}

/// Steps over a key and its colon, up to the value.
#[inline(always)]
fn key(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    if at(bytes, pos) != b'"' {
        return Err(error(bytes, pos, Problem::Key));
    }
    colon(bytes, string(bytes, pos + 1)?)
}

#[inline(always)]
fn colon(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    let pos = skip_space(bytes, pos);
    if at(bytes, pos) != b':' {
        return Err(error(bytes, pos, Problem::Colon));
    }
    Ok(skip_space(bytes, pos + 1))
}

/// Steps over the rest of a string whose opening quote is before `pos`.
#[inline(always)]
fn string(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    let pos = plain_end(bytes, pos);
    if at(bytes, pos) == b'"' { Ok(pos + 1) } else { string_rest(bytes, pos) }
}

/// `string` from its first escape on.
#[inline(never)]
fn string_rest(bytes: &[u8], mut pos: usize) -> Result<usize, JsonError> {
    loop {
        pos = match bytes.get(pos) {
            Some(b'"') => return Ok(pos + 1),
            Some(b'\\') => plain_end(bytes, escape(bytes, pos)?),
            _ => return Err(error(bytes, pos, Problem::Control)),
        };
    }
}

/// Steps over the escape that begins at `pos`, over both where two make one character.
#[inline(always)]
fn escape(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    match at(bytes, pos + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(pos + 2),
        b'u' => match hex4(bytes, pos + 2) {
            None => Err(error(bytes, hex_stop(bytes, pos + 2), Problem::Escape)),
            Some(0xD800..=0xDBFF) if is_low_surrogate(bytes, pos + 6) => Ok(pos + 12),
            Some(0xD800..=0xDFFF) => Err(JsonError { offset: pos, problem: Problem::LoneSurrogate }),
            Some(_) => Ok(pos + 6),
        },
        _ => Err(error(bytes, pos + 1, Problem::Escape)),
    }
}

/// Whether an escape of the second half of a surrogate pair begins at `pos`.
pub(super) fn is_low_surrogate(bytes: &[u8], pos: usize) -> bool {
    at(bytes, pos) == b'\\' && at(bytes, pos + 1) == b'u' && matches!(hex4(bytes, pos + 2), Some(0xDC00..=0xDFFF))
}

/// The number that four hexadecimal digits at `pos` stand for.
#[inline(always)]
pub(super) fn hex4(bytes: &[u8], pos: usize) -> Option<u32> {
    let digits = bytes.get(pos..)?.first_chunk::<4>()?;
    let mut number = 0;
    for &digit in digits {
        number = number << 4 | (digit as char).to_digit(16)?;
    }
    Some(number)
}

#[cold]
fn hex_stop(bytes: &[u8], pos: usize) -> usize {
    (pos..pos + 4).find(|&at| !bytes.get(at).is_some_and(u8::is_ascii_hexdigit)).unwrap_or(pos)
}

/// Steps over a number or a literal.
#[inline(always)]
fn scalar(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    let byte = at(bytes, pos);
    if byte.is_ascii_digit() || byte == b'-' {
        return number(bytes, pos);
    }
    let literal: &[u8] = match byte {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return Err(error(bytes, pos, Problem::Value)),
    };
    if bytes[pos..].starts_with(literal) {
        return Ok(pos + literal.len());
    }
    let same = bytes[pos..].iter().zip(literal).take_while(|(a, b)| a == b).count();
    Err(error(bytes, pos + same, Problem::Value))
}

#[inline(always)]
fn number(bytes: &[u8], mut pos: usize) -> Result<usize, JsonError> {
    if at(bytes, pos) == b'-' {
        pos += 1;
    }
    // A digit after a leading zero is then refused as a missing comma.
    pos = if at(bytes, pos) == b'0' { pos + 1 } else { digits(bytes, pos)? };
    if at(bytes, pos) == b'.' {
        pos = digits(bytes, pos + 1)?;
    }
    if at(bytes, pos) | 0x20 == b'e' {
        pos += 1;
        if matches!(at(bytes, pos), b'+' | b'-') {
            pos += 1;
        }
        pos = digits(bytes, pos)?;
    }
    Ok(pos)
}

/// Steps over one digit or more.
#[inline(always)]
fn digits(bytes: &[u8], pos: usize) -> Result<usize, JsonError> {
    if !at(bytes, pos).is_ascii_digit() {
        return Err(error(bytes, pos, Problem::Number));
    }
    let mut end = pos + 1;
    while at(bytes, end).is_ascii_digit() {
        end += 1;
    }
    Ok(end)
}

#[inline(always)]
fn skip_space(bytes: &[u8], mut pos: usize) -> usize {
    while matches!(at(bytes, pos), b' ' | b'\n' | b'\r' | b'\t') {
        pos += 1;
    }
    pos
}

/// The first byte from `pos` on that does not simply belong to a string: a quote, a backslash, a control character;
/// or the end. Eight bytes at a time.
#[inline(always)]
fn plain_end(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(chunk) = bytes.get(pos..).and_then(|rest| rest.first_chunk::<8>()) {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return pos + stops.trailing_zeros() as usize / 8;
        }
        pos += 8;
    }
    while bytes.get(pos).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        pos += 1;
    }
    pos
}

/// The highest bit of each byte that ends a run of plain bytes. Bits above the lowest one may be wrong (a borrow from
/// below), which does not matter: only the lowest is used.
#[inline(always)]
fn stops(word: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    // Flipping this bit makes a quote 0x20, so that one comparison finds it and the control characters below it.
    let quote_or_control = (word ^ each(0x02)).wrapping_sub(each(0x21));
    let backslash = (word ^ each(b'\\')).wrapping_sub(each(1));
    (quote_or_control | backslash) & !word & each(0x80)
}

#[inline(always)]
fn at(bytes: &[u8], pos: usize) -> u8 {
    bytes.get(pos).copied().unwrap_or(0)
}

#[cold]
#[inline(never)]
fn error(bytes: &[u8], pos: usize, problem: Problem) -> JsonError {
    if pos >= bytes.len() {
        return JsonError { offset: bytes.len(), problem: Problem::End };
    }
    JsonError { offset: pos, problem }
}

#[cfg(test)]
mod tests {
    use super::plain_end;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..25 {
                let mut text = *b"between\x7f\xff two \x20\x21\x23 \x5b\x5dquote";
                text[place] = byte;
                let stops = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(plain_end(&text, 0), if stops { place } else { text.len() }, "{byte:#x} at {place}");
                assert_eq!(plain_end(&text, place), if stops { place } else { text.len() });
            }
        }
        assert_eq!(plain_end(b"", 0), 0);
        assert_eq!(plain_end(b"\"", 1), 1);
    }
}
