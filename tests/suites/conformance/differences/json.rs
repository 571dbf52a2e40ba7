//! Texts that mean the same.

use serde_json::Value;

use super::{Context, Difference};

pub(super) const ALL: &[Difference] = &[Difference {
    name: "order of keys, escapes",
    why: "JSON keys keep the order of their source and strings their escapes; a JSON parser sees no difference. \
          Numbers are compared as they are written",
    apply: same_json,
}];

/// A text that is JSON, where what was found is the same JSON.
fn same_json(context: &Context<'_>, wanted: &mut Value) {
    let Some(text) = wanted.pointer_mut("/response/body/text") else { return };
    let found = context.found.pointer("/response/body/text").unwrap_or(&Value::Null);
    let parse = |text: &Value| serde_json::from_str::<Value>(text.as_str()?).ok();
    if let (Some(one), Some(other)) = (parse(text), parse(found))
        && one == other
    {
        *text = found.clone();
    }
}
