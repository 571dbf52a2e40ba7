// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "588d264da8f189fd15547ee6c18da65faa5d15d828ad70aeaf2623e1e92756f7",
    ROUTES,
)
.router(
    RouterOptions::DEFAULT
        .debug_endpoint(true)
        .echo_endpoint(true)
        .proxies(
            Proxies::DEFAULT
                .headers(&["cf-connecting-ip"])
                .trusted(&[
                    (ipv4(10, 0, 0, 0), 8),
                    (ipv6([0x2001, 0xdb8, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0]), 32),
                    (ipv4(192, 0, 2, 7), 32),
                ])
                .app_engine(),
        )
        .access_log(&["/__health"]),
)
.baked(&[Baked::new("disable_rest", "true", "gateway.json:6:19")]);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_V_VERSION_USERS];

/// `GET /v{version}/users`, gateway.json:16:5
///
/// Calls `GET http://users:8080/users?v={version}`.
static GET_V_VERSION_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/v{version}/users",
    "gateway.json:16:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users?v="), Param(0)]),
);
