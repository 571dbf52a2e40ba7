//! `modifier/martian`: a tree of modifiers, each an object with one key.

use crate::syntax::kind::{Kind, PORT, Record, key};

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
    keys: &[
        key("body.Modifier", Kind::Record(&BODY_MODIFIER)),
        key("cookie.Filter", Kind::Record(&COOKIE_FILTER)),
        key("cookie.Modifier", Kind::Record(&COOKIE_MODIFIER)),
        key("fifo.Group", Kind::Record(&FIFO_GROUP)),
        key("header.Append", Kind::Record(&HEADER_APPEND)),
        key("header.Blacklist", Kind::Record(&HEADER_BLACKLIST)),
        key("header.Copy", Kind::Record(&HEADER_COPY)),
        key("header.Filter", Kind::Record(&HEADER_FILTER)),
        key("header.Id", Kind::Record(&HEADER_ID)),
        key("header.Modifier", Kind::Record(&HEADER_MODIFIER)),
        key("header.RegexFilter", Kind::Record(&HEADER_REGEX_FILTER)),
        key("port.Filter", Kind::Record(&PORT_FILTER)),
        key("port.Modifier", Kind::Record(&PORT_MODIFIER)),
        key("priority.Group", Kind::Record(&PRIORITY_GROUP)),
        key("querystring.Filter", Kind::Record(&QUERYSTRING_FILTER)),
        key("querystring.Modifier", Kind::Record(&QUERYSTRING_MODIFIER)),
        key("stash.Modifier", Kind::Record(&STASH_MODIFIER)),
        key("static.Modifier", Kind::Record(&STATIC_MODIFIER)),
        key("status.Modifier", Kind::Record(&STATUS_MODIFIER)),
        key("url.Filter", Kind::Record(&URL_FILTER)),
        key("url.Modifier", Kind::Record(&URL_MODIFIER)),
        key("url.RegexFilter", Kind::Record(&URL_REGEX_FILTER)),
    ],
};

/// One of the `modifiers` of a `priority.Group`.
static PRIORITISED: Record = Record {
    what: "one of `priority.Group.modifiers`",
    required: &["priority", "modifier"],
    former: &[],
    keys: &[key("priority", Kind::Integer), key("modifier", Kind::OneOf(&MODIFIER))],
};

static BODY_MODIFIER: Record = Record {
    what: "`body.Modifier`",
    required: &[SCOPE, "body"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("body", Kind::Base64), key("contentType", Kind::Mime)],
};

static COOKIE_FILTER: Record = Record {
    what: "`cookie.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, REQUEST),
        key("name", Kind::Filled),
        key("value", Kind::Text),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static COOKIE_MODIFIER: Record = Record {
    what: "`cookie.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("name", Kind::Filled),
        key("value", Kind::Text),
        key("domain", Kind::Text),
        key("path", Kind::Text),
        key("expires", Kind::Time),
        key("maxAge", Kind::Integer),
        key("httpOnly", Kind::Bool),
        key("secure", Kind::Bool),
    ],
};

static FIFO_GROUP: Record = Record {
    what: "`fifo.Group`",
    required: &[SCOPE, "modifiers"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("modifiers", Kind::List(&Kind::OneOf(&MODIFIER))),
        key("aggregateErrors", Kind::Bool),
    ],
};

static HEADER_APPEND: Record = Record {
    what: "`header.Append`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("name", Kind::HeaderName), key("value", Kind::Text)],
};

static HEADER_BLACKLIST: Record = Record {
    what: "`header.Blacklist`",
    required: &[SCOPE, "names"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("names", Kind::List(&Kind::HeaderName))],
};

static HEADER_COPY: Record = Record {
    what: "`header.Copy`",
    required: &[SCOPE, "from", "to"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("from", Kind::HeaderName), key("to", Kind::HeaderName)],
};

static HEADER_FILTER: Record = Record {
    what: "`header.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("name", Kind::HeaderName),
        key("value", Kind::Text),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static HEADER_ID: Record = Record {
    what: "`header.Id`",
    required: &[SCOPE],
    former: &[],
    keys: &[key(SCOPE, REQUEST), key("header", Kind::HeaderName)],
};

static HEADER_MODIFIER: Record = Record {
    what: "`header.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("name", Kind::HeaderName), key("value", Kind::Text)],
};

static HEADER_REGEX_FILTER: Record = Record {
    what: "`header.RegexFilter`",
    required: &[SCOPE, "header", "regex", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("header", Kind::HeaderName),
        key("regex", Kind::Regex),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static PORT_FILTER: Record = Record {
    what: "`port.Filter`",
    required: &[SCOPE, "port", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, REQUEST),
        key("port", PORT),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static PORT_MODIFIER: Record = Record {
    what: "`port.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: &[key(SCOPE, REQUEST), key("port", PORT), key("defaultForScheme", Kind::Bool), key("remove", Kind::Bool)],
};

static PRIORITY_GROUP: Record = Record {
    what: "`priority.Group`",
    required: &[SCOPE, "modifiers"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("modifiers", Kind::List(&Kind::Record(&PRIORITISED)))],
};

static QUERYSTRING_FILTER: Record = Record {
    what: "`querystring.Filter`",
    required: &[SCOPE, "name", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("name", Kind::Filled),
        key("value", Kind::Text),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static QUERYSTRING_MODIFIER: Record = Record {
    what: "`querystring.Modifier`",
    required: &[SCOPE, "name", "value"],
    former: &[],
    keys: &[key(SCOPE, REQUEST), key("name", Kind::Filled), key("value", Kind::Text)],
};

static STASH_MODIFIER: Record = Record {
    what: "`stash.Modifier`",
    required: &[SCOPE, "headerName"],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("headerName", Kind::HeaderName)],
};

static STATIC_MODIFIER: Record = Record {
    what: "`static.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: &[key(SCOPE, BOTH), key("rootPath", Kind::Filled), key("explicitPaths", Kind::Map(&Kind::Text))],
};

static STATUS_MODIFIER: Record = Record {
    what: "`status.Modifier`",
    required: &[SCOPE, "statusCode"],
    former: &[],
    keys: &[key(SCOPE, RESPONSE), key("statusCode", Kind::Between(100, 599))],
};

static URL_FILTER: Record = Record {
    what: "`url.Filter`",
    required: &[SCOPE, "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, BOTH),
        key("scheme", URL_SCHEME),
        key("host", Kind::Filled),
        key("path", Kind::Text),
        key("query", Kind::Text),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};

static URL_MODIFIER: Record = Record {
    what: "`url.Modifier`",
    required: &[SCOPE],
    former: &[],
    keys: &[
        key(SCOPE, REQUEST),
        key("scheme", URL_SCHEME),
        key("host", Kind::Filled),
        key("path", Kind::Text),
        key("query", Kind::Text),
    ],
};

static URL_REGEX_FILTER: Record = Record {
    what: "`url.RegexFilter`",
    required: &[SCOPE, "regex", "modifier"],
    former: &[],
    keys: &[
        key(SCOPE, REQUEST),
        key("regex", Kind::Regex),
        key("modifier", Kind::OneOf(&MODIFIER)),
        key("else", Kind::OneOf(&MODIFIER)),
    ],
};
