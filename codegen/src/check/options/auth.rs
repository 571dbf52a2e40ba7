//! `auth/*`: where keys come from, and files of keys.

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use serde_json::Value;

use super::{Site, needed};
use crate::check::Context;
use crate::check::tls::{self, CIPHER_SUITES, Pem, pem};
use crate::diagnostic::Diagnostic;
use crate::model::Names;
use crate::syntax::Object;
use crate::syntax::kind::{At, Record};
use crate::syntax::{AUTH_SIGNER, AUTH_VALIDATOR};
use crate::tree::{self, Node};

/// KrakenD's default for `alg`.
const DEFAULT_ALGORITHM: &str = "RS256";

/// `auth/validator` of an endpoint.
pub(super) fn validator(context: &Context<'_>, options: Object<'_>, site: &Site<'_>, endpoint: Object<'_>) {
    keys(context, options, &AUTH_VALIDATOR);
    claims(context, options, site, endpoint);
    for (key, needed) in [
        ("roles_key", "roles"),
        ("roles_key_is_nested", "roles_key"),
        ("scopes_key", "scopes"),
        ("scopes_matcher", "scopes"),
        ("cache_duration", "cache"),
        ("propagate_claims_preserve_array", "propagate_claims"),
    ] {
        alone(context, options, key, needed);
    }
    // Roles are looked for in the claim `roles` where nothing else is said (krakend-jose, defaultRolesKey).
    if let Some(member) = options.member("scopes").filter(|member| !member.value.items().is_empty()) {
        needed(context, options, &AUTH_VALIDATOR, &["scopes_key"], || {
            let error = Diagnostic::error("missing-key", member.key_span, "`scopes` needs `scopes_key`");
            let error = error.label("KrakenD refuses every token without it");
            error.help("add `\"scopes_key\"` with the claim that lists them")
        });
    }
    if let Some(key) = options.text("roles_key") {
        let nested = options.flag("roles_key_is_nested");
        if key.value.contains('.') && !key.value.contains("://") && !nested {
            let message = "`roles_key` is taken for one claim with dots in its name";
            let warning = Diagnostic::warning("not-nested", key.span, message).label("not looked for inside of others");
            context.push(warning.help("for a claim inside of others, add `\"roles_key_is_nested\": true`"));
        }
    }
}

/// Warns of a key that does nothing without another one.
fn alone(context: &Context<'_>, options: Object<'_>, key: &str, needed: &str) {
    let Some(member) = options.member(key) else { return };
    // What is of the wrong type was reported.
    let asks = match key {
        "cache_duration" => options.integer(key).is_some(),
        "roles_key" | "scopes_key" | "scopes_matcher" => options.text(key).is_some(),
        _ => options.flag(key),
    };
    let other = options.get(needed);
    let lacks = match other.map(|node| &node.value) {
        None => !options.has_or_means(&AUTH_VALIDATOR, needed),
        Some(tree::Value::Array(items)) => items.is_empty(),
        Some(tree::Value::Bool(flag)) => !flag,
        Some(_) => false,
    };
    if asks && lacks {
        let message = format!("`{key}` does nothing without `{needed}`");
        let warning = Diagnostic::warning("no-effect", member.key_span, message).label("nothing is asked of it");
        context.push(warning.help(match needed {
            "cache" => r#"write `"cache": true`, or remove the key"#.to_owned(),
            _ => format!("add `\"{needed}\"`, or remove the key: every valid token is let in"),
        }));
    }
}

/// `propagate_claims`: the header is the client's request's, and needs to be let in like any other.
fn claims(context: &Context<'_>, options: Object<'_>, site: &Site<'_>, endpoint: Object<'_>) {
    // A script may read any.
    let Some(allowed) = site.listed.filter(|listed| listed.added.is_some()) else { return };
    let Names::List(listed) = allowed.headers else { return };
    let limiter = endpoint.extra("qos/ratelimit/router").and_then(|limiter| limiter.text("key"));
    for pair in options.get("propagate_claims").map_or(&[][..], Node::items) {
        let Some(header) = pair.items().get(1) else { continue };
        let Some(text) = header.text().map(|text| text.value.as_str()) else { continue };
        // What is no header's name was reported.
        if listed.contains(&text.to_ascii_lowercase())
            || limiter.is_some_and(|key| key.value.eq_ignore_ascii_case(text))
            || text.is_empty()
            || text.contains(|letter: char| !letter.is_ascii_graphic())
        {
            continue;
        }
        let message = format!("`{text}` reaches no backend: `input_headers` of the endpoint does not let it in");
        let warning = Diagnostic::warning("unlisted-name", header.span, message).label("not listed in the endpoint");
        context.push(warning.help(format!("add `\"{text}\"` to `input_headers`")));
    }
}

/// `auth/signer`.
pub(super) fn signer(context: &Context<'_>, options: Object<'_>) {
    keys(context, options, &AUTH_SIGNER);
    let list = options.get("keys_to_sign").filter(|list| list.is_array() && list.items().is_empty());
    if let Some(list) = list {
        let error = Diagnostic::error("missing-key", list.span, "`keys_to_sign` is empty");
        context.push(error.label("nothing would be signed"));
    }
}

/// `jwk_url` or `jwk_local_path`, and what goes with them.
fn keys(context: &Context<'_>, options: Object<'_>, record: &Record) {
    needed(context, options, record, &["jwk_url", "jwk_local_path"], || {
        let message = format!("{} has no keys", record.what);
        let error = Diagnostic::error("missing-key", options.mark(), message);
        let error = error.label("this has neither `jwk_url` nor `jwk_local_path`");
        error.help(r#"write `"jwk_url": "https://..."`, or `"jwk_local_path"` with a file of keys"#)
    });
    if let (Some(url), Some(path)) = (options.member("jwk_url"), options.member("jwk_local_path")) {
        let warning = Diagnostic::warning("no-effect", url.key_span, "`jwk_url` does nothing beside `jwk_local_path`");
        let warning = warning.label("KrakenD ignores this one").related(path.key_span, "the keys are taken from here");
        context.push(warning.help("keep one of them"));
    }
    if let (Some(url), false) = (options.get("jwk_url"), options.flag("disable_jwk_security")) {
        let text = url.text().map_or("", |text| text.value.as_str());
        if text.starts_with("http://") {
            let message = "the keys would be fetched without TLS, and KrakenD refuses to";
            let error = Diagnostic::error("insecure-keys", url.part(0..4), message);
            let error = error.label("anybody on the way could replace them").help("write `https`");
            context.push(error.help(r#"or add `"disable_jwk_security": true`, where the network can be trusted"#));
        }
    }
    if let Some(path) = options.text("jwk_local_ca").filter(|path| !path.value.is_empty()) {
        pem(context, path, Pem::Certificate);
    }
    tls::numbers(context, options, "cipher_suites", &CIPHER_SUITES);
    for (given, other) in [("secret_url", "cypher_key"), ("cypher_key", "secret_url")] {
        let Some(member) = options.member(given) else { continue };
        needed(context, options, record, &[other], || {
            let error = Diagnostic::error("missing-key", member.key_span, format!("`{given}` needs `{other}`"));
            error.label("the file of keys could not be decrypted")
        });
    }
    if let Some(path) = options.text("jwk_local_path").filter(|path| !path.value.is_empty()) {
        file(context, options, path);
    }
}

/// The file of keys: there, a JWK Set, and with a key for the algorithm.
fn file(context: &Context<'_>, options: Object<'_>, path: At<&str>) {
    let full = context.named_file(path.value);
    let text = match std::fs::read(&full) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read the keys: {}", tls::reason(&error));
            let error = Diagnostic::error("unreadable-file", path.span, message);
            return context.push(error.label(format!("looked for `{}`", full.display())));
        }
    };
    // Encrypted.
    if options.has("secret_url") {
        return;
    }
    let bad = |message: String| Diagnostic::error("bad-keys", path.span, message);
    let keys = match read(&text) {
        Ok(keys) => keys,
        Err(message) => return context.push(bad(message).label("not a JWK Set")),
    };
    let algorithm = options.text("alg");
    // Reported where it is of the wrong type.
    if options.has("alg") && algorithm.is_none() {
        return;
    }
    let name = algorithm.map_or(DEFAULT_ALGORITHM, |algorithm| algorithm.value);
    let Some(wanted) = key_type(name) else { return };
    let kid = options.text("kid");
    let fits = |key: &Key| key.kind == wanted;
    if let Some(kid) = kid {
        match keys.iter().find(|key| key.id.as_deref() == Some(kid.value)) {
            Some(key) if fits(key) => {}
            Some(key) => {
                let message = format!("the key `{}` of the file is not one for `{name}`", kid.value);
                let error = Diagnostic::error("bad-keys", kid.span, message);
                context.push(error.label(format!("it is of the type {}", key.kind)));
            }
            None => {
                let message = format!("the file has no key `{}`", kid.value);
                let names = keys.iter().filter_map(|key| key.id.as_deref());
                let meant = crate::suggest::closest(kid.value, names);
                let error = Diagnostic::error("bad-keys", kid.span, message).label("nothing would be signed");
                context.push(error.did_you_mean(meant));
            }
        }
    } else if !keys.iter().any(fits) {
        let message = format!("no key of the file is one for `{name}`");
        let mut found: Vec<_> = keys.iter().map(|key| key.kind.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        let span = algorithm.map_or(path.span, |algorithm| algorithm.span);
        let error = Diagnostic::error("bad-keys", span, message).label(format!("needs a key of the type {wanted}"));
        context.push(error.help(format!("the file has keys of the types {}", found.join(", "))));
    }
}

/// A key of a file.
struct Key {
    id: Option<String>,
    /// Its `kty`, with its curve where it has one.
    kind: String,
}

/// Reads a JWK Set (RFC 7517).
fn read(text: &[u8]) -> Result<Vec<Key>, String> {
    let set: Value = serde_json::from_slice(text).map_err(|error| format!("the file of keys is not JSON: {error}"))?;
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        return Err(match set.get("kty") {
            Some(_) => "the file holds one key, and not a set: put it into `{\"keys\": [...]}`".to_owned(),
            None => "the file has no list `keys`".to_owned(),
        });
    };
    if keys.is_empty() {
        return Err("the file has no key".to_owned());
    }
    keys.iter().enumerate().map(|(index, key)| one(index, key)).collect()
}

fn one(index: usize, key: &Value) -> Result<Key, String> {
    let id = key.get("kid").and_then(Value::as_str).map(str::to_owned);
    let name =
        id.as_ref().map_or_else(|| format!("key {index} of the file"), |id| format!("the key `{id}` of the file"));
    let text = |member: &str| key.get(member).and_then(Value::as_str);
    let Some(kty) = text("kty") else { return Err(format!("{name} has no `kty`")) };
    let (members, curves): (&[&str], &[&str]) = match kty {
        "RSA" => (&["n", "e"], &[]),
        "EC" => (&["x", "y"], &["P-256", "P-384", "P-521"]),
        "OKP" => (&["x"], &["Ed25519", "Ed448", "X25519", "X448"]),
        "oct" => (&["k"], &[]),
        other => return Err(format!("{name} has the unknown type `{other}`")),
    };
    for member in members {
        let Some(value) = text(member) else { return Err(format!("{name} has no `{member}`")) };
        let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).or_else(|_| BASE64URL.decode(value.as_bytes()));
        if bytes.map_or(true, |bytes| bytes.is_empty()) {
            return Err(format!("`{member}` of {name} is not Base64 of a URL"));
        }
    }
    let kind = match (curves, text("crv")) {
        ([], _) => kty.to_owned(),
        (_, Some(curve)) if curves.contains(&curve) => format!("{kty} {curve}"),
        (_, Some(curve)) => return Err(format!("{name} has the unknown curve `{curve}`")),
        (_, None) => return Err(format!("{name} has no `crv`")),
    };
    Ok(Key { id, kind })
}

/// The type of a key for an algorithm of RFC 7518.
fn key_type(algorithm: &str) -> Option<&'static str> {
    Some(match algorithm {
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => "RSA",
        "ES256" => "EC P-256",
        "ES384" => "EC P-384",
        "ES512" => "EC P-521",
        "EdDSA" => "OKP Ed25519",
        "HS256" | "HS384" | "HS512" => "oct",
        // Reported as an unknown value.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_keys() {
        for (text, expected) in [
            (r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#, Ok("oct")),
            (r#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"}]}"#, Ok("RSA")),
            (r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}]}"#, Ok("EC P-256")),
            (
                r#"{"kty": "oct", "k": "c2VjcmV0"}"#,
                Err("the file holds one key, and not a set: put it into `{\"keys\": [...]}`"),
            ),
            ("{}", Err("the file has no list `keys`")),
            (r#"{"keys": []}"#, Err("the file has no key")),
            (r#"{"keys": [{"kty": "oct"}]}"#, Err("key 0 of the file has no `k`")),
            (r#"{"keys": [{"kty": "oct", "k": "+"}]}"#, Err("`k` of key 0 of the file is not Base64 of a URL")),
            (
                r#"{"keys": [{"kty": "EC", "kid": "b", "x": "AQ", "y": "AQ"}]}"#,
                Err("the key `b` of the file has no `crv`"),
            ),
            (r#"{"keys": [{"kty": "DSA"}]}"#, Err("key 0 of the file has the unknown type `DSA`")),
        ] {
            let found = read(text.as_bytes()).map(|keys| keys[0].kind.clone());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
        assert!(read(b"nope").is_err());
    }
}
