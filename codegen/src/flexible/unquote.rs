//! Go's string literals.

use std::rc::Rc;

/// The text of `"..."` or of what stands between backticks.
pub(super) fn unquote(literal: &str) -> Result<Rc<str>, String> {
    let inner = &literal[1..literal.len() - 1];
    if literal.starts_with('`') {
        return Ok(inner.replace('\r', "").into());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        rest = step(rest, '"', &mut bytes)?;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err("its bytes are not UTF-8".into()),
    }
}

/// The character of `'a'`.
pub(super) fn unquote_char(literal: &str) -> Option<char> {
    let mut bytes = Vec::new();
    let rest = step(&literal[1..literal.len() - 1], '\'', &mut bytes).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let mut letters = text.chars();
    letters.next().filter(|_| rest.is_empty() && letters.next().is_none())
}

/// Decodes one character of `text` and gives what follows.
fn step<'a>(text: &'a str, quote: char, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let mut letters = text.chars();
    let Some(letter) = letters.next() else { return Err("nothing in it".into()) };
    let mut encoded = [0; 4];
    if letter != '\\' {
        bytes.extend_from_slice(letter.encode_utf8(&mut encoded).as_bytes());
        return Ok(letters.as_str());
    }
    let Some(escape) = letters.next() else { return Err("a `\\` at its end".into()) };
    let rest = letters.as_str();
    let plain = match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if escape == quote => quote as u8,
        'x' | 'u' | 'U' | '0'..='7' => {
            let (digits, radix, from) = match escape {
                'x' => (2, 16, rest),
                'u' => (4, 16, rest),
                'U' => (8, 16, rest),
                _ => (3, 8, &text[1..]),
            };
            let number = from.get(..digits).and_then(|digits| u32::from_str_radix(digits, radix).ok());
            let number = number.ok_or_else(|| format!("`\\{escape}` wants {digits} digits"))?;
            if matches!(escape, 'u' | 'U') {
                let letter = char::from_u32(number).ok_or_else(|| format!("`\\{escape}` is no character"))?;
                bytes.extend_from_slice(letter.encode_utf8(&mut encoded).as_bytes());
            } else {
                bytes.push(u8::try_from(number).map_err(|_| format!("`\\{escape}` is more than a byte"))?);
            }
            return Ok(&from[digits..]);
        }
        _ => return Err(format!("`\\{escape}` is no escape")),
    };
    bytes.push(plain);
    Ok(rest)
}
