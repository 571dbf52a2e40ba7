// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "4753a3b421d2b909001bde6d6d76555fd60fcc6ec0019fbe91fb97d3be8871f6",
    ROUTES,
)
.server(
    Server::DEFAULT
        .port(8443)
        .listen_ip(ipv6([0xfd00, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1]))
        .read_timeout(Duration::from_secs(10))
        .write_timeout(Duration::from_secs(20))
        .idle_timeout(Duration::from_secs(30))
        .read_header_timeout(Duration::from_millis(1_500))
        .max_shutdown_wait(Duration::from_secs(5))
        .max_header_bytes(65_536)
        .h2c()
        .tls(
            Tls::new(&[("cert.pem", "key.pem")])
                .versions(TlsVersion::Tls12, TlsVersion::Tls13)
                .curve_preferences(&[23, 29])
                .cipher_suites(&[4865, 49199])
                .client_certificates()
                .ca_certs(&["cert.pem"])
                .disable_system_ca_pool(),
        ),
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:23:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:23:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
);
