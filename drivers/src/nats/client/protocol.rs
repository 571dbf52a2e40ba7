//! What a server sends, line by line.

use memchr::memchr;

/// No server sends lines as long: an INFO with hundreds of addresses has some kilobytes.
const LONGEST_LINE: usize = 1 << 20;

/// No server takes messages as large: `max_payload` is at most 64 MiB by its own advice.
const LARGEST_MESSAGE: usize = 1 << 28;

/// One operation of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Op<'a> {
    /// A message, with all of its bytes.
    Message(Incoming<'a>),
    Info(&'a [u8]),
    Ping,
    Pong,
    Ok,
    /// The text of an error, without its quotes.
    Error(&'a str),
}

/// A message as it comes in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incoming<'a> {
    pub(crate) sid: u64,
    pub(crate) subject: &'a str,
    /// Where it is answered; empty where it is not.
    pub(crate) reply: &'a str,
    /// The length of the headers, with which the payload begins.
    pub(crate) headers: usize,
    pub(crate) payload: &'a [u8],
}

/// What stands at the beginning of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// An operation, and how many bytes it has.
    Op(Op<'a>, usize),
    /// Not yet all of an operation. At least as many bytes are missing.
    Incomplete(usize),
}

/// Reads the first operation in `buffer`.
///
/// # Errors
/// It is none that a NATS server sends.
pub(crate) fn parse(buffer: &[u8]) -> Result<Parsed<'_>, String> {
    let Some(end) = memchr(b'\n', buffer) else {
        return match buffer.len() {
            0..LONGEST_LINE => Ok(Parsed::Incomplete(1)),
            _ => Err("a line without an end".to_owned()),
        };
    };
    let line = buffer[..end].strip_suffix(b"\r").unwrap_or(&buffer[..end]);
    let (word, rest) = match line.iter().position(|byte| matches!(byte, b' ' | b'\t')) {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &b""[..]),
    };
    let op = match word {
        b"MSG" => return message(rest, false, buffer, end + 1),
        b"HMSG" => return message(rest, true, buffer, end + 1),
        _ if word.eq_ignore_ascii_case(b"PING") => Op::Ping,
        _ if word.eq_ignore_ascii_case(b"PONG") => Op::Pong,
        _ if word.eq_ignore_ascii_case(b"+OK") => Op::Ok,
        _ if word.eq_ignore_ascii_case(b"INFO") => Op::Info(rest),
        _ if word.eq_ignore_ascii_case(b"-ERR") => Op::Error(text(rest)?.trim().trim_matches('\'')),
        _ => return Err(format!("{:?} is no operation", String::from_utf8_lossy(&word[..word.len().min(32)]))),
    };
    Ok(Parsed::Op(op, end + 1))
}

/// `SUBJECT SID [REPLY] [HEADERS] TOTAL`, and the payload from `start` on.
fn message<'a>(line: &'a [u8], has_headers: bool, buffer: &'a [u8], start: usize) -> Result<Parsed<'a>, String> {
    let wrong = || "a malformed message".to_owned();
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let subject = words.next().ok_or_else(wrong)?;
    let sid = words.next().and_then(number).ok_or_else(wrong)?;
    let total = words.next_back().and_then(number).ok_or_else(wrong)?;
    let headers = if has_headers { words.next_back().and_then(number).ok_or_else(wrong)? } else { 0 };
    let reply = words.next().unwrap_or_default();
    if words.next().is_some() || headers > total {
        return Err(wrong());
    }
    let (headers, total) = match (usize::try_from(headers), usize::try_from(total)) {
        (Ok(headers), Ok(total)) if total <= LARGEST_MESSAGE => (headers, total),
        _ => return Err(format!("a message of {total} bytes")),
    };
    let end = start + total + 2;
    if buffer.len() < end {
        return Ok(Parsed::Incomplete(end - buffer.len()));
    }
    if &buffer[end - 2..end] != b"\r\n" {
        return Err(wrong());
    }
    let payload = &buffer[start..end - 2];
    Ok(Parsed::Op(Op::Message(Incoming { sid, subject: text(subject)?, reply: text(reply)?, headers, payload }), end))
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a text that is not UTF-8".to_owned())
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Appends `number` in digits.
pub(crate) fn push_number(buffer: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(mut bytes: &[u8]) -> Result<Vec<Op<'_>>, String> {
        let mut ops = Vec::new();
        while let Parsed::Op(op, length) = parse(bytes)? {
            ops.push(op);
            bytes = &bytes[length..];
        }
        Ok(ops)
    }

    #[test]
    fn operations() {
        let bytes = b"INFO {\"a\":1}\r\n+OK\r\nping\nPONG\r\n-ERR 'Stale Connection'\r\n\
            MSG orders.new 7 5\r\nhello\r\nMSG a 8\treply.to 0\r\n\r\nHMSG a.b 9 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPI";
        let message =
            |subject, sid, reply, headers, payload| Op::Message(Incoming { sid, subject, reply, headers, payload });
        let expected = [
            Op::Info(b"{\"a\":1}"),
            Op::Ok,
            Op::Ping,
            Op::Pong,
            Op::Error("Stale Connection"),
            message("orders.new", 7, "", 0, b"hello"),
            message("a", 8, "reply.to", 0, b""),
            message("a.b", 9, "", 12, b"NATS/1.0\r\n\r\nhi"),
        ];
        assert_eq!(ops(bytes).as_deref(), Ok(&expected[..]));
        // Cut anywhere, nothing else comes out.
        for cut in 0..bytes.len() {
            let ops = ops(&bytes[..cut]).unwrap_or_else(|error| panic!("{cut}: {error}"));
            assert_eq!(ops, expected[..ops.len()], "{cut}");
        }
    }

    #[test]
    fn what_is_missing_of_a_message() {
        assert_eq!(parse(b"MSG a 1 10\r\nhello"), Ok(Parsed::Incomplete(7)));
    }

    #[test]
    fn what_no_server_sends() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b"MSG\r\n",
            b"MSG a 1\r\n",
            b"MSG a x 1\r\na\r\n",
            b"MSG a 1 -1\r\n",
            b"MSG a 1 99999999999999999999\r\n",
            b"MSG a 1 9999999999\r\n",
            b"MSG a 1 b c 1\r\na\r\n",
            b"MSG a 1 1\r\nabc",
            b"HMSG a 1 5 4\r\nabcd\r\n",
            b"MSG \xff 1 1\r\na\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(parse(&vec![b'a'; LONGEST_LINE]).is_err());
    }

    #[test]
    fn numbers() {
        for value in [0, 7, 10, 1_048_576, usize::MAX] {
            let mut text = Vec::new();
            push_number(&mut text, value);
            assert_eq!(text, value.to_string().as_bytes());
        }
    }
}
