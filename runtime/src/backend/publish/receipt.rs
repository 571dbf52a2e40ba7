//! `respond: receipt`: the broker's word as the answer.

use sluicegate_drivers::Receipt;

use crate::shape::write_string;

/// A receipt as a JSON object of what there is in it.
pub(super) fn json(receipt: &Receipt) -> Vec<u8> {
    let mut text = b"{".to_vec();
    let name = |text: &mut Vec<u8>, name: &str| {
        if text.len() > 1 {
            text.push(b',');
        }
        write_string(name, text);
        text.push(b':');
    };
    if let Some(id) = &receipt.id {
        name(&mut text, "id");
        write_string(id, &mut text);
    }
    if let Some(partition) = &receipt.partition {
        name(&mut text, "partition");
        write_string(partition, &mut text);
    }
    if let Some(offset) = receipt.offset {
        name(&mut text, "offset");
        text.extend_from_slice(offset.to_string().as_bytes());
    }
    if receipt.duplicate {
        name(&mut text, "duplicate");
        text.extend_from_slice(b"true");
    }
    text.push(b'}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_is() {
        let text = |receipt| String::from_utf8(json(&receipt)).unwrap();
        assert_eq!(text(Receipt::default()), "{}");
        assert_eq!(
            text(Receipt { offset: Some(u64::MAX), ..Receipt::default() }),
            r#"{"offset":18446744073709551615}"#
        );
        let whole = Receipt {
            id: Some("a\"b\n".to_owned()),
            partition: Some("3".to_owned()),
            offset: Some(0),
            duplicate: true,
        };
        assert_eq!(text(whole), r#"{"id":"a\"b\u000a","partition":"3","offset":0,"duplicate":true}"#);
    }
}
