//! `auth/*`.

use crate::syntax::kind::{COUNT, Kind, PORT, Record, SIZE, WEB, key};

/// What signs a token.
const ALGORITHMS: &[&str] = &[
    "EdDSA", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
];

/// Where the secret is kept that a file of keys is encrypted with.
const SECRET_URL: Kind = Kind::Url(&["base64key", "awskms", "azurekeyvault", "gcpkms", "hashivault"]);

/// A claim, and the header that it becomes.
const CLAIM_TO_HEADER: &[Kind] = &[Kind::Filled, Kind::HeaderName];

/// `auth/validator` of an endpoint.
pub(crate) static AUTH_VALIDATOR: Record = Record {
    what: "`auth/validator`",
    required: &[],
    former: &[],
    keys: &[
        key("alg", Kind::Choice(ALGORITHMS)),
        key("audience", Kind::List(&Kind::Filled)),
        key("auth_header_name", Kind::HeaderName),
        key("cache", Kind::Bool),
        key("cache_duration", SIZE),
        key("cipher_suites", Kind::List(&Kind::Integer)),
        key("cookie_key", Kind::Filled),
        key("cypher_key", Kind::Text),
        key("disable_jwk_security", Kind::Bool),
        key("failed_jwk_key_cooldown", Kind::Duration),
        key("issuer", Kind::Text),
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        key("jwk_local_ca", Kind::Text),
        key("jwk_local_path", Kind::Filled),
        key("jwk_url", WEB),
        key("key_identify_strategy", Kind::Choice(&["kid", "x5t", "x5t#S256", "kid_x5t"])),
        key("leeway", Kind::Duration),
        key("operation_debug", Kind::Bool),
        key("propagate_claims", Kind::List(&Kind::Tuple(CLAIM_TO_HEADER))),
        key("propagate_claims_preserve_array", Kind::Bool),
        key("roles", Kind::List(&Kind::Filled)),
        key("roles_key", Kind::Filled),
        key("roles_key_is_nested", Kind::Bool),
        key("scopes", Kind::List(&Kind::Filled)),
        key("scopes_key", Kind::Filled),
        key("scopes_matcher", Kind::Choice(&["any", "all"])),
        key("secret_url", SECRET_URL),
    ],
};

pub(crate) static AUTH_VALIDATOR_SERVICE: Record = Record {
    what: "`auth/validator`",
    required: &["shared_cache_duration"],
    former: &[],
    keys: &[key("shared_cache_duration", COUNT)],
};

pub(crate) static AUTH_SIGNER: Record = Record {
    what: "`auth/signer`",
    required: &["alg", "kid", "keys_to_sign"],
    former: &[],
    keys: &[
        key("alg", Kind::Choice(ALGORITHMS)),
        key("cipher_suites", Kind::List(&Kind::Integer)),
        key("cypher_key", Kind::Text),
        key("disable_jwk_security", Kind::Bool),
        key("full", Kind::Bool),
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        key("jwk_local_ca", Kind::Text),
        key("jwk_local_path", Kind::Filled),
        key("jwk_url", WEB),
        key("keys_to_sign", Kind::List(&Kind::Filled)),
        key("kid", Kind::Filled),
        key("leeway", Kind::Duration),
        key("secret_url", SECRET_URL),
    ],
};

pub(crate) static AUTH_REVOKER: Record = Record {
    what: "`auth/revoker`",
    required: &["N", "P", "hash_name", "TTL", "port", "token_keys"],
    former: &[],
    keys: &[
        key("N", COUNT),
        key("P", Kind::Inside(0.0, 1.0)),
        key("TTL", COUNT),
        key("hash_name", Kind::Choice(&["optimal", "default"])),
        key("port", PORT),
        key("revoke_server_api_key", Kind::Text),
        key("revoke_server_max_retries", Kind::Integer),
        key("revoke_server_max_workers", Kind::Integer),
        key("revoke_server_ping_interval", Kind::Duration),
        key("revoke_server_ping_url", WEB),
        key("token_keys", Kind::List(&Kind::Filled)),
    ],
};
