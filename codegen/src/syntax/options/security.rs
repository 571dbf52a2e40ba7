//! `security/*`.

use crate::syntax::kind::{Kind, Record, SIZE, key};

pub(crate) static SECURITY_CORS: Record = Record {
    what: "`security/cors`",
    required: &[],
    former: &[],
    keys: &[
        key("allow_credentials", Kind::Bool),
        key("allow_headers", Kind::List(&Kind::HeaderName)),
        key("allow_methods", Kind::List(&Kind::Text)),
        key("allow_origins", Kind::List(&Kind::Text)),
        key("allow_private_network", Kind::Bool),
        key("debug", Kind::Bool),
        key("expose_headers", Kind::List(&Kind::HeaderName)),
        key("max_age", Kind::Duration),
        key("options_passthrough", Kind::Bool),
        key("options_success_status", Kind::Between(200, 299)),
    ],
};

pub(crate) static SECURITY_HTTP: Record = Record {
    what: "`security/http`",
    required: &[],
    former: &[],
    keys: &[
        key("allowed_hosts", Kind::List(&Kind::Filled)),
        key("allowed_hosts_are_regex", Kind::Bool),
        key("browser_xss_filter", Kind::Bool),
        key("content_security_policy", Kind::Text),
        key("content_type_nosniff", Kind::Bool),
        key("custom_frame_options_value", Kind::Text),
        key("force_sts_header", Kind::Bool),
        key("frame_deny", Kind::Bool),
        key("host_proxy_headers", Kind::List(&Kind::HeaderName)),
        key("hpkp_public_key", Kind::Text),
        key("is_development", Kind::Bool),
        key("referrer_policy", Kind::Text),
        key("ssl_host", Kind::Text),
        key("ssl_proxy_headers", Kind::Map(&Kind::Text)),
        key("ssl_redirect", Kind::Bool),
        key("sts_include_subdomains", Kind::Bool),
        key("sts_seconds", SIZE),
    ],
};

pub(crate) static SECURITY_BOT_DETECTOR: Record = Record {
    what: "`security/bot-detector`",
    required: &[],
    former: &[("whitelist", "allow"), ("blacklist", "deny")],
    keys: &[
        key("allow", Kind::List(&Kind::Text)),
        key("cache_size", SIZE),
        key("deny", Kind::List(&Kind::Text)),
        key("empty_user_agent_is_bot", Kind::Bool),
        key("patterns", Kind::List(&Kind::Regex)),
    ],
};
