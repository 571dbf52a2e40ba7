use serde_json::Value;

use super::Context;

/// A text that is JSON, where what was found is the same JSON.
pub(super) fn same_json(context: &Context<'_>, wanted: &mut Value) {
    let Some(text) = wanted.pointer_mut("/response/body/text") else { return };
    let found = context.found.pointer("/response/body/text").unwrap_or(&Value::Null);
    let parse = |text: &Value| serde_json::from_str::<Value>(text.as_str()?).ok();
    if let (Some(one), Some(other)) = (parse(text), parse(found))
        && one == other
    {
        *text = found.clone();
    }
}
