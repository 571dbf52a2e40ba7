//! Names in Lua that nothing defines: they are `nil` when the script runs, and calling them ends the request with 500.

use super::bytecode::{Global, Listing, Use};
use crate::suggest::closest;

/// What Lua 5.1 has without `allow_open_libs`. The recorded suite `scripting` shows it.
const BASE: &[&str] = &[
    "_G",
    "_VERSION",
    "assert",
    "collectgarbage",
    "dofile",
    "error",
    "getfenv",
    "getmetatable",
    "ipairs",
    "load",
    "loadfile",
    "loadstring",
    "module",
    "newproxy",
    "next",
    "package",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawset",
    "require",
    "select",
    "setfenv",
    "setmetatable",
    "table",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
];

/// What `allow_open_libs` adds.
const LIBRARIES: &[&str] = &["channel", "coroutine", "debug", "io", "math", "os", "string"];

/// What KrakenD adds to every script, each with the one function that it has.
const EVERYWHERE: &[(&str, Option<&str>)] = &[
    ("custom_error", None),
    ("http_response", Some("new")),
    ("json", None),
    ("luaList", Some("new")),
    ("luaNil", Some("new")),
    ("luaTable", Some("new")),
];

/// Methods of what KrakenD gives to a script, of strings and of files.
const METHODS: &[&str] = &[
    "body",
    "byte",
    "char",
    "close",
    "data",
    "del",
    "find",
    "flush",
    "format",
    "get",
    "gmatch",
    "gsub",
    "headerList",
    "headers",
    "host",
    "isComplete",
    "keyExists",
    "keys",
    "len",
    "lines",
    "load",
    "lower",
    "match",
    "method",
    "new",
    "params",
    "path",
    "query",
    "read",
    "rep",
    "reverse",
    "seek",
    "set",
    "setvbuf",
    "statusCode",
    "sub",
    "upper",
    "url",
    "write",
];

/// What makes names that cannot be read off: then nothing is said.
const DYNAMIC: &[&str] =
    &["_G", "dofile", "getfenv", "load", "loadfile", "loadstring", "module", "rawset", "require", "setfenv"];

/// Where a script runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `modifier/lua-endpoint`: it has `ctx`.
    Endpoint,
    /// `modifier/lua-proxy` and `modifier/lua-backend`: it has `request`, and `response` afterwards.
    Proxy,
}

/// When a script runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before the others. Its functions may be for other places than this one.
    Loaded,
    /// Before the call: there is no answer yet.
    Before,
    After,
}

/// What is wrong with a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Scripts that run in one state, one after the other.
pub(super) struct Scripts<'a> {
    pub(super) place: Place,
    pub(super) listings: &'a [&'a Listing],
}

impl Scripts<'_> {
    /// The names of `listing` that nothing defines.
    pub(super) fn undefined(&self, listing: &Listing, when: When) -> Vec<Fault> {
        let all = || self.listings.iter().copied();
        if all().any(|listing| listing.globals.iter().any(|global| DYNAMIC.contains(&global.name.as_str()))) {
            return Vec::new();
        }
        let globals = listing.globals.iter().filter_map(|global| self.global(global, when));
        let methods = listing.methods.iter().filter(|(name, _)| !METHODS.contains(&name.as_str()));
        let own = |name: &str| all().any(|listing| listing.fields.iter().any(|field| field == name));
        let methods = methods.filter(|(name, _)| !own(name)).map(|(name, line)| Fault {
            name: name.clone(),
            line: *line,
            message: format!("nothing has a method `{name}`"),
            help: closest(name, METHODS.iter().copied()).map(|name| format!("did you mean `{name}`?")),
        });
        let mut found: Vec<_> = globals.chain(methods).collect();
        found.dedup_by(|one, other| one.name == other.name);
        found
    }

    fn global(&self, global: &Global, when: When) -> Option<Fault> {
        let name = global.name.as_str();
        let fault = |message: String, help: Option<String>| {
            Some(Fault { name: name.to_owned(), line: global.line, message, help })
        };
        let set = |name: &str| self.listings.iter().any(|listing| listing.set.iter().any(|set| set == name));
        if set(name) || global.used == Use::Other {
            return None;
        }
        let objects: &[&str] = match self.place {
            Place::Endpoint => &["ctx"],
            Place::Proxy => &["request", "response"],
        };
        let elsewhere = when == When::Loaded && !global.at_once;
        if elsewhere && (LIBRARIES.contains(&name) || matches!(name, "ctx" | "request" | "response")) {
            return None;
        }
        if objects.contains(&name) {
            if when == When::Before && name == "response" && global.at_once {
                let help = "put it into `post`, which runs when the answer is there".to_owned();
                return fault("there is no `response` before the call".to_owned(), Some(help));
            }
            return member(global, "load");
        }
        if let Some((_, only)) = EVERYWHERE.iter().find(|(known, _)| *known == name) {
            return only.and_then(|only| member(global, only));
        }
        // Without `allow_open_libs` the libraries are not there, and a script may be written for that.
        if LIBRARIES.contains(&name) || BASE.contains(&name) {
            return None;
        }
        if matches!(name, "ctx" | "request" | "response") {
            let (here, there) = match self.place {
                Place::Endpoint => ("`modifier/lua-endpoint`", "`ctx.load()` is the request here"),
                Place::Proxy => ("this place", "`request.load()` is the request here, `response.load()` the answer"),
            };
            return fault(format!("{here} has no `{name}`"), Some(there.to_owned()));
        }
        let known =
            BASE.iter().chain(LIBRARIES).chain(objects).copied().chain(EVERYWHERE.iter().map(|(name, _)| *name));
        let own: Vec<_> = self.listings.iter().flat_map(|listing| &listing.set).map(String::as_str).collect();
        let meant = closest(name, own.iter().copied()).or_else(|| closest(name, known));
        let what = if global.used == Use::Called { "function" } else { "table" };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "define it in one of `sources`, or in the script before it is used".to_owned(),
        };
        fault(format!("nothing defines the {what} `{name}`"), Some(help))
    }
}

/// What is wrong with a member of a table that has one.
fn member(global: &Global, only: &str) -> Option<Fault> {
    let member = global.member.as_deref().filter(|member| *member != only && !member.starts_with("__"))?;
    let name = &global.name;
    Some(Fault {
        name: member.to_owned(),
        line: global.line,
        message: format!("`{name}` has no `{member}`"),
        help: Some(format!("write `{name}.{only}(...)`")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::listing;
    use super::*;

    #[test]
    fn names_that_nothing_defines() {
        for (text, expected) in [
            ("local r = request.load(); r:headers('X', r:method())", ""),
            ("foo()", "foo"),
            ("local x = foo", ""),
            ("if foo then foo() end", "foo"),
            ("function foo() end foo()", ""),
            ("local function foo() return foo() end foo()", ""),
            ("local r = reqest.load()", "reqest"),
            ("local r = request.lod()", "lod"),
            ("request:load()", ""),
            ("local r = request.load(); r:header('X')", "header"),
            ("local t = {}; function t:own() end; t:own()", ""),
            ("('a'):upper()", ""),
            ("local t = luaTable.create()", "create"),
            ("print(type(os), tostring(foo))", ""),
            ("table.concat({'a'}, ',')", ""),
            ("string.upper('a')", ""),
            ("ctx.load()", "ctx"),
            ("response.load()", "response"),
            ("local f = function() return response.load() end", ""),
            ("custom_eror('no', 403)", "custom_eror"),
            ("setfenv(1, {}) foo()", ""),
            ("x = 1\n\nbar(x)", "bar"),
            ("foo(string.upper(bar.x))", "foo bar"),
        ] {
            let listing = listing(text).expect(text);
            let scripts = Scripts { place: Place::Proxy, listings: &[&listing] };
            let found: Vec<_> = scripts.undefined(&listing, When::Before).into_iter().map(|fault| fault.name).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn no_dump_is_read_that_is_none() {
        use super::super::bytecode::Listing;
        assert!(Listing::read(b"").is_none() && Listing::read(b"\x1bLua\x52\0\x01\x04\x08\x04\x08\0").is_none());
        let lua = mlua::Lua::new_with(mlua::StdLib::NONE, mlua::LuaOptions::default()).expect("a state");
        let dump = lua
            .load("local a = foo(1.5, 'x', true, nil, function() return b end)")
            .into_function()
            .expect("Lua")
            .dump(false);
        (0..dump.len()).for_each(|end| assert!(Listing::read(&dump[..end]).is_none(), "{end}"));
        assert!(Listing::read(&dump).is_some());
    }
}
