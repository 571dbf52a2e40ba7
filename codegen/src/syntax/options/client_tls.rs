//! `client_tls`.

use crate::syntax::kind::{Kind, Record, described, key};

pub(crate) static CLIENT_TLS_CLIENT_CERTS: Record = Record {
    what: "one of `client_tls.client_certs`",
    required: &["certificate", "private_key"],
    former: &[],
    keys: described![
        /// The path of the certificate, in PEM.
        key("certificate", Kind::Text),
        /// The path of its key, in PEM.
        key("private_key", Kind::Text),
    ],
};

pub(crate) static CLIENT_TLS: Record = Record {
    what: "`client_tls`",
    required: &[],
    former: &[],
    keys: described![
        /// Accepts any certificate of a backend: whoever is on the way can be the backend. Default: false.
        key("allow_insecure_connections", Kind::Bool),
        /// The paths of authorities to trust, in PEM, besides the system's.
        key("ca_certs", Kind::List(&Kind::Text)),
        /// The cipher suites by their IANA numbers: 4865, 4866 and 4867 for TLS 1.3; 49195, 49196, 49199, 49200, 52392
        /// and 52393 for TLS 1.2.
        key("cipher_suites", Kind::List(&Kind::Integer)),
        /// The gateway's own certificates, for backends that ask for one.
        key("client_certs", Kind::List(&Kind::Record(&CLIENT_TLS_CLIENT_CERTS))),
        /// The curves for the key exchange by their numbers: 23 (P-256), 24 (P-384), 25 (P-521), 29 (X25519), 4588
        /// (X25519 with ML-KEM-768).
        key("curve_preferences", Kind::List(&Kind::Integer)),
        /// Trusts only `ca_certs`, and not the system's authorities. Default: false.
        key("disable_system_ca_pool", Kind::Bool),
        /// The newest version of TLS that is spoken: `TLS12` or `TLS13`. Default: `TLS13`.
        key("max_version", Kind::Choice(&["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"])),
        /// The oldest version of TLS that is spoken: `TLS12` or `TLS13`. Default: `TLS13`.
        key("min_version", Kind::Choice(&["SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"])),
    ],
};
