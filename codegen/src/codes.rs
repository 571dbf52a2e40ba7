//! What each code of a diagnostic means, for who has never seen it.

use crate::suggest::closest;

/// Codes with their explanations, in alphabetical order. A code never changes its meaning.
#[rustfmt::skip]
pub const CODES: &[(&str, &str)] = &[
    ("allow-and-deny", "A backend has `allow` and `deny`. As in KrakenD, `allow` alone decides, and `deny` does nothing: what is not listed in `allow` is left out anyway. Keep one of them."),
    ("ambiguous-mapping", "`mapping` renames fields in a way that depends on the order of renaming, which KrakenD takes by chance: to a name that is renamed itself, or two fields to one name. Give each field a name of its own."),
    ("ambiguous-value", "A value that the versions of YAML read differently. `yes`, `no`, `on` and `off` are booleans in YAML 1.1 and texts in 1.2 and for KrakenD; a number with leading zeros is octal in 1.1 and for KrakenD, and decimal in 1.2. Quotes make a text of each."),
    ("attribute-twice", "A header of `input_headers` and an entry of `attributes` give a message the same attribute. Remove one of them."),
    ("bad-address", "An address that nothing can listen on or be reached at. An IP address has no port, and `host:port` has both; the message says which is meant."),
    ("bad-attribute-name", "The broker cannot carry an attribute of this name."),
    ("bad-base64", "A text that is not Base64 where the body of a Martian modifier is written in it. `printf %s '{}' | base64` writes it."),
    ("bad-body", "`set_body` of a backend is JSON: an object or a list, or a text that is one placeholder."),
    ("bad-broker-name", "The name of a broker is part of the names of environment variables that its secrets come from. It begins with a letter, and has letters, digits, `-` and `_`; two that differ only in case or in `-` and `_` would be called alike."),
    ("bad-cel", "An expression of `validation/cel` that cannot be parsed, that names something which does not exist, or whose value is no boolean. KrakenD logs such an expression and drops the check, so that everybody is let in. The variables are `req_method`, `req_path`, `req_params` (with the first letter of a parameter in upper case: `req_params.Id`), `req_headers`, `req_querystring`, `resp_completed`, `resp_metadata_status`, `resp_metadata_headers`, `resp_data`, `JWT` and `now`."),
    ("bad-checksum", "A file of `sources` has another MD5 sum than `md5` says: it was changed, or the sum is an old one."),
    ("bad-dead-letter", "The dead-letter topic of a subscription cannot take what failed: it belongs to another broker, is the topic that the message came from, or is malformed."),
    ("bad-declaration", "`declare` asks a broker for something that it would refuse: an argument of the wrong type, or one that another excludes."),
    ("bad-duration", "A duration is a string with a unit, as Go writes it: `250ms`, `2s`, `1m30s`, `1h`. It is not negative, and has no spaces."),
    ("bad-file", "A file is there and does not hold what it should: a certificate or a key in PEM form, or a query."),
    ("bad-flexible-config", "A variable of KrakenD's Flexible Config names something that cannot be used: a folder or a file that cannot be read, settings that are no object, or an FC_OUT that cannot be written or is read itself."),
    ("bad-header-name", "HTTP cannot carry a header of this name. It has letters, digits and `-`, and no spaces or colons."),
    ("bad-host", "`host` names a server: `http://name`, `https://name:port`. Without `disable_host_sanitize` it has no path; KrakenD takes no port below 10."),
    ("bad-keys", "A file of keys (JWK Set, RFC 7517) that cannot be read, or has no key for the algorithm. No token could be verified or signed."),
    ("bad-lua", "A Lua script that does not compile. It is compiled by the Lua 5.1 that runs it. KrakenD answers 500 to every request of the endpoint."),
    ("bad-mapping", "As in KrakenD, `mapping` renames fields of the first level only, and a new name ends at its first dot."),
    ("bad-message", "A message that the broker would refuse, whatever the request holds: more attributes than it takes, or a key that this topic or queue wants or cannot have."),
    ("bad-mime-type", "A media type is `type/subtype`, perhaps with parameters: `text/plain; charset=utf-8` (RFC 9110, section 8.3)."),
    ("bad-origin", "An origin of `security/cors` is a scheme and a host, with a port where it has one, and nothing behind: `https://example.com`. A browser sends it exactly so; anything else never matches."),
    ("bad-overlay", "GATEWAY_ENV names an environment, and the file of its overlay is not there, cannot be read, or is there twice. `prod` stands for `gateway.prod.json` beside `gateway.json`, or the same with `.yaml`, `.yml` or `.toml`."),
    ("bad-path", "The path of an endpoint begins with `/`. A parameter is a whole segment, `/{name}/`; `*` stands at the end only; there is no query string. `/__health`, `/__ready`, `/__debug` and `/__echo` are the gateway's own."),
    ("bad-query", "A GraphQL query whose brackets do not pair up, or whose operation is of another type than `type` says."),
    ("bad-regex", "A regular expression that does not compile, tried with the crate that runs it. It has no look-around and no backreferences, as in Go."),
    ("bad-schema", "A JSON Schema that does not compile, tried with the crate that validates. KrakenD logs it and lets every body pass. References lead into the schema itself: nothing is fetched."),
    ("bad-setting", "A setting of a broker (`pubsub/brokers`) that its driver cannot use, or that needs or excludes another."),
    ("bad-settings", "GATEWAY_SETTINGS names a file of values for the variables of a config, and it cannot be read or holds something else: an object whose values are strings, numbers or booleans."),
    ("bad-subscription-url", "`subscription_url`, behind `host`, is the address of a subscription by the driver's grammar. The same code reads it when the gateway starts. Parameters that the driver does not know are mistakes."),
    ("bad-template", "A value with placeholders, `{name}`, that is not closed, is empty, or would put what no broker can carry into a message."),
    ("bad-time", "A time is written as RFC 3339 has it: `2030-04-12T23:20:50Z`."),
    ("bad-topic-url", "`topic_url`, behind `host`, is the address of a topic by the driver's grammar. The same code reads it when the gateway starts. Nothing is substituted in it, and parameters that the driver does not know are mistakes."),
    ("bad-url", "A URL of the shape `https://host:port/path`, with one of the schemes that the message names."),
    ("bad-url-pattern", "`url_pattern` is a path, perhaps with a query string. The host stands in `host`; `{name}` is a parameter of the endpoint's path; a brace or a `%` that stands for itself is written `%7B`, `%7D`, `%25`."),
    ("bad-variable", "`env:NAME` and `${NAME}` name environment variables: letters, digits and `_`, and no digit first. `$${` stands for the text `${`."),
    ("both-names", "Two keys that are names of one option are both given. Keep one."),
    ("colon-in-a-path", "KrakenD's router takes what follows a colon in a path for a parameter, also within a segment: `/items:cancel` would match `/itemsX`. Sluicegate matches it as it is written."),
    ("conflicting-parameter", "Two paths of one method have parameters of different names at the same place. KrakenD panics when it starts. Write the same name in both."),
    ("declared-twice", "Two publishers or subscribers declare the same topic or queue in different ways. The broker would refuse the second."),
    ("duplicate-endpoint", "Two endpoints have the same method and path. KrakenD panics when it starts."),
    ("duplicate-header", "Two backends of an endpoint give the answer the same header."),
    ("duplicate-key", "An object has a key twice. A JSON parser takes the last; whoever wrote the first meant it too."),
    ("duplicate-name", "Two things of one kind have the same name, which tells one from another."),
    ("empty-value", "A text that has to say something is empty."),
    ("enterprise", "Only KrakenD's Enterprise edition has this. Its open edition drops it without a word, and with it what it was to protect; Sluicegate refuses it instead."),
    ("env-not-set", "`env` of a template names a variable that is not set, and nothing is written, as in KrakenD. `default` says what it is then."),
    ("flatmap-and-filter", "As in KrakenD, `flatmap_filter` takes the place of `allow`, `deny` and `mapping` of the same backend, which would do nothing. Write them as operations of type `del` and `move`."),
    ("flatmap-args", "`move` and `append` have two paths, from where and to where; `del` has one or more. A path is names and dots."),
    ("flatmap-move", "A `move` that does something else than its paths say, as in KrakenD: a path to move ends in a name, and of a target as long as the source only the end counts."),
    ("h2c-with-tls", "`use_h2c` is HTTP/2 without TLS, and the host has TLS. With TLS, HTTP/2 is used anyway where the host offers it."),
    ("header-case", "KrakenD's CEL and Lua see headers under their canonical names, each word with a first letter in upper case: `X-Env`. Under another name there is none."),
    ("inapplicable", "Something that cannot act where it stands: on an answer that nobody reads, on a message broker, on a copy of a request. KrakenD ignores it."),
    ("include-cycle", "A file that `$include` asks for is being read already: it asks for itself, perhaps by way of others."),
    ("insecure", "The certificates of backends are not checked: anybody on the way can be the backend."),
    ("insecure-keys", "The keys that tokens are verified with would come over plain HTTP: whoever is on the way could exchange them, and then sign any token. KrakenD refuses this without `disable_jwk_security`."),
    ("krakend-needs", "This works here, and would not on a KrakenD, which needs `url_pattern` and `disable_host_sanitize` on a pub/sub backend. A warning for who runs the file on both."),
    ("krakend-reads-json", "This encoding works here; the open edition of KrakenD falls back to `json`. A warning for who runs the file on both."),
    ("letter-case", "KrakenD takes a method in lower case for one in upper case, and so does Sluicegate."),
    ("literal-in-a-url", "Something in `url_pattern` that other gateways replace, and that is sent as it is written here, as in KrakenD: a parameter is `{name}`. `%3A`, `%2A` and `%3F` are the same characters without this warning."),
    ("many-hosts", "A topic or a subscription has one host. KrakenD takes the first and ignores the others."),
    ("message-left-out", "A consumed message would be taken from its broker and be in no answer: lost."),
    ("message-overwritten", "In a merge, later backends overwrite members of earlier ones. Give each backend a `group`, so that nothing of a message is lost."),
    ("message-unread", "A consumed message would be taken from its broker and be in no answer: lost."),
    ("misplaced-namespace", "A namespace of `extra_config` at a level where nothing reads it. The message says where it belongs."),
    ("missing-capability", "The broker cannot do what is asked of it: the option is there for other drivers."),
    ("missing-key", "A key that has to be there. The underline is the object that lacks it."),
    ("missing-partial", "`include` names a file that cannot be read. It is looked for in the folder FC_PARTIALS. KrakenD writes nothing in its place."),
    ("more-than-one", "An object that holds one of several keys holds two. KrakenD takes any of them."),
    ("never-matches", "A name or a path that is in no answer and in no request, whatever they hold: it filters, renames or passes on nothing. KrakenD ignores it."),
    ("no-backend", "An endpoint calls at least one backend that is no shadow."),
    ("no-effect", "What is written does nothing here. KrakenD ignores it."),
    ("no-host", "A backend has no `host`, and neither has the service. KrakenD starts and answers 500."),
    ("no-op-merge", "`no-op` passes on an answer unread, and answers that are not read cannot be merged."),
    ("no-op-one-side", "`no-op` belongs into `output_encoding` of the endpoint and `encoding` of its backend, or into neither: in the backend alone nothing is passed on, and in the endpoint alone the backend's encoding does nothing."),
    ("no-op-receipt", "`respond: receipt` answers with JSON, and `no-op` without a body."),
    ("no-overlay", "An overlay, or a part of it, changes nothing: it removes what is not there, names an endpoint that the config does not have, or says what the config says already. Overlays hold what is different in an environment."),
    ("no-rate", "A rate limit without a rate limits nothing."),
    ("no-setting", "A template asks for a key that no file of settings has, and there is one of a similar name. As in KrakenD nothing is gone over, or `null` is written."),
    ("no-token", "Something asks for a claim of the client's token, and no `auth/validator` reads one in this endpoint."),
    ("no-value", "An action of a template has no value, and writes `<no value>`, as in KrakenD: a key that no file of settings has, or a variable of the template without a value. `default` gives a value where there may be none."),
    ("no-wildcard", "`*` stands for everything in an endpoint's lists only. In a backend's KrakenD takes it for a name, and passes nothing."),
    ("not-nested", "`roles_key` with dots is taken for the name of one claim, unless `roles_key_is_nested` is true: the roles would not be found, and everybody refused."),
    ("not-supported-yet", "Sluicegate knows this of KrakenD and cannot do it yet. It is refused, because leaving it out would change what the gateway does. Its options are checked all the same."),
    ("one-sided-driver", "A driver that can only be published to, or only received from."),
    ("other-driver", "A backend names a broker of another driver than its URL."),
    ("out-of-range", "A number or a size that is too small or too big. The label says what is expected."),
    ("overwritten", "Two backends of an endpoint give the answer a member of the same name. As in KrakenD, later backends overwrite members of earlier ones whole: give each a `group`, or an alias of its own."),
    ("publisher-and-subscriber", "A backend publishes or subscribes. KrakenD takes the subscriber and ignores the other."),
    ("pubsub-concurrent-calls", "`concurrent_calls` sends the same request several times: each would publish or take a message."),
    ("receipts-overwrite", "Receipts of two publishers have the same members in the answer. Give each backend a `group`."),
    ("refused-function", "A function of sprig that a build does not call: its result would be another one at each build, it asks the network, or it makes a secret that would be in the binary."),
    ("refuses-everything", "A check that no usual request passes: every client is refused, as in KrakenD."),
    ("repeated-calls", "`concurrent_calls` repeats a request that changes something each time."),
    ("reserved-header", "A header that the gateway or the protocol sets."),
    ("response-not-before", "`{respN_...}` is a value of the answer of backend N, counted from 0. That backend is not called before this one."),
    ("response-without-sequence", "`{respN_...}` needs `\"proxy\": {\"sequential\": true}` in the endpoint: otherwise the backends are called side by side."),
    ("response-without-value", "The answer of that backend never has this value: it was filtered out or renamed, or the backend answers something else."),
    ("secret-in-config", "A password or a token in plain text would be in the binary. Write `env:NAME` or `file:PATH`, which are read when the gateway connects."),
    ("sequence-of-one", "`sequential` orders calls, and there is one."),
    ("server-in-host", "`host` of a pub/sub backend is the driver's scheme, `nats://`: what follows it is the beginning of the topic's name. The address of the server is in an environment variable, or in a broker of `pubsub/brokers`."),
    ("shadow-subscriber", "The answer of a shadow backend is thrown away, and a message with it."),
    ("syntax", "The file is not JSON, or not YAML or TOML where its name ends in `.yaml`, `.yml` or `.toml`. Every mistake that can be passed over is, so that the others are told too; behind one in YAML nothing is read, because indentation means nothing any more."),
    ("syntax", "The file is not JSON. Every mistake that can be passed over is, so that the others are told too."),
    ("template-fails", "A template cannot be carried out: a function is given what it does not take, an index is out of range, a value has no such field. KrakenD stops when it starts."),
    ("template-off", "The config is a template of KrakenD's Flexible Config, and FC_ENABLE is not set. It is set to anything, `0` too."),
    ("template-syntax", "A file that is not a template of Go's `text/template`: an action without an end, an `end` too many, a function or a variable that does not exist."),
    ("template-twice", "Two files define a template of the same name. As in KrakenD, the last one counts."),
    ("too-deep", "A path has more levels than are looked into."),
    ("topic-in-host", "The whole URL of a topic stands in `host`, and the other key is empty. It works, and is hard to read."),
    ("trusts-every-proxy", "The client's address comes from `X-Forwarded-For`, which any client can set, as in KrakenD without `trusted_proxies`. Who wants to pass a limit by address sends another address each time."),
    ("two-queries", "`query` and `query_path` are both given. KrakenD takes the file."),
    ("undefined-name", "A script calls or looks into something that is not there when it runs: the request ends with 500. KrakenD gives `request`, `response`, `ctx`, `custom_error`, `http_response`, `luaTable` and `luaList`; `allow_open_libs` adds `string`, `math`, `os` and `io`."),
    ("unknown-broker", "A backend names a broker that is not in `pubsub/brokers`."),
    ("unknown-combiner", "KrakenD's one combiner is `default`. Others are Go code in a KrakenD that somebody built."),
    ("unknown-driver", "The scheme of the URL is that of no driver. KrakenD would call it by HTTP, and answer 500."),
    ("unknown-encoding", "There is no encoding of this name. KrakenD takes `json` without a word."),
    ("unknown-key", "A key that nothing reads. KrakenD ignores it, and with it what it was to do. A comment's key begins with `@`, `$`, `_` or `#`."),
    ("unknown-keyword", "JSON Schema ignores keywords that it does not know, so that a misspelt one checks nothing."),
    ("unknown-method", "Endpoints have the methods `GET`, `POST`, `PUT`, `PATCH` and `DELETE`; backends `HEAD` and `OPTIONS` too. KrakenD leaves out an endpoint with another one."),
    ("unknown-namespace", "A namespace of `extra_config` that does not exist. KrakenD ignores it, and with it what it was to do."),
    ("unknown-parameter", "A name that is no parameter of the endpoint's path. Names are told apart by case."),
    ("unknown-source", "A placeholder begins with what a value is taken from: `{name}` of the path, `{header.Name}`, `{query.name}`, `{body.path}`, `{respN_path}`."),
    ("unknown-template", "`template` names one that there is not. Templates are the files `*.tmpl` of the folder FC_TEMPLATES, by their whole names, and what a `define` names."),
    ("unknown-value", "A key has one of a few values, and this is none of them."),
    ("unlisted-name", "A header or a query parameter that `input_headers` or `input_query_strings` does not let in."),
    ("unread-value", "A value is passed on to later backends, and none of them reads it."),
    ("unreadable-file", "A file that the config names cannot be read. A relative path begins in the folder of the config, or in GATEWAY_BASE."),
    ("unset-variable", "`${NAME}` is neither set in the environment of the build nor in the file of GATEWAY_SETTINGS. `${NAME:-default}` has a value then, and `$${` stands for the text `${`. What is to be read when the gateway starts is written `env:NAME`."),
    ("unsupported", "This cannot be supported, for the reason that is given: Go plugins, versions of TLS that are broken."),
    ("unsupported-value", "YAML and TOML have values that JSON and a config have not: dates and times, infinite numbers, binary data. Most are texts that want quotes."),
    ("unsupported-version", "The configuration has version 3."),
    ("unused-broker", "Nothing uses a broker of `pubsub/brokers`. It is not connected to."),
    ("wrong-type", "A value of another type than its key has. KrakenD takes some for something else, and ignores others."),
];

/// What a code means.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    let index = CODES.binary_search_by(|(known, _)| (*known).cmp(code)).ok()?;
    Some(CODES[index].1)
}

/// The code that `word` was probably meant to be.
#[must_use]
pub fn closest_code(word: &str) -> Option<&'static str> {
    closest(word, CODES.iter().map(|(code, _)| *code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What stands in quotes where a diagnostic is made, in every file of the sources.
    fn used(folder: &Path, known: &BTreeSet<&str>, found: &mut BTreeSet<String>, unknown: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                used(&path, known, found, unknown);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("codes.rs") {
                let text = fs::read_to_string(&path).expect("a source");
                found.extend(
                    known.iter().filter(|code| text.contains(&format!("\"{code}\""))).map(|code| (*code).to_owned()),
                );
                for made in ["Diagnostic::error(", "Diagnostic::warning("] {
                    let codes = text.split(made).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
                    let codes = codes.filter_map(|rest| rest.split('"').next());
                    unknown.extend(codes.filter(|code| !known.contains(code)).map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn every_code_is_explained_and_used() {
        assert!(CODES.is_sorted_by_key(|(code, _)| *code));
        let known: BTreeSet<_> = CODES.iter().map(|(code, _)| *code).collect();
        let (mut found, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        used(Path::new("src"), &known, &mut found, &mut unknown);
        // Of tests.
        unknown.remove("x");
        assert_eq!(unknown, BTreeSet::new());
        assert_eq!(found, known.into_iter().map(str::to_owned).collect());
        assert!(explain("unknown-key").is_some() && explain("nope").is_none());
    }
}
