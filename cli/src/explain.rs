//! `explain`: what a code means.

use std::process::ExitCode;

use sluicegate_codegen::{CODES, closest_code, explain as explanation};

use crate::output::{Failure, to_stdout};

/// The width that explanations are wrapped to.
const WIDTH: usize = 100;

/// Prints what `code` means, or the list of all codes.
pub(crate) fn explain(code: Option<&str>) -> Result<ExitCode, Failure> {
    let Some(code) = code else {
        let list: Vec<_> = CODES.iter().map(|(code, _)| format!("{code}\n")).collect();
        return to_stdout(&list.concat()).map(|()| ExitCode::SUCCESS);
    };
    match explanation(code) {
        Some(text) => to_stdout(&format!("{}\n", wrapped(text))).map(|()| ExitCode::SUCCESS),
        None => {
            let failure = Failure::new(format!("there is no code `{code}`"));
            Err(match closest_code(code) {
                Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                None => failure.help("`explain` alone lists the codes"),
            })
        }
    }
}

fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short() {
        for (_, text) in CODES {
            let wrapped = wrapped(text);
            assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH), "{wrapped}");
            assert_eq!(wrapped.split_whitespace().count(), text.split_whitespace().count());
        }
    }
}
