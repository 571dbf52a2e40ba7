//! `proxy.flatmap_filter`: its operations, of an endpoint or a backend.

use super::Context;
use super::shape::MAX_LEVELS;
use crate::diagnostic::Diagnostic;
use crate::model::FlatmapOp;
use crate::syntax::Object;
use crate::syntax::kind::At;
use crate::tree::Node;

const WILDCARD: &str = "*";

/// The operations in a list, but for those that were reported.
pub(crate) fn ops(context: &Context<'_>, list: &Node) -> Vec<FlatmapOp> {
    list.items().iter().filter_map(Object::of).flat_map(|op| of_object(context, op)).collect()
}

fn of_object(context: &Context<'_>, op: Object<'_>) -> Vec<FlatmapOp> {
    let Some(kind) = op.text("type") else { return Vec::new() };
    let args = op.texts("args");
    let wanted = match kind.value {
        "move" | "append" => (args.len() == 2, "two paths: from where, and where to"),
        "del" => (!args.is_empty(), "one path or more"),
        // Reported as an unknown value.
        _ => return Vec::new(),
    };
    let Some(node) = op.get("args").filter(|node| node.is_array()) else { return Vec::new() };
    if let ((false, expected), true) = (wanted, node.items().len() == args.len()) {
        let message = match args.len() {
            0 => format!("`{}` has no path", kind.value),
            1 => format!("`{}` has one path", kind.value),
            count => format!("`{}` has {count} paths", kind.value),
        };
        let error = Diagnostic::error("flatmap-args", node.mark(), message).label(format!("expected {expected}"));
        let error = error.help(match kind.value {
            "del" => r#"write `["path.to.field"]`"#,
            _ => r#"write `["from.this", "to.that"]`"#,
        });
        context.push(error.note("KrakenD answers 500 to every request, or ignores what it does not need"));
        return Vec::new();
    }
    let paths: Vec<_> = args.iter().filter_map(|arg| path(context, *arg)).collect();
    match (kind.value, paths.as_slice(), args.as_slice()) {
        ("del", paths, _) => paths.iter().cloned().map(FlatmapOp::Delete).collect(),
        ("append", [source, target], [_, to]) => {
            if target.iter().any(|step| step == WILDCARD) {
                let error = Diagnostic::error("flatmap-args", to.span, "`append` has one array to append to");
                context.push(error.label("`*` stands for several"));
            }
            vec![FlatmapOp::Append(source.clone(), target.clone())]
        }
        ("move", [source, target], [from, to]) => {
            surprises(context, (source, *from), (target, *to));
            vec![FlatmapOp::Move(source.clone(), target.clone())]
        }
        _ => Vec::new(),
    }
}

fn path(context: &Context<'_>, arg: At<&str>) -> Option<Vec<String>> {
    let path: Vec<_> = arg.value.split('.').map(str::to_owned).collect();
    if path.len() > MAX_LEVELS {
        let message = format!("a path of `flatmap_filter` is {} levels deep", path.len());
        let error = Diagnostic::error("out-of-range", arg.span, message);
        context.push(error.label(format!("expected {MAX_LEVELS} or less")));
        return None;
    }
    if arg.value.is_empty() {
        context.push(Diagnostic::error("flatmap-args", arg.span, "a path is empty").label("expected names and dots"));
        return None;
    }
    Some(path)
}

/// Where a move does something else than its paths say.
fn surprises(context: &Context<'_>, (source, from): (&[String], At<&str>), (target, to): (&[String], At<&str>)) {
    let above = &source[..source.len() - 1];
    if source.last().is_some_and(|last| last == WILDCARD) {
        let warning =
            Diagnostic::warning("flatmap-move", from.span, "this moves nothing: a path to move ends in a name");
        context.push(warning.label("`*` is taken for a name here"));
    } else if target.len() >= source.len() && target[..above.len()] != *above {
        let ends = target[above.len()..].join(".");
        let place = if above.is_empty() { String::new() } else { format!("{}.", above.join(".")) };
        let message = format!("this moves `{}` to `{place}{ends}`", from.value);
        let warning = Diagnostic::warning("flatmap-move", to.span, message);
        let warning = warning.label(format!("of a path as long as the first, or longer, only `{ends}` counts"));
        context.push(warning.help(format!("write `{place}{ends}`, or a path that is shorter than the first")));
    }
}
