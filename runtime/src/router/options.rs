use http::HeaderValue;

pub use crate::client_ip::Proxies;

/// What `extra_config.router` of a gateway.json says about matching and about the router's own answers.
///
/// Every field has a builder function of its name, so that it can be written as a `static`:
///
/// ```
/// use sluicegate_runtime::router::RouterOptions;
/// static OPTIONS: RouterOptions = RouterOptions::DEFAULT.auto_options(true).health_path("/up");
/// assert!(OPTIONS.auto_options && !OPTIONS.disable_health);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterOptions {
    /// `error_body.404`: JSON sent instead of the text `404 page not found`.
    pub error_body_404: Option<&'static str>,
    /// `error_body.405`: JSON sent instead of the text `405 method not allowed`.
    pub error_body_405: Option<&'static str>,
    /// Answer `OPTIONS` on every endpoint with 200 and `Allow`.
    pub auto_options: bool,
    /// Send `X-Krakend: Version undefined`.
    pub hide_version_header: bool,
    /// No redirect between `/a` and `/a/`. [`Self::disable_redirect_fixed_path`] redirects there too, so
    /// this one alone changes nothing, as in KrakenD.
    pub disable_redirect_trailing_slash: bool,
    /// No redirect to the path without `//`, `.` and `..`, compared without regard to case.
    pub disable_redirect_fixed_path: bool,
    /// 404 instead of 405 where the path exists with another method.
    pub disable_handle_method_not_allowed: bool,
    /// Remove `//`, `.` and `..` before matching, instead of redirecting.
    pub remove_extra_slash: bool,
    /// Let path parameters contain `%`, `?` and `#` after decoding, instead of answering 400.
    pub disable_path_decoding: bool,
    /// Send the text of an error to the client (KrakenD trap 22). The router's own answers do not depend on it.
    pub return_error_msg: bool,
    /// Where the health endpoint is.
    pub health_path: &'static str,
    /// No health endpoint.
    pub disable_health: bool,
    /// Who is believed about the client's address; every proxy, as in KrakenD, when absent.
    pub proxies: Option<Proxies>,
    /// Log a line for each request but those to these decoded paths.
    pub access_log: Option<&'static [&'static str]>,
    /// `debug_endpoint`: answer `/__debug/*`.
    pub debug_endpoint: bool,
    /// `echo_endpoint`: answer `/__echo/*` with the request itself.
    pub echo_endpoint: bool,
}

macro_rules! builders {
    ($($name:ident: $type:ty),* $(,)?) => {
        impl RouterOptions {
            $(
                #[doc = concat!("Sets [`Self::", stringify!($name), "`](struct@RouterOptions).")]
                #[must_use]
                pub const fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

builders! {
    auto_options: bool,
    hide_version_header: bool,
    disable_redirect_trailing_slash: bool,
    disable_redirect_fixed_path: bool,
    disable_handle_method_not_allowed: bool,
    remove_extra_slash: bool,
    disable_path_decoding: bool,
    return_error_msg: bool,
    health_path: &'static str,
    disable_health: bool,
    debug_endpoint: bool,
    echo_endpoint: bool,
}

impl RouterOptions {
    /// KrakenD's defaults: redirects, 405 and the health endpoint are on.
    pub const DEFAULT: Self = Self {
        error_body_404: None,
        error_body_405: None,
        auto_options: false,
        hide_version_header: false,
        disable_redirect_trailing_slash: false,
        disable_redirect_fixed_path: false,
        disable_handle_method_not_allowed: false,
        remove_extra_slash: false,
        disable_path_decoding: false,
        return_error_msg: false,
        health_path: "/__health",
        disable_health: false,
        proxies: None,
        access_log: None,
        debug_endpoint: false,
        echo_endpoint: false,
    };

    /// Sets the JSON of a 404.
    #[must_use]
    pub const fn error_body_404(mut self, json: &'static str) -> Self {
        self.error_body_404 = Some(json);
        self
    }

    /// Sets the JSON of a 405.
    #[must_use]
    pub const fn error_body_405(mut self, json: &'static str) -> Self {
        self.error_body_405 = Some(json);
        self
    }

    /// Sets who is believed about the client's address.
    #[must_use]
    pub const fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Logs a line for each request, but for those to these paths.
    #[must_use]
    pub const fn access_log(mut self, skipped: &'static [&'static str]) -> Self {
        self.access_log = Some(skipped);
        self
    }

    /// The value of `X-Krakend`: the product and its version, or `Version undefined` when it is hidden.
    /// Does not allocate.
    pub const fn version_header(&self) -> HeaderValue {
        if self.hide_version_header {
            HeaderValue::from_static("Version undefined")
        } else {
            HeaderValue::from_static(concat!("Sluicegate ", env!("CARGO_PKG_VERSION")))
        }
    }
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
