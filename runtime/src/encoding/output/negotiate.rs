//! `negotiate`: the client's `Accept` chooses.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::endpoint::Output;

/// What is offered, in the order of preference.
const OFFERS: [(&str, Output); 4] = [
    ("application/json", Output::Json),
    ("text/plain", Output::Yaml),
    ("application/xml", Output::Xml),
    ("application/x-yaml", Output::Yaml),
];

/// The encoding for a request with these headers: that of the first type in `Accept` that fits an offer, JSON where none
/// does. Weights do not count, a type may be cut off anywhere, and `text/plain` is YAML: all as gin's `NegotiateFormat`
/// and lura's offers have it (trap 56).
pub(crate) fn negotiated(headers: &HeaderMap) -> Output {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let types = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    types.filter(|accepted| !accepted.is_empty()).find_map(offer).unwrap_or(Output::Json)
}

fn offer(accepted: &str) -> Option<Output> {
    let wanted = accepted.split_once('*').map_or(accepted, |(wanted, _)| wanted);
    OFFERS.into_iter().find(|(offer, _)| offer.starts_with(wanted)).map(|(_, output)| output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_type_that_fits_wins() {
        for (accept, expected) in [
            (None, Output::Json),
            (Some(""), Output::Json),
            (Some("application/json"), Output::Json),
            (Some("application/xml"), Output::Xml),
            (Some("text/plain"), Output::Yaml),
            (Some("application/x-yaml"), Output::Yaml),
            (Some("application/yaml"), Output::Json),
            (Some("text/xml"), Output::Json),
            (Some("image/png, application/xml"), Output::Xml),
            (Some("application/xml;q=0.1, application/json"), Output::Xml),
            (Some("text/*"), Output::Yaml),
            (Some("application/*"), Output::Json),
            (Some("*/*"), Output::Json),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Output::Xml),
            (Some("Application/XML"), Output::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (ACCEPT, accept.parse().unwrap())));
            assert_eq!(negotiated(&headers), expected, "{accept:?}");
        }
    }
}
