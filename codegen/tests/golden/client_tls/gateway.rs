// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "33065abaaa6458da4f937920ecbf950ae7ad77796745f20a8fadbbcea139dd89",
    ROUTES,
)
.client(
    ClientOptions::DEFAULT
        .expect_continue_timeout(Some(Duration::from_secs(1)))
        .disable_compression(true)
        .tls(
            ClientTls::DEFAULT
                .disable_system_ca_pool(true)
                .ca_certs(&["cert.pem"])
                .curve_preferences(&[29])
                .cipher_suites(&[4865, 49199])
                .client_certs(&[("cert.pem", "key.pem")]),
        ),
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:29:5
///
/// Calls `GET https://users/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:29:5",
    Http::new(Get, &["https://users"], &[Text("/users")]),
);
