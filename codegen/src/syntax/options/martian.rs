//! `modifier/martian`: a tree of modifiers, each an object with one key.

use crate::syntax::kind::{Kind, PORT, Record, described, key};

/// What a modifier acts on. KrakenD ignores a modifier without it.
const SCOPE: &str = "scope";
const BOTH: Kind = Kind::List(&Kind::Choice(&["request", "response"]));
const REQUEST: Kind = Kind::List(&Kind::Choice(&["request"]));
const RESPONSE: Kind = Kind::List(&Kind::Choice(&["response"]));

const URL_SCHEME: Kind = Kind::Choice(&["http", "https"]);

/// Any modifier.
pub(crate) static MODIFIER: Record = Record {
    what: "a Martian modifier",
    required: &[],
    former: &[],
    keys: described![
        /// Sets the body.
        key("body.Modifier", Kind::Record(&BODY_MODIFIER)),
        /// Runs a modifier where there is a cookie.
        key("cookie.Filter", Kind::Record(&COOKIE_FILTER)),
        /// Sets a cookie.
        key("cookie.Modifier", Kind::Record(&COOKIE_MODIFIER)),
        /// Runs modifiers one after the other.
        key("fifo.Group", Kind::Record(&FIFO_GROUP)),
        /// Adds a value to a header.
        key("header.Append", Kind::Record(&HEADER_APPEND)),
        /// Removes headers.
        key("header.Blacklist", Kind::Record(&HEADER_BLACKLIST)),
        /// Copies a header to another.
        key("header.Copy", Kind::Record(&HEADER_COPY)),
        /// Runs a modifier where there is a header.
        key("header.Filter", Kind::Record(&HEADER_FILTER)),
        /// Adds a header with an id of the request.
        key("header.Id", Kind::Record(&HEADER_ID)),
        /// Sets a header.
        key("header.Modifier", Kind::Record(&HEADER_MODIFIER)),
        /// Runs a modifier where a header matches a regular expression.
        key("header.RegexFilter", Kind::Record(&HEADER_REGEX_FILTER)),
        /// Runs a modifier where the URL has a port.
        key("port.Filter", Kind::Record(&PORT_FILTER)),
        /// Sets or removes the port of the URL.
        key("port.Modifier", Kind::Record(&PORT_MODIFIER)),
        /// Runs modifiers by their priority, the highest first.
        key("priority.Group", Kind::Record(&PRIORITY_GROUP)),
        /// Runs a modifier where the query has a parameter.
        key("querystring.Filter", Kind::Record(&QUERYSTRING_FILTER)),
        /// Sets a parameter of the query.
        key("querystring.Modifier", Kind::Record(&QUERYSTRING_MODIFIER)),
        /// Puts the URL of the request into a header, before others change it.
        key("stash.Modifier", Kind::Record(&STASH_MODIFIER)),
        /// Answers with files of a folder.
        key("static.Modifier", Kind::Record(&STATIC_MODIFIER)),
        /// Sets the status of the answer.
        key("status.Modifier", Kind::Record(&STATUS_MODIFIER)),
        /// Runs a modifier where parts of the URL are as given.
        key("url.Filter", Kind::Record(&URL_FILTER)),
        /// Sets parts of the URL.
        key("url.Modifier", Kind::Record(&URL_MODIFIER)),
        /// Runs a modifier where the URL matches a regular expression.
        key("url.RegexFilter", Kind::Record(&URL_REGEX_FILTER)),
    ],
};

/// One of the `modifiers` of a `priority.Group`.
static PRIORITISED: Record = Record {
    what: "one of `priority.Group.modifiers`",
    required: &["priority", "modifier"],
    former: &[],
    keys: described![
        /// A number; the highest runs first.
        key("priority", Kind::Integer),
        /// The modifier.
        key("modifier", Kind::OneOf(&MODIFIER)),
    ],
};

static BODY_MODIFIER: Record = Record {
    what: "`body.Modifier`",
    required: &[SCOPE, "body"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The body, in Base64.
        key("body", Kind::Base64),
        /// Its `Content-Type`.
        key("contentType", Kind::Mime),
    ],
};

static COOKIE_FILTER: Record = Record {
    what: "`cookie.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The name of the cookie.
        key("name", Kind::Filled),
        /// Its value. Default: any.
        key("value", Kind::Text),
        /// What runs where there is such a cookie.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where there is none.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static COOKIE_MODIFIER: Record = Record {
    what: "`cookie.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the cookie.
        key("name", Kind::Filled),
        /// Its value.
        key("value", Kind::Text),
        /// The domain that it is for.
        key("domain", Kind::Text),
        /// The path that it is for.
        key("path", Kind::Text),
        /// When it ends, as RFC 3339 writes it.
        key("expires", Kind::Time),
        /// For how many seconds it is valid. Default: 0.
        key("maxAge", Kind::Integer),
        /// Keeps it from scripts. Default: false.
        key("httpOnly", Kind::Bool),
        /// Sends it over TLS only. Default: false.
        key("secure", Kind::Bool),
    ],
};

static FIFO_GROUP: Record = Record {
    what: "`fifo.Group`",
    required: &[SCOPE, "modifiers"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The modifiers, in their order.
        key("modifiers", Kind::List(&Kind::OneOf(&MODIFIER))),
        /// Runs all modifiers even when one fails. Default: false.
        key("aggregateErrors", Kind::Bool),
    ],
};

static HEADER_APPEND: Record = Record {
    what: "`header.Append`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the header.
        key("name", Kind::HeaderName),
        /// The value to add.
        key("value", Kind::Text),
    ],
};

static HEADER_BLACKLIST: Record = Record {
    what: "`header.Blacklist`",
    required: &[SCOPE, "names"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The names of the headers.
        key("names", Kind::List(&Kind::HeaderName)),
    ],
};

static HEADER_COPY: Record = Record {
    what: "`header.Copy`",
    required: &[SCOPE, "from", "to"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The header to copy.
        key("from", Kind::HeaderName),
        /// The header to set.
        key("to", Kind::HeaderName),
    ],
};

static HEADER_FILTER: Record = Record {
    what: "`header.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the header.
        key("name", Kind::HeaderName),
        /// Its value. Default: any.
        key("value", Kind::Text),
        /// What runs where there is such a header.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where there is none.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static HEADER_ID: Record = Record {
    what: "`header.Id`",
    required: &[SCOPE],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The name of the header. Default: `X-Krakend-Id`.
        key("header", Kind::HeaderName),
    ],
};

static HEADER_MODIFIER: Record = Record {
    what: "`header.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the header.
        key("name", Kind::HeaderName),
        /// Its value.
        key("value", Kind::Text),
    ],
};

static HEADER_REGEX_FILTER: Record = Record {
    what: "`header.RegexFilter`",
    required: &[SCOPE, "header", "regex", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the header.
        key("header", Kind::HeaderName),
        /// The regular expression.
        key("regex", Kind::Regex),
        /// What runs where the header matches.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where it does not.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static PORT_FILTER: Record = Record {
    what: "`port.Filter`",
    required: &[SCOPE, "port", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The port.
        key("port", PORT),
        /// What runs where the URL has this port.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where it has another.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static PORT_MODIFIER: Record = Record {
    what: "`port.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The port to set.
        key("port", PORT),
        /// Sets 80 or 443, by the scheme. Default: false.
        key("defaultForScheme", Kind::Bool),
        /// Removes the port. Default: false.
        key("remove", Kind::Bool),
    ],
};

static PRIORITY_GROUP: Record = Record {
    what: "`priority.Group`",
    required: &[SCOPE, "modifiers"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The modifiers, each with its priority.
        key("modifiers", Kind::List(&Kind::Record(&PRIORITISED))),
    ],
};

static QUERYSTRING_FILTER: Record = Record {
    what: "`querystring.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The name of the parameter.
        key("name", Kind::Filled),
        /// Its value. Default: any.
        key("value", Kind::Text),
        /// What runs where there is such a parameter.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where there is none.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static QUERYSTRING_MODIFIER: Record = Record {
    what: "`querystring.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The name of the parameter.
        key("name", Kind::Filled),
        /// Its value.
        key("value", Kind::Text),
    ],
};

static STASH_MODIFIER: Record = Record {
    what: "`stash.Modifier`",
    required: &[SCOPE, "headerName"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The header that gets the URL.
        key("headerName", Kind::HeaderName),
    ],
};

static STATIC_MODIFIER: Record = Record {
    what: "`static.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The folder of the files.
        key("rootPath", Kind::Filled),
        /// Files by the path that they are asked for with.
        key("explicitPaths", Kind::Map(&Kind::Text)),
    ],
};

static STATUS_MODIFIER: Record = Record {
    what: "`status.Modifier`",
    required: &[SCOPE, "statusCode"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, RESPONSE),
        /// The status, 100 to 599.
        key("statusCode", Kind::Between(100, 599)),
    ],
};

static URL_FILTER: Record = Record {
    what: "`url.Filter`",
    required: &[SCOPE, "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, BOTH),
        /// The scheme to look for.
        key("scheme", URL_SCHEME),
        /// The host to look for.
        key("host", Kind::Filled),
        /// The path to look for.
        key("path", Kind::Text),
        /// The query to look for.
        key("query", Kind::Text),
        /// What runs where the URL is so.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where it is not.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static URL_MODIFIER: Record = Record {
    what: "`url.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The scheme to set.
        key("scheme", URL_SCHEME),
        /// The host to set.
        key("host", Kind::Filled),
        /// The path to set.
        key("path", Kind::Text),
        /// The query to set.
        key("query", Kind::Text),
    ],
};

static URL_REGEX_FILTER: Record = Record {
    what: "`url.RegexFilter`",
    required: &[SCOPE, "regex", "modifier"],
    former: &[],
    keys: described![
        /// What it acts on: `request`, `response` or both.
        key(SCOPE, REQUEST),
        /// The regular expression.
        key("regex", Kind::Regex),
        /// What runs where the URL matches.
        key("modifier", Kind::OneOf(&MODIFIER)),
        /// What runs where it does not.
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};
