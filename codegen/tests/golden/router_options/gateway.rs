// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "8778bb756fe02dbd2edf4c02c2a57180b2c14e6a2ef72d07b0b4d5a399781006",
    ROUTES,
)
.router(
    RouterOptions::DEFAULT
        .auto_options(true)
        .hide_version_header(true)
        .disable_redirect_trailing_slash(true)
        .disable_redirect_fixed_path(true)
        .disable_handle_method_not_allowed(true)
        .remove_extra_slash(true)
        .disable_path_decoding(true)
        .return_error_msg(true)
        .health_path("/healthy")
        .error_body_404(r#"{"b":1,"a":"nothing here"}"#)
        .error_body_405(r#"{"allowed":[null,1.50]}"#),
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS];

/// `GET /users`, gateway.json:19:5
///
/// Calls `GET http://users:8080/users`.
static GET_USERS: Endpoint<Http> = Endpoint::new(
    Get,
    "/users",
    "gateway.json:19:5",
    Http::new(Get, &["http://users:8080"], &[Text("/users")]),
);
