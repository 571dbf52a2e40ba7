//! Connection strings, as Azure's portal shows them: `Endpoint=sb://HOST/;SharedAccessKeyName=NAME;SharedAccessKey=KEY`.

use crate::host_port;

/// What a connection string says. Not shown, for its secrets.
#[derive(Clone)]
#[cfg_attr(not(feature = "azure_service_bus"), allow(dead_code, reason = "for the client"))]
pub(super) struct ConnectionString {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) login: Login,
    /// The one topic or queue that it is for.
    pub(super) entity: Option<String>,
    /// Whether TLS is not spoken.
    pub(super) emulator: bool,
    pub(super) websockets: bool,
}

/// Who a client says it is. Not shown.
#[derive(Clone)]
#[cfg_attr(not(feature = "azure_service_bus"), allow(dead_code, reason = "for the client"))]
pub(super) enum Login {
    /// Tokens are made with a key.
    Key { name: String, key: String },
    /// A token that somebody else made.
    Signature(String),
}

/// The keys that say something here.
const KNOWN: [&str; 7] = [
    "Endpoint",
    "SharedAccessKeyName",
    "SharedAccessKey",
    "SharedAccessSignature",
    "EntityPath",
    "UseDevelopmentEmulator",
    "TransportType",
];

/// Those of other clients, that say nothing here.
const OTHERS: [&str; 5] = ["OperationTimeout", "RetryPolicy", "RuntimePort", "ManagementPort", "StsEndpoint"];

impl ConnectionString {
    /// # Errors
    /// What is wrong, without a value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut values: [Option<&str>; KNOWN.len()] = [None; KNOWN.len()];
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or("has a part without `=`")?;
            let (key, value) = (key.trim(), value.trim());
            let place = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(key));
            match place.map(|place| &mut values[place]) {
                Some(Some(_)) => return Err(format!("has `{key}` twice")),
                Some(place) => *place = Some(value).filter(|value| !value.is_empty()),
                None if OTHERS.iter().any(|other| other.eq_ignore_ascii_case(key)) => {}
                None => return Err(unknown(key)),
            }
        }
        let [endpoint, name, key, signature, entity, emulator, transport] = values;
        let endpoint = endpoint.ok_or("has no `Endpoint`")?;
        let (host, port) = parse_endpoint(endpoint).map_err(|what| format!("has an `Endpoint` that {what}"))?;
        let login = match (name, key, signature) {
            (Some(name), Some(key), None) => Login::Key { name: name.to_owned(), key: key.to_owned() },
            (None, None, Some(signature)) => parse_signature(signature)?,
            (_, None, None) => return Err("has no `SharedAccessKey`, and no `SharedAccessSignature`".to_owned()),
            (None, Some(_), None) => return Err("has no `SharedAccessKeyName`".to_owned()),
            (_, _, Some(_)) => return Err("has both `SharedAccessKey` and `SharedAccessSignature`".to_owned()),
        };
        let websockets = match transport {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("Amqp") || text.eq_ignore_ascii_case("AmqpTcp") => false,
            Some(text) if text.eq_ignore_ascii_case("AmqpWebSockets") => true,
            Some(_) => return Err("has a `TransportType` that is neither `Amqp` nor `AmqpWebSockets`".to_owned()),
        };
        let emulator = match emulator {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err("has a `UseDevelopmentEmulator` that is neither `true` nor `false`".to_owned()),
        };
        let entity = entity.map(|entity| entity.trim_matches('/').to_owned());
        Ok(Self { host, port, login, entity, emulator, websockets })
    }
}

/// A key may be the end of a secret with a `;` in it.
fn unknown(key: &str) -> String {
    let near = KNOWN.iter().map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &key.to_lowercase()), known));
    match near.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((score, known)) if score > 0.85 => format!("has an unknown key; did you mean `{known}`?"),
        _ => format!("has an unknown key (known: `{}`)", KNOWN.join("`, `")),
    }
}

/// `sb://HOST:PORT/`, or with another scheme, or without one.
fn parse_endpoint(text: &str) -> Result<(String, Option<u16>), String> {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if ["sb", "amqps", "amqp"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) => rest,
        Some(_) => return Err("does not begin with `sb://`".to_owned()),
        None => text,
    };
    let address = rest.trim_end_matches('/');
    if address.contains(['/', '@', '?', '#', ' ']) {
        return Err("is more than a host and a port".to_owned());
    }
    let (host, port) = host_port::split(address)?;
    Ok((host.to_owned(), port))
}

/// `SharedAccessSignature sr=...&sig=...&se=...&skn=...`
fn parse_signature(text: &str) -> Result<Login, String> {
    let has = |field: &str| {
        let fields = text.split_once(' ').map_or(text, |(_, fields)| fields);
        fields
            .split('&')
            .any(|part| part.split_once('=').is_some_and(|(name, value)| name == field && !value.is_empty()))
    };
    match text.starts_with("SharedAccessSignature ") && ["sr", "sig", "se"].into_iter().all(has) {
        true => Ok(Login::Signature(text.to_owned())),
        false => Err("has a `SharedAccessSignature` that is none: it looks like \
                      `SharedAccessSignature sr=..&sig=..&se=..&skn=..`"
            .to_owned()),
    }
}

/// Reads a host's name, `NAMESPACE.servicebus.windows.net`, with a port or without one.
///
/// # Errors
/// What is wrong.
pub(super) fn parse_hostname(text: &str) -> Result<(String, Option<u16>), String> {
    parse_endpoint(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let parse = |text| ConnectionString::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let one = parse("Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=a+/=b==");
        assert_eq!(
            (&*one.host, one.port, one.emulator, one.websockets),
            ("ns.servicebus.windows.net", None, false, false)
        );
        assert!(matches!(one.login, Login::Key { name, key } if name == "Root" && key == "a+/=b=="));
        let one = parse(
            " endpoint=sb://127.0.0.1:5772 ; sharedaccesskeyname=x;SHAREDACCESSKEY=y;UseDevelopmentEmulator=True;\
             EntityPath=/orders/;TransportType=AmqpWebSockets;OperationTimeout=00:00:30;",
        );
        assert_eq!((&*one.host, one.port, one.emulator, one.websockets), ("127.0.0.1", Some(5772), true, true));
        assert_eq!(one.entity.as_deref(), Some("orders"));
        let one = parse("Endpoint=[::1]:7;SharedAccessSignature=SharedAccessSignature sr=a&sig=b%3d&se=1&skn=x");
        assert_eq!((&*one.host, one.port), ("::1", Some(7)));
        assert!(
            matches!(one.login, Login::Signature(text) if text == "SharedAccessSignature sr=a&sig=b%3d&se=1&skn=x")
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        const KEY: &str = "SharedAccessKeyName=x;SharedAccessKey=hunter2";
        for (text, expected) in [
            ("", "has no `Endpoint`"),
            ("hunter2", "has a part without `=`"),
            (KEY, "has no `Endpoint`"),
            ("Endpoint=sb://h", "has no `SharedAccessKey`, and no `SharedAccessSignature`"),
            ("Endpoint=sb://h;SharedAccessKeyName=x", "has no `SharedAccessKey`, and no `SharedAccessSignature`"),
            ("Endpoint=sb://h;SharedAccessKey=hunter2", "has no `SharedAccessKeyName`"),
            ("Endpoint=sb://h;SharedAcessKey=hunter2", "has an unknown key; did you mean `SharedAccessKey`?"),
            ("Endpoint=sb://h;SharedAccessKey=a;hunter2=", "has an unknown key (known: "),
            (&format!("Endpoint=https://h;{KEY}"), "has an `Endpoint` that does not begin with `sb://`"),
            (&format!("Endpoint=sb://h:0;{KEY}"), "has an `Endpoint` that has no valid port"),
            (&format!("Endpoint=sb://u@h;{KEY}"), "has an `Endpoint` that is more than a host and a port"),
            (&format!("Endpoint=sb://h;endpoint=sb://i;{KEY}"), "has `endpoint` twice"),
            (&format!("Endpoint=sb://h;{KEY};SharedAccessSignature=hunter2"), "has both"),
            ("Endpoint=sb://h;SharedAccessSignature=hunter2", "has a `SharedAccessSignature` that is none"),
            (&format!("Endpoint=sb://h;{KEY};UseDevelopmentEmulator=yes"), "neither `true` nor `false`"),
            (&format!("Endpoint=sb://h;{KEY};TransportType=Http"), "neither `Amqp` nor `AmqpWebSockets`"),
        ] {
            let error = ConnectionString::parse(text).err().expect(text);
            assert!(error.starts_with(expected) || error.ends_with(expected), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
