//! What hyper answers by itself to a head that it cannot read, with the text that Go's server has there.
//!
//! hyper says nothing but the status, and asks nobody. So its bytes are known when they are written: nothing has been asked
//! since the last answer, and they are these and no more.

/// The start of hyper's answer, and what is sent instead.
const ANSWERS: [(&[u8], &[u8]); 3] = [
    (
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: ",
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: 15\r\n\r\n\
          400 Bad Request",
    ),
    (
        b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\ndate: ",
        b"HTTP/1.1 414 URI Too Long\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: 16\r\n\r\n\
          414 URI Too Long",
    ),
    (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: ",
        b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
          content-length: 35\r\n\r\n431 Request Header Fields Too Large",
    ),
];

/// What is sent instead of `bytes`, when they are such an answer as a whole.
pub(super) fn instead_of(bytes: &[u8]) -> Option<&'static [u8]> {
    let (start, answer) = ANSWERS.iter().find(|(start, _)| bytes.starts_with(start))?;
    // A date and the empty line.
    let rest = &bytes[start.len()..];
    (rest.len() < 40 && rest.ends_with(b"\r\n\r\n")).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_answers_are_replaced() {
        let bare = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Fri, 27 Nov 2026 16:44:55 GMT\r\n\r\n";
        assert!(instead_of(bare).unwrap().ends_with(b"\r\n\r\n400 Bad Request"));
        for other in [
            &bare[..bare.len() - 1],
            b"HTTP/1.1 400 Bad Request\r\nx-krakend: a\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n",
            b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n",
        ] {
            assert_eq!(instead_of(other), None);
        }
    }

    #[test]
    fn lengths_are_right() {
        for (_, answer) in ANSWERS {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{text}");
        }
    }
}
