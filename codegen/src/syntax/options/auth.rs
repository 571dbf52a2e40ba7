//! `auth/*`.

use crate::syntax::kind::{COUNT, Kind, PORT, Record, SIZE, WEB, described, key};

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
    keys: described![
        /// The algorithm that tokens are signed with. Default: `RS256`.
        key("alg", Kind::Choice(ALGORITHMS)),
        /// The audiences that a token has to name, all of them.
        key("audience", Kind::List(&Kind::Filled)),
        /// The header that holds the token. Default: `Authorization`.
        key("auth_header_name", Kind::HeaderName),
        /// Keeps the keys that were fetched. Default: false.
        key("cache", Kind::Bool),
        /// How long keys are kept, in seconds. Default: 900.
        key("cache_duration", SIZE),
        /// The cipher suites for fetching keys, by their IANA numbers.
        key("cipher_suites", Kind::List(&Kind::Integer)),
        /// The cookie that holds the token where no header does. Default: `access_token`.
        key("cookie_key", Kind::Filled),
        /// The key that `jwk_local_path` is encrypted with.
        key("cypher_key", Kind::Text),
        /// Fetches keys over plain HTTP: whoever is on the way could exchange them. Default: false.
        key("disable_jwk_security", Kind::Bool),
        /// How long keys are not fetched again for a key id that was not there.
        key("failed_jwk_key_cooldown", Kind::Duration),
        /// Who has to have issued a token.
        key("issuer", Kind::Text),
        /// The fingerprints of certificates that keys may be fetched from, in Base64.
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        /// The path of an authority, in PEM, for fetching keys.
        key("jwk_local_ca", Kind::Text),
        /// The path of a file of keys (JWK Set), instead of `jwk_url`.
        key("jwk_local_path", Kind::Filled),
        /// The URL that the keys (JWK Set) are fetched from.
        key("jwk_url", WEB),
        /// What of a token's header chooses the key: `kid`, `x5t`, `x5t#S256` or `kid_x5t`. Default: `kid`.
        key("key_identify_strategy", Kind::Choice(&["kid", "x5t", "x5t#S256", "kid_x5t"])),
        /// How far clocks may be apart. Default: `1s`.
        key("leeway", Kind::Duration),
        /// Logs why tokens are refused. Default: false.
        key("operation_debug", Kind::Bool),
        /// Claims that backends get as headers: pairs of a claim and a header, which `input_headers` has to list.
        key("propagate_claims", Kind::List(&Kind::Tuple(CLAIM_TO_HEADER))),
        /// Writes a claim that is a list as a header for each item. Default: false.
        key("propagate_claims_preserve_array", Kind::Bool),
        /// The roles of which a token needs one.
        key("roles", Kind::List(&Kind::Filled)),
        /// The claim that holds the roles: a list, or a text with spaces. Default: `roles`.
        key("roles_key", Kind::Filled),
        /// Whether the dots of `roles_key` lead into objects. Default: false.
        key("roles_key_is_nested", Kind::Bool),
        /// The scopes that a token needs, by `scopes_matcher`.
        key("scopes", Kind::List(&Kind::Filled)),
        /// The claim that holds the scopes.
        key("scopes_key", Kind::Filled),
        /// Whether a token needs `any` of the scopes or `all`. Default: `any`.
        key("scopes_matcher", Kind::Choice(&["any", "all"])),
        /// Where the key lies that `jwk_local_path` is encrypted with: `awskms://...`.
        key("secret_url", SECRET_URL),
    ],
};

pub(crate) static AUTH_VALIDATOR_SERVICE: Record = Record {
    what: "`auth/validator`",
    required: &["shared_cache_duration"],
    former: &[],
    keys: described![
        /// How long keys are kept for all endpoints together, in seconds.
        key("shared_cache_duration", COUNT),
    ],
};

pub(crate) static AUTH_SIGNER: Record = Record {
    what: "`auth/signer`",
    required: &["alg", "kid", "keys_to_sign"],
    former: &[],
    keys: described![
        /// The algorithm to sign with.
        key("alg", Kind::Choice(ALGORITHMS)),
        /// The cipher suites for fetching keys, by their IANA numbers.
        key("cipher_suites", Kind::List(&Kind::Integer)),
        /// The key that `jwk_local_path` is encrypted with.
        key("cypher_key", Kind::Text),
        /// Fetches keys over plain HTTP. Default: false.
        key("disable_jwk_security", Kind::Bool),
        /// Writes the signature in JSON form instead of the compact one. Default: false.
        key("full", Kind::Bool),
        /// The fingerprints of certificates that keys may be fetched from, in Base64.
        key("jwk_fingerprints", Kind::List(&Kind::Text)),
        /// The path of an authority, in PEM, for fetching keys.
        key("jwk_local_ca", Kind::Text),
        /// The path of a file of keys (JWK Set), instead of `jwk_url`.
        key("jwk_local_path", Kind::Filled),
        /// The URL that the keys (JWK Set) are fetched from.
        key("jwk_url", WEB),
        /// The members of the answer to sign: `access_token`.
        key("keys_to_sign", Kind::List(&Kind::Filled)),
        /// The id of the key to sign with.
        key("kid", Kind::Filled),
        /// How far clocks may be apart. Default: `1s`.
        key("leeway", Kind::Duration),
        /// Where the key lies that `jwk_local_path` is encrypted with: `awskms://...`.
        key("secret_url", SECRET_URL),
    ],
};

pub(crate) static AUTH_REVOKER: Record = Record {
    what: "`auth/revoker`",
    required: &["N", "P", "hash_name", "TTL", "port", "token_keys"],
    former: &[],
    keys: described![
        /// How many tokens the bloom filter is made for.
        key("N", COUNT),
        /// How likely it is that a token is taken for a revoked one, between 0 and 1.
        key("P", Kind::Inside(0.0, 1.0)),
        /// How long a token can be valid, in seconds.
        key("TTL", COUNT),
        /// The hash of the bloom filter: `optimal` or `default`.
        key("hash_name", Kind::Choice(&["optimal", "default"])),
        /// The port of the RPC service that tokens are revoked by.
        key("port", PORT),
        /// The key for the revoke server.
        key("revoke_server_api_key", Kind::Text),
        /// How often the revoke server is tried again. Default: 0.
        key("revoke_server_max_retries", Kind::Integer),
        /// How many requests to the revoke server may run at once. Default: 5.
        key("revoke_server_max_workers", Kind::Integer),
        /// How often the revoke server is told that this gateway lives.
        key("revoke_server_ping_interval", Kind::Duration),
        /// The URL of the revoke server.
        key("revoke_server_ping_url", WEB),
        /// The claims that tokens are revoked by: `jti`.
        key("token_keys", Kind::List(&Kind::Filled)),
    ],
};
