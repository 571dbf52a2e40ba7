//! `auth/*`.

use crate::syntax::kind::{Kind, Record, key};

pub(crate) static AUTH_VALIDATOR: Record = Record {
    what: "`auth/validator`",
    required: &[],
    former: &[],
    keys: &[
        key(
            "alg",
            Kind::Choice(&[
                "EdDSA", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256",
                "PS384", "PS512",
            ]),
        ),
        key("audience", Kind::List(&Kind::Text)),
        key("auth_header_name", Kind::Text),
        key("cache", Kind::Bool),
        key("cache_duration", Kind::Integer),
        key("cipher_suites", Kind::List(&Kind::Number)),
        key("cookie_key", Kind::Text),
        key("cypher_key", Kind::Text),
        key("disable_jwk_security", Kind::Bool),
        key("failed_jwk_key_cooldown", Kind::Duration),
        key("issuer", Kind::Text),
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        key("jwk_local_ca", Kind::Text),
        key("jwk_local_path", Kind::Text),
        key("jwk_url", Kind::Text),
        key("key_identify_strategy", Kind::Choice(&["kid", "x5t", "x5t#S256", "kid_x5t"])),
        key("leeway", Kind::Duration),
        key("operation_debug", Kind::Bool),
        key("propagate_claims", Kind::List(&Kind::List(&Kind::Text))),
        key("propagate_claims_preserve_array", Kind::Bool),
        key("roles", Kind::List(&Kind::Text)),
        key("roles_key", Kind::Text),
        key("roles_key_is_nested", Kind::Bool),
        key("scopes", Kind::List(&Kind::Text)),
        key("scopes_key", Kind::Text),
        key("scopes_matcher", Kind::Choice(&["any", "all"])),
        key("secret_url", Kind::Text),
    ],
};

pub(crate) static AUTH_VALIDATOR_SERVICE: Record = Record {
    what: "`auth/validator`",
    required: &["shared_cache_duration"],
    former: &[],
    keys: &[key("shared_cache_duration", Kind::Integer)],
};

pub(crate) static AUTH_SIGNER: Record = Record {
    what: "`auth/signer`",
    required: &["alg", "kid", "keys_to_sign"],
    former: &[],
    keys: &[
        key(
            "alg",
            Kind::Choice(&[
                "EdDSA", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256",
                "PS384", "PS512",
            ]),
        ),
        key("cipher_suites", Kind::List(&Kind::Number)),
        key("cypher_key", Kind::Text),
        key("disable_jwk_security", Kind::Bool),
        key("full", Kind::Bool),
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        key("jwk_local_ca", Kind::Text),
        key("jwk_local_path", Kind::Text),
        key("jwk_url", Kind::Text),
        key("keys_to_sign", Kind::List(&Kind::Text)),
        key("kid", Kind::Text),
        key("leeway", Kind::Duration),
        key("secret_url", Kind::Text),
    ],
};

pub(crate) static AUTH_REVOKER: Record = Record {
    what: "`auth/revoker`",
    required: &["N", "P", "hash_name", "TTL", "port", "token_keys"],
    former: &[],
    keys: &[
        key("N", Kind::Integer),
        key("P", Kind::Number),
        key("TTL", Kind::Integer),
        key("hash_name", Kind::Choice(&["optimal", "default"])),
        key("port", Kind::Integer),
        key("revoke_server_api_key", Kind::Text),
        key("revoke_server_max_retries", Kind::Integer),
        key("revoke_server_max_workers", Kind::Integer),
        key("revoke_server_ping_interval", Kind::Duration),
        key("revoke_server_ping_url", Kind::Text),
        key("token_keys", Kind::List(&Kind::Text)),
    ],
};
