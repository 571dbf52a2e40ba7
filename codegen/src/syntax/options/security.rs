//! `security/*`.

use crate::syntax::kind::{Kind, Record, SIZE, described, key};

pub(crate) static SECURITY_CORS: Record = Record {
    what: "`security/cors`",
    required: &[],
    former: &[],
    keys: described![
        /// Lets pages send cookies and logins. Default: false.
        key("allow_credentials", Kind::Bool),
        /// The headers that pages may send. Default: all.
        key("allow_headers", Kind::List(&Kind::HeaderName)),
        /// The methods that pages may use. Default: `GET`, `HEAD`, `POST`.
        key("allow_methods", Kind::List(&Kind::Text)),
        /// The origins of pages that may call: `https://example.com`. Default: `*`, all.
        key("allow_origins", Kind::List(&Kind::Text)),
        /// Lets pages of public networks call into a private one. Default: false.
        key("allow_private_network", Kind::Bool),
        /// Logs what is decided. Default: false.
        key("debug", Kind::Bool),
        /// The headers of an answer that pages may read. Default: `Content-Length`, `Content-Type`.
        key("expose_headers", Kind::List(&Kind::HeaderName)),
        /// How long browsers may keep what they were told. Default: `0h`.
        key("max_age", Kind::Duration),
        /// Hands preflight requests on to endpoints. Default: false.
        key("options_passthrough", Kind::Bool),
        /// The status of preflight requests, 200 to 299. Default: 200.
        key("options_success_status", Kind::Between(200, 299)),
    ],
};

pub(crate) static SECURITY_HTTP: Record = Record {
    what: "`security/http`",
    required: &[],
    former: &[],
    keys: described![
        /// The host names that may be asked for. Default: all.
        key("allowed_hosts", Kind::List(&Kind::Filled)),
        /// Whether `allowed_hosts` are regular expressions. Default: false.
        key("allowed_hosts_are_regex", Kind::Bool),
        /// Sends `X-XSS-Protection: 1; mode=block`. Default: false.
        key("browser_xss_filter", Kind::Bool),
        /// The value of `Content-Security-Policy`. Default: no such header.
        key("content_security_policy", Kind::Text),
        /// Sends `X-Content-Type-Options: nosniff`. Default: false.
        key("content_type_nosniff", Kind::Bool),
        /// The value of `X-Frame-Options`, instead of what `frame_deny` sends.
        key("custom_frame_options_value", Kind::Text),
        /// Sends `Strict-Transport-Security` over plain HTTP too. Default: false.
        key("force_sts_header", Kind::Bool),
        /// Sends `X-Frame-Options: DENY`. Default: false.
        key("frame_deny", Kind::Bool),
        /// The headers of proxies that hold the host name that was asked for.
        key("host_proxy_headers", Kind::List(&Kind::HeaderName)),
        /// The value of `Public-Key-Pins`, which browsers do not read any more.
        key("hpkp_public_key", Kind::Text),
        /// Turns all of this off, for development. Default: false.
        key("is_development", Kind::Bool),
        /// The value of `Referrer-Policy`.
        key("referrer_policy", Kind::Text),
        /// The host that `ssl_redirect` leads to. Default: the one that was asked for.
        key("ssl_host", Kind::Text),
        /// Headers and their values by which a proxy says that the client came over TLS: `X-Forwarded-Proto: https`.
        key("ssl_proxy_headers", Kind::Map(&Kind::Text)),
        /// Leads plain HTTP to HTTPS.
        key("ssl_redirect", Kind::Bool),
        /// Adds `includeSubDomains` to `Strict-Transport-Security`. Default: false.
        key("sts_include_subdomains", Kind::Bool),
        /// The `max-age` of `Strict-Transport-Security`, in seconds. Default: 0, no such header.
        key("sts_seconds", SIZE),
    ],
};

pub(crate) static SECURITY_BOT_DETECTOR: Record = Record {
    what: "`security/bot-detector`",
    required: &[],
    former: &[("whitelist", "allow"), ("blacklist", "deny")],
    keys: described![
        /// The exact values of `User-Agent` that are let pass.
        key("allow", Kind::List(&Kind::Text)),
        /// How many decisions are kept. Default: 0, none.
        key("cache_size", SIZE),
        /// The exact values of `User-Agent` that are answered 403.
        key("deny", Kind::List(&Kind::Text)),
        /// Answers 403 where there is no `User-Agent`. Default: false.
        key("empty_user_agent_is_bot", Kind::Bool),
        /// Regular expressions of `User-Agent` that are answered 403.
        key("patterns", Kind::List(&Kind::Regex)),
    ],
};
