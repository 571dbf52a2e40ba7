//! `client_tls`.

use crate::syntax::kind::{Kind, Record, key};

pub(crate) static CLIENT_TLS_CLIENT_CERTS: Record = Record {
    what: "one of `client_tls.client_certs`",
    required: &["certificate", "private_key"],
    former: &[],
    keys: &[key("certificate", Kind::Text), key("private_key", Kind::Text)],
};

pub(crate) static CLIENT_TLS: Record = Record {
    what: "`client_tls`",
    required: &[],
    former: &[],
    keys: &[
        key("allow_insecure_connections", Kind::Bool),
        key("ca_certs", Kind::List(&Kind::Text)),
        key("cipher_suites", Kind::List(&Kind::Integer)),
        key("client_certs", Kind::List(&Kind::Record(&CLIENT_TLS_CLIENT_CERTS))),
        key("curve_preferences", Kind::List(&Kind::Integer)),
        key("disable_system_ca_pool", Kind::Bool),
        key("max_version", Kind::Choice(&["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"])),
        key("min_version", Kind::Choice(&["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"])),
    ],
};
