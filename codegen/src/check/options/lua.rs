//! `modifier/lua-*`: compiled by the Lua that will run it, and not run.

#[cfg(feature = "scripts")]
mod bytecode;
#[cfg(feature = "scripts")]
mod globals;

use std::ops::Range;

use crate::check::{Context, tls};
use crate::diagnostic::Diagnostic;
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::Node;
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

/// Each place takes a compilation.
const MAX_PLACES: usize = 512;

pub(super) fn modifier(context: &Context<'_>, options: Object<'_>, name: &str) {
    for key in ["pre", "post"] {
        if let Some((node, text)) = options.get(key).and_then(|node| Some((node, node.text()?.value.as_str())))
            && let Err(fault) = compile(text)
        {
            script(context, node, text, &fault, key);
        }
    }
    let mut sources = Vec::new();
    for path in options.texts("sources").into_iter().filter(|path| !path.value.is_empty()) {
        sources.push((path, source(context, path)));
    }
    checksums(context, options, &sources);
    #[cfg(feature = "scripts")]
    undefined(context, options, name, &sources);
    if !["pre", "post"].iter().any(|key| options.has(key) || is_misspelt(options, key)) {
        let warning = Diagnostic::warning("no-effect", options.mark(), format!("`{name}` runs nothing"));
        context.push(warning.label("this has neither `pre` nor `post`").help("`sources` only define what those call"));
    }
}

/// Whether a key is there that may have been meant to be `key`, and was reported.
fn is_misspelt(options: Object<'_>, key: &str) -> bool {
    crate::syntax::is_meant(options.node().members(), &crate::syntax::LUA, key)
}

/// Reports names that nothing defines, when every script compiles.
#[cfg(feature = "scripts")]
fn undefined(context: &Context<'_>, options: Object<'_>, name: &str, sources: &[(At<&str>, Option<String>)]) {
    let is_list = |list: &Node| list.is_array() && list.items().iter().all(|item| item.text().is_some());
    if options.get("sources").is_some_and(|list| !is_list(list)) || is_misspelt(options, "sources") {
        return;
    }
    let files: Option<Vec<_>> = sources.iter().map(|(_, text)| listing(text.as_deref()?)).collect();
    let own = ["pre", "post"].map(|key| options.get(key).and_then(|node| Some((node, node.text()?.value.as_str()))));
    let Some(files) = files else { return };
    let mut scripts = Vec::new();
    for (script, before) in own.into_iter().zip([true, false]) {
        let Some((node, text)) = script else { continue };
        let Some(listing) = listing(text) else { return };
        scripts.push((node, text, before, listing));
    }
    let listings: Vec<_> = files.iter().chain(scripts.iter().map(|(.., listing)| listing)).collect();
    let endpoint = name == "modifier/lua-endpoint";
    let state = globals::Scripts {
        place: if endpoint { globals::Place::Endpoint } else { globals::Place::Proxy },
        listings: &listings,
    };
    let told = |span, fault: globals::Fault, label: String| {
        let diagnostic = Diagnostic::error("undefined-name", span, fault.message).label(label);
        context.push(match fault.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    };
    for (node, text, before, listing) in &scripts {
        let when = if *before { globals::When::Before } else { globals::When::After };
        for fault in state.undefined(listing, when) {
            let span = node.part(place_of(text, &fault.name, fault.line));
            told(span, fault, "`nil` when the script runs".to_owned());
        }
    }
    for ((path, _), listing) in sources.iter().zip(&files) {
        for fault in state.undefined(listing, globals::When::Loaded) {
            let label = format!("`{}` in line {} of the file", fault.name, fault.line);
            told(path.span, fault, label);
        }
    }
}

/// Where a name stands in a line of a script.
#[cfg(feature = "scripts")]
fn place_of(text: &str, name: &str, line: usize) -> Range<usize> {
    let start = text.split('\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>().min(text.len());
    let joined = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let is_word = |place: &usize| {
        let (before, after) = (text[..*place].bytes().next_back(), text.as_bytes().get(place + name.len()));
        !before.is_some_and(joined) && !after.copied().is_some_and(joined)
    };
    let mut places = text[start..].match_indices(name).map(|(offset, _)| start + offset);
    places.find(is_word).map_or(0..text.len(), |place| place..place + name.len())
}

/// What a script that compiles names.
#[cfg(feature = "scripts")]
fn listing(text: &str) -> Option<bytecode::Listing> {
    let lua = mlua::Lua::new_with(mlua::StdLib::NONE, mlua::LuaOptions::default()).ok()?;
    let chunk = lua.load(text).set_name("=lua").set_mode(mlua::chunk::ChunkMode::Text);
    bytecode::Listing::read(&chunk.into_function().ok()?.dump(false))
}

/// What the compiler says, without the name of the chunk.
#[derive(Debug)]
#[cfg_attr(not(feature = "scripts"), allow(dead_code, reason = "nothing is compiled"))]
struct Fault {
    line: usize,
    message: String,
}

#[cfg(not(feature = "scripts"))]
#[allow(clippy::unnecessary_wraps, reason = "as where it is compiled")]
fn compile(_: &str) -> Result<(), Fault> {
    Ok(())
}

#[cfg(feature = "scripts")]
fn compile(text: &str) -> Result<(), Fault> {
    use mlua::chunk::ChunkMode;
    use mlua::{Lua, LuaOptions, StdLib};

    let unnamed = |message: String| Fault { line: 1, message };
    let lua = Lua::new_with(StdLib::NONE, LuaOptions::default()).map_err(|error| unnamed(error.to_string()))?;
    let chunk = lua.load(text).set_name("=lua").set_mode(ChunkMode::Text);
    let Err(error) = chunk.into_function() else { return Ok(()) };
    let message = match error {
        mlua::Error::SyntaxError { message, .. } => message,
        other => other.to_string(),
    };
    let named = message.strip_prefix("lua:").and_then(|rest| rest.split_once(": "));
    Err(match named.and_then(|(line, message)| Some((line.parse().ok()?, message))) {
        Some((line, message)) => Fault { line, message: message.to_owned() },
        None => unnamed(message),
    })
}

/// Reports a fault of a script that stands in the config.
fn script(context: &Context<'_>, node: &Node, text: &str, fault: &Fault, key: &str) {
    let range = locate(text, fault);
    let message = format!("the Lua of `{key}` does not compile: {}", fault.message);
    let label = match text.trim_end().contains('\n') {
        true => format!("line {} of the script", fault.line),
        false => "not Lua 5.1".to_owned(),
    };
    let error = Diagnostic::error("bad-lua", node.part(range), message).label(label);
    context.push(match help(&fault.message) {
        Some(help) => error.help(help),
        None => error,
    });
}

/// The bytes that the compiler stopped at: what it is near to, otherwise the line.
fn locate(text: &str, fault: &Fault) -> Range<usize> {
    let start = text.split('\n').take(fault.line.saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>();
    let start = start.min(text.len());
    let end = text[start..].find('\n').map_or(text.len(), |offset| start + offset);
    let near = fault.message.split_once(" near '").and_then(|(_, rest)| rest.strip_suffix('\''));
    let found = near.filter(|near| !near.is_empty() && *near != "<eof>").and_then(|near| {
        let places = text[start..end].match_indices(near).map(|(offset, _)| start + offset);
        // The compiler does not say which of several: the one where the text up to it gives the same fault.
        let mut ranges = places.take(MAX_PLACES).map(|place| place..place + near.len());
        ranges.find(|range| compile(&text[..range.end]).is_err_and(|found| found.message == fault.message))
    });
    let line = start + (text[start..end].len() - text[start..end].trim_start().len())..end;
    found.unwrap_or(if line.is_empty() { 0..text.len() } else { line })
}

fn help(message: &str) -> Option<String> {
    if message.ends_with("near '<eof>'") && !message.contains(" expected") {
        return Some("something is opened and not closed, or an operator has no right side".to_owned());
    }
    let Some((expected, _)) = message.split_once(" expected") else {
        return Some("KrakenD's Lua is 5.1: a script is a list of statements".to_owned());
    };
    let expected = expected.strip_prefix('\'')?.split('\'').next()?;
    Some(match expected {
        "<name>" => "write the name of a variable here".to_owned(),
        "=" => "a statement is a call, or an assignment: `name = value`".to_owned(),
        "<eof>" => "there is more than what was opened: an `end` too many?".to_owned(),
        "end" => "close each `function`, `if`, `for`, `while` and `do` with an `end`".to_owned(),
        other => format!("write `{other}` here"),
    })
}

/// Reads and compiles a file; `None` when it cannot be read, which is reported.
fn source(context: &Context<'_>, path: At<&str>) -> Option<String> {
    let full = context.named_file(path.value);
    match std::fs::read_to_string(&full) {
        Ok(text) => {
            if let Err(fault) = compile(&text) {
                let message = format!("`{}` does not compile: {}", path.value, fault.message);
                let error = Diagnostic::error("bad-lua", path.span, message);
                context.push(error.label(format!("line {} of the file", fault.line)));
            }
            Some(text)
        }
        Err(error) => {
            let message = format!("cannot read the Lua source: {}", tls::reason(&error));
            let error = Diagnostic::error("unreadable-file", path.span, message);
            context.push(error.label(format!("looked for `{}`", full.display())));
            None
        }
    }
}

/// `md5`: of sources only, and right. KrakenD logs a wrong one, and runs the script without its modifier.
fn checksums(context: &Context<'_>, options: Object<'_>, sources: &[(At<&str>, Option<String>)]) {
    let Some(sums) = options.get("md5") else { return };
    for member in sums.members() {
        let Some(sum) = member.value.text() else { continue };
        let Some((_, content)) = sources.iter().find(|(path, _)| path.value == member.key) else {
            let message = format!("`{}` is not one of `sources`", member.key);
            let error = Diagnostic::error("unknown-value", member.key_span, message).label("nothing reads this file");
            let names = sources.iter().map(|(path, _)| path.value);
            let meant = crate::suggest::closest(&member.key, names);
            context.push(match meant {
                Some(_) => error.did_you_mean(meant),
                None => error.help("add it to `sources`, or remove its sum"),
            });
            continue;
        };
        let Some(content) = content else { continue };
        let actual = HEXLOWER.encode(&Md5::digest(content.as_bytes()));
        if actual != sum.value {
            let message = format!("the MD5 sum of `{}` is another one", member.key);
            let error = Diagnostic::error("bad-checksum", member.value.span, message).label("not the sum of the file");
            context.push(error.help(format!("if the file is as it should be, write `\"{actual}\"`")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_where_they_are_wrong() {
        for (text, expected) in [
            ("local r = request.load(); r:headers('X', '1')", None),
            ("", None),
            ("local = =", Some("=")),
            ("x = 'abc", Some("x = 'abc")),
            ("if x then", Some("if x then")),
            ("local a = 1\n  local b = = 2\nlocal c = 3", Some("=")),
            ("for i = 1, 2 do end end", Some("end")),
            ("goto x", Some("x")),
        ] {
            let found = compile(text).err().map(|fault| text[locate(text, &fault)].to_owned());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        let fault = compile("local a = 1\n  local b = = 2").unwrap_err();
        assert_eq!(locate("local a = 1\n  local b = = 2", &fault), 24..25);
        assert_eq!(compile("\u{1b}Lua").unwrap_err().line, 1);
        for text in ["x = ".to_owned() + &"(".repeat(100_000), "x = 1 ".repeat(20_000) + "= 2"] {
            let fault = compile(&text).unwrap_err();
            assert!(locate(&text, &fault).end <= text.len());
        }
    }
}
