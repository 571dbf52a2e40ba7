//! Strings: RFC 8259, section 7.

use super::{Parser, Stop};
use crate::tree::{Escape, Text};

impl Parser<'_> {
    /// Reads the string at the cursor, whichever quotes it has. One that is not closed and no key ends at its line's comma.
    pub(super) fn string(&mut self, is_key: bool) -> Result<Text, Stop> {
        let open = self.at;
        let quote = self.bytes[open];
        self.at += 1;
        let mut text = Text { value: String::new(), start: self.at, escapes: Vec::new() };
        let mut plain = self.at;
        loop {
            let Some(byte) = self.peek() else { return Err(self.open_string(open)) };
            match byte {
                _ if byte == quote => break,
                b'\\' => {
                    text.value.push_str(&self.text[plain..self.at]);
                    let (escape, decoded) = (self.at, text.value.len());
                    self.escape(&mut text.value)?;
                    let decoded = (decoded, text.value.len());
                    text.escapes.push(Escape { decoded, source: (escape, self.at) });
                    plain = self.at;
                }
                b'\n' | b'\r' => {
                    let Stop = self.open_string(open);
                    let line = self.text[open..self.at].trim_end();
                    if is_key || !line.ends_with(',') {
                        return Err(Stop);
                    }
                    self.at = open + line.len() - 1;
                    self.spoiled = true;
                    return Ok(text);
                }
                0..=0x1f => {
                    let error = self.error(self.at, self.at + 1, "a control character stands in a string");
                    let help = match byte {
                        b'\t' => "write a tab as `\\t`".to_owned(),
                        _ => format!("write it as `\\u{byte:04x}`"),
                    };
                    self.report(error.help(help))?;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        text.value.push_str(&self.text[plain..self.at]);
        self.at += 1;
        if quote == b'\'' {
            let error = self.error(open, self.at, "strings are written in double quotes");
            self.report(error.help(format!("write `\"{}\"`", text.value.replace('"', "\\\""))))?;
        }
        Ok(text)
    }

    /// Reads the escape sequence at the cursor.
    fn escape(&mut self, out: &mut String) -> Result<(), Stop> {
        let start = self.at;
        let Some(letter) = self.text[start + 1..].chars().next() else { return Err(self.ends_early("a string's end")) };
        self.at += 1 + letter.len_utf8();
        let decoded = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(start, out),
            _ => {
                let error = self.error(start, self.at, format!("`\\{letter}` is not an escape sequence of JSON"));
                let error = match letter {
                    '\'' => error.help("a single quote needs no backslash"),
                    _ => error.help("a backslash is written `\\\\`"),
                };
                self.report(error)?;
                letter
            }
        };
        out.push(decoded);
        Ok(())
    }

    /// Reads the digits of a `\u` escape that began at `start`, and of the second one of a pair.
    fn unicode(&mut self, start: usize, out: &mut String) -> Result<(), Stop> {
        let Some(first) = self.hex() else {
            let error = self.error(start, self.at, "`\\u` wants four hexadecimal digits");
            self.report(error.help("a backslash is written `\\\\`"))?;
            return Ok(());
        };
        let code = if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let second_start = self.at;
            self.at += 2;
            match self.hex() {
                Some(second) if (0xdc00..0xe000).contains(&second) => {
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                }
                _ => {
                    self.at = second_start;
                    first
                }
            }
        } else {
            first
        };
        match char::from_u32(code) {
            Some(decoded) => out.push(decoded),
            None => {
                let error = self.error(start, self.at, "half of a surrogate pair is not a character");
                self.report(error.help("write the character itself, or both halves: `\\ud83d\\ude00`"))?;
                out.push('\u{fffd}');
            }
        }
        Ok(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let code = u32::from_str_radix(&self.text[self.at..self.at + 4], 16).ok()?;
        self.at += 4;
        Some(code)
    }

    fn open_string(&self, open: usize) -> Stop {
        let quote = char::from(self.bytes[open]);
        let error = self.error(open, self.at, "this string is not closed on its line");
        let error = error.label(format!("expected `{quote}` before the end of the line"));
        self.sink.push(error.help("a line break inside a string is written `\\n`"));
        Stop
    }
}
