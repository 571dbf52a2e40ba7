//! KrakenD's Flexible Config: what its variables name, read and carried out.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Loader, overlay};
use crate::check::reason;
use crate::diagnostic::Diagnostic;
use crate::flexible::{Flexible, Outside};
use crate::location::Location;
use crate::source::SourceFile;
use crate::suggest::closest;
use crate::tree::Span;

/// Set to anything, as in KrakenD: `0` does not turn it off.
const ENABLE: &str = "FC_ENABLE";
const SETTINGS: &str = "FC_SETTINGS";
const PARTIALS: &str = "FC_PARTIALS";
const TEMPLATES: &str = "FC_TEMPLATES";
const OUT: &str = "FC_OUT";

const TOP: Span = Span { file: 0, start: 0, end: 0 };

/// Which file is the config.
pub(super) enum Main {
    /// The one that the person named.
    Plain,
    /// What came of it as a template.
    Rendered(u32),
    /// Nothing, because of mistakes that were told.
    None,
}

/// Carries out the config as a template, where FC_ENABLE asks for that.
pub(super) fn render(loader: &mut Loader<'_>, location: &Location) -> Main {
    if loader.environment.filled(ENABLE).is_none() {
        return Main::Plain;
    }
    let before = loader.sink.len();
    let mut flexible = Flexible::default();
    let name = location.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    flexible.template(&name, 0, loader.file(0).text(), loader.sink);
    let out = loader.environment.path(OUT).map(|named| (location.folder.join(&named), named));
    templates(loader, location, &mut flexible, out.as_ref());
    settings(loader, location, &mut flexible, out.as_ref());
    let failed = loader.sink.len() > before && loader.sink.has_errors() || !loader.whole;
    let partials = loader.environment.path(PARTIALS);
    let sink = loader.sink;
    let mut partials = Partials {
        folder: location.folder.join(partials.as_deref().unwrap_or(Path::new(""))),
        shown_as: partials.map(|named| named.display().to_string()),
        read: HashMap::new(),
        loader,
    };
    // What is wrong elsewhere would be told again as what is missing.
    let rendered = if failed { None } else { flexible.render(&mut partials, sink) };
    let Some(rendered) = rendered else {
        loader.whole = false;
        return Main::None;
    };
    if let Some((path, named)) = &out {
        write(loader, location, path, named, &rendered.text);
    }
    // Its name says what it is written in: KrakenD goes by that of FC_OUT.
    let shown_as = out.map_or_else(|| location.shown_as.clone(), |(_, named)| named.display().to_string());
    let base = loader.file(0).base().to_path_buf();
    loader.files.push(SourceFile::new(shown_as, base, rendered.text).written_by(rendered.pieces));
    loader.folders.push(super::folder_of(&location.path));
    Main::Rendered(loader.last())
}

/// Says so where a template was read as a config, in the place of all that is then wrong.
pub(super) fn forgotten(loader: &mut Loader<'_>) -> bool {
    let Some(start) = loader.file(0).text().find("{{") else { return false };
    let text = &loader.file(0).text()[start..];
    let end = start + text.find("}}").map_or(2, |length| length + 2);
    let told = loader.sink.take();
    if !told.iter().any(|told| told.code == "syntax" && told.span.file == 0 && told.span.start >= start) {
        loader.sink.extend(told);
        return false;
    }
    let error =
        Diagnostic::error("template-off", Span { file: 0, start, end }, "this is a template, and is not read as one");
    loader.push(error.label("an action of a template").help("FC_ENABLE=1 carries it out, as in KrakenD"));
    true
}

type Out = (PathBuf, PathBuf);

/// The files of a folder that a variable names: their paths, and how they are shown, sorted.
fn folder(
    loader: &mut Loader<'_>,
    location: &Location,
    variable: &str,
    extensions: &[&str],
    out: Option<&Out>,
) -> Vec<(PathBuf, String)> {
    let Some(named) = loader.environment.path(variable) else { return Vec::new() };
    let folder = location.folder.join(&named);
    // A file that is added is seen, too.
    loader.paths.push(folder.clone());
    let entries = match std::fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            let message =
                format!("cannot read the folder `{}`, which {variable} asks for: {}", named.display(), reason(&error));
            let error = Diagnostic::error("bad-flexible-config", TOP, message);
            loader.push(error.label(format!("looked for `{}`", folder.display())));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for path in entries.into_iter().map(|entry| entry.path()) {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if !extensions.contains(&extension) || !path.is_file() {
            continue;
        }
        if out.is_some_and(|(out, _)| same(out, &path)) {
            let message = format!("{OUT} would be a file of {variable}, and be read by the next build");
            let error =
                Diagnostic::error("bad-flexible-config", TOP, message).label(format!("{OUT} is `{}`", path.display()));
            loader.push(error.help("write it somewhere else"));
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let shown_as = named.join(&*name).display().to_string().replace('\\', "/");
        files.push((path, shown_as));
    }
    files.sort();
    files
}

fn same(one: &Path, two: &Path) -> bool {
    one == two || std::fs::canonicalize(one).is_ok_and(|one| std::fs::canonicalize(two).is_ok_and(|two| one == two))
}

fn templates(loader: &mut Loader<'_>, location: &Location, flexible: &mut Flexible, out: Option<&Out>) {
    for (path, shown_as) in folder(loader, location, TEMPLATES, &["tmpl"], out) {
        if same(&path, &location.path) {
            continue;
        }
        if let Some(file) = add(loader, &path, shown_as) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            flexible.template(&name, file, loader.file(file).text(), loader.sink);
        }
    }
}

fn settings(loader: &mut Loader<'_>, location: &Location, flexible: &mut Flexible, out: Option<&Out>) {
    let mut names: HashMap<String, String> = HashMap::new();
    // KrakenD's open edition reads JSON only, the other one these too.
    for (path, shown_as) in folder(loader, location, SETTINGS, &["json", "yaml", "yml", "toml"], out) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = names.insert(name.clone(), shown_as.clone()) {
            let message = format!("`{other}` and `{shown_as}` are both `.{name}`");
            let error = Diagnostic::error("bad-flexible-config", TOP, message).label("which of them is meant?");
            loader.push(error.help("keep one of them"));
        }
        let Some(file) = add(loader, &path, shown_as) else { continue };
        if let Some(root) = loader.read(file) {
            flexible.settings(&name, &root, loader.sink);
        }
    }
}

fn add(loader: &mut Loader<'_>, path: &Path, shown_as: String) -> Option<u32> {
    match loader.add(path, shown_as.clone(), None) {
        Ok(file) => Some(file),
        Err(reason) => {
            loader.push(
                Diagnostic::error("bad-flexible-config", TOP, format!("cannot read `{shown_as}`: {reason}"))
                    .label("asked for by its folder"),
            );
            None
        }
    }
}

/// Writes FC_OUT, unless it is written already: who watches it is not disturbed.
fn write(loader: &mut Loader<'_>, location: &Location, path: &Path, named: &Path, text: &str) {
    if loader.paths.iter().any(|read| same(read, path)) {
        let message = format!("{OUT} is `{}`, which the config is made of", named.display());
        let error = Diagnostic::error("bad-flexible-config", TOP, message).label("it would be overwritten");
        return loader.push(error.help("write it somewhere else"));
    }
    let folder = |of: &Path| of.parent().map(Path::to_path_buf).unwrap_or_default();
    let partials = loader.environment.path(PARTIALS).map(|named| location.folder.join(named));
    // Whether it is one is not known: only those that were asked for are read.
    if partials.is_some_and(|partials| same(&partials, &folder(path)) && !same(&partials, &folder(&location.path))) {
        let message = format!("{OUT} would be a file of {PARTIALS}, and perhaps take the place of one");
        let error =
            Diagnostic::error("bad-flexible-config", TOP, message).label(format!("{OUT} is `{}`", path.display()));
        return loader.push(error.help("write it somewhere else"));
    }
    if let Some(overlay) = loader.environment.filled(super::OVERLAY).and_then(|name| name.to_str().map(String::from))
        && overlay::EXTENSIONS.iter().any(|extension| same(&overlay::path(&location.path, &overlay, extension), path))
    {
        let message = format!("{OUT} is `{}`, which {} asks for", named.display(), super::OVERLAY);
        let error = Diagnostic::error("bad-flexible-config", TOP, message).label("it would be overwritten");
        return loader.push(error.help("write it somewhere else"));
    }
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return;
    }
    if let Err(error) = std::fs::write(path, text) {
        let message = format!("cannot write `{}`, which {OUT} asks for: {}", named.display(), reason(&error));
        loader.push(Diagnostic::error("bad-flexible-config", TOP, message).label("what the template gives"));
    }
}

/// The files of FC_PARTIALS, read when they are asked for.
struct Partials<'a, 'b> {
    folder: PathBuf,
    /// The folder, as the variable names it.
    shown_as: Option<String>,
    read: HashMap<PathBuf, (u32, Rc<str>)>,
    loader: &'a mut Loader<'b>,
}

impl Outside for Partials<'_, '_> {
    fn partial(&mut self, name: &str, asker: Span) -> Result<(u32, Rc<str>), Box<Diagnostic>> {
        // As Go's `path.Join`: what begins with `/` stands in the folder all the same.
        let path = self.folder.join(name.trim_start_matches('/'));
        if let Some(read) = self.read.get(&path) {
            return Ok(read.clone());
        }
        let shown_as = self
            .shown_as
            .as_deref()
            .map_or_else(|| name.to_owned(), |folder| format!("{}/{name}", folder.trim_end_matches('/')));
        match self.loader.add(&path, shown_as.clone(), None) {
            Ok(file) => {
                let text: Rc<str> = self.loader.file(file).text().into();
                self.read.insert(path, (file, text.clone()));
                Ok((file, text))
            }
            Err(reason) => {
                let error = Diagnostic::error("missing-partial", asker, format!("cannot read `{shown_as}`: {reason}"));
                let error = error.label(format!("looked for `{}`", path.display()));
                if path.exists() {
                    return Err(Box::new(error));
                }
                if self.shown_as.is_none() {
                    return Err(Box::new(error.help(format!("{PARTIALS} names the folder of what is included"))));
                }
                let others: Vec<_> = std::fs::read_dir(path.parent().unwrap_or(&self.folder))
                    .into_iter()
                    .flatten()
                    .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                    .collect();
                let wanted = path.file_name().unwrap_or_default().to_string_lossy();
                let close = closest(&wanted, others.iter().map(String::as_str));
                Err(Box::new(error.did_you_mean(close)))
            }
        }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.loader.environment.get(name)
    }
}
