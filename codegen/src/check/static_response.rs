//! `proxy.static`.

use crate::model::{StaticResponse, StaticStrategy};
use crate::syntax::Object;

pub(super) fn static_response(options: Object<'_>) -> Option<StaticResponse> {
    let strategy = match options.text("strategy")?.value {
        "always" => StaticStrategy::Always,
        "success" => StaticStrategy::Success,
        "errored" => StaticStrategy::Errored,
        "complete" => StaticStrategy::Complete,
        "incomplete" => StaticStrategy::Incomplete,
        // Reported as an unknown value.
        _ => return None,
    };
    let data = options.object("data")?.node();
    let last = |key: &str| data.member(key).map(|member| member.value.to_json());
    let data = data.members().iter().filter_map(|member| Some((member.key.clone(), last(&member.key)?))).collect();
    Some(StaticResponse { data, strategy })
}
