//! From the file that a person names to one tree: templates, formats, fragments, the overlay and variables.

mod include;
mod overlay;
mod settings;
mod substitute;
mod templates;

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Sink};
use crate::environment::Environment;
use crate::format::Format;
use crate::json::Read;
use crate::location::Location;
use crate::source::SourceFile;
use crate::sources::file_of;
use crate::syntax::kind::Kind;
use crate::syntax::{SERVICE, retype};
use crate::tree::{Node, Span};
use templates::Main;

/// The overlay's variable.
const OVERLAY: &str = "GATEWAY_ENV";
/// Longer values are not shown.
const MAX_SHOWN: usize = 80;

/// How many files a config may have: a fragment that asks for another twice, and so on, would double them endlessly.
const MAX_FILES: usize = 20_000;
/// How long the files that a config asks for may be together.
const MAX_BYTES: u64 = 64 << 20;

/// What was read: the files, and the tree that they make together.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The config itself first.
    pub(crate) files: Vec<SourceFile>,
    pub(crate) root: Option<Node>,
    /// Whether every file was read to its end.
    pub(crate) whole: bool,
    /// The config, with the overlay if there is one.
    pub(crate) name: String,
    /// Every file that was read or looked for, as it is called for reading.
    pub(crate) paths: Vec<PathBuf>,
    /// Where the value of a variable stands.
    pub(crate) given: Vec<Given>,
}

/// A `${NAME}`, and what it was replaced by.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) span: Span,
    pub(crate) name: String,
    pub(crate) value: String,
    /// `from the environment`.
    pub(crate) from: String,
    /// Whether the whole text is this one.
    pub(crate) alone: bool,
}

impl Given {
    /// Whether it stands where a secret does.
    pub(crate) fn is_secret(&self, files: &[SourceFile]) -> bool {
        file_of(files, self.span).conceals(self.span.start..self.span.end)
    }

    /// What a person who sees only the variable wants to know; the value, unless it is a secret.
    pub(crate) fn note(&self, is_secret: bool) -> String {
        let Self { name, value, from, .. } = self;
        match is_secret || value.len() > MAX_SHOWN {
            true => format!("`{name}` is given, {from}"),
            false => format!("`{name}` is `{value}`, {from}"),
        }
    }
}

/// Reads the config at `location` and everything that it asks for. What is wrong is in `sink`.
///
/// # Errors
/// The config itself cannot be read.
pub(crate) fn load(location: &Location, environment: &Environment<'_>, sink: &Sink) -> io::Result<Loaded> {
    let mut loader = Loader {
        files: vec![location.read()?],
        folders: vec![folder_of(&location.path)],
        paths: vec![location.path.clone()],
        whole: true,
        depth: 0,
        bytes: 0,
        is_full: false,
        environment,
        sink,
    };
    let mut ways = vec![location.path.clone()];
    let mut root = match templates::render(&mut loader, location) {
        Main::Rendered(file) => loader.tree(file, &mut ways),
        Main::Plain => {
            let root = loader.tree(0, &mut ways);
            if templates::forgotten(&mut loader) { None } else { root }
        }
        Main::None => None,
    };
    let mut name = location.shown_as.clone();
    let mut given = Vec::new();
    if let Some(overlay) = environment.filled(OVERLAY) {
        match overlay.to_str().filter(|name| is_name(name)) {
            Some(overlay) => overlay::lay(&mut loader, location, overlay, root.as_mut(), &mut name),
            None => overlay::bad_name(&overlay.to_string_lossy(), sink),
        }
    }
    if let (Some(root), true) = (&mut root, loader.whole) {
        let settings = settings::Settings::read(&mut loader, location);
        given = substitute::substitute(root, environment, &settings, sink);
        let alone: HashSet<Span> = given.iter().filter(|given| given.alone).map(|given| given.span).collect();
        if !alone.is_empty() {
            retype(root, &Kind::Record(&SERVICE), &|span| alone.contains(&span));
        }
    }
    Ok(Loaded { files: loader.files, root, whole: loader.whole, name, paths: loader.paths, given })
}

/// What may be part of a file's name without leading elsewhere.
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

struct Loader<'a> {
    files: Vec<SourceFile>,
    /// Where each file's own `$include` are looked up.
    folders: Vec<PathBuf>,
    paths: Vec<PathBuf>,
    whole: bool,
    /// Objects and lists around what is expanded, those of the files that ask for it as well.
    depth: usize,
    /// Of all the files that another asked for.
    bytes: u64,
    /// Whether nothing more is read.
    is_full: bool,
    environment: &'a Environment<'a>,
    sink: &'a Sink,
}

impl Loader<'_> {
    /// The tree of a file, with what it includes. `ways` are the files that are being read.
    fn tree(&mut self, file: u32, ways: &mut Vec<PathBuf>) -> Option<Node> {
        let mut root = self.read(file)?;
        include::expand(self, &mut root, ways);
        Some(root)
    }

    /// The tree of a file, as it is.
    fn read(&mut self, file: u32) -> Option<Node> {
        let source = self.file(file);
        let Read { root, whole } = Format::of(source.name()).read(source.text(), file, self.sink);
        self.whole &= whole;
        root
    }

    /// Reads a file that another asks for at `asker`.
    fn add(&mut self, path: &Path, shown_as: String, asker: Option<Span>) -> Result<u32, String> {
        if self.files.len() >= MAX_FILES {
            self.is_full = true;
            return Err(format!("more than {MAX_FILES} files have been read"));
        }
        self.paths.push(path.to_path_buf());
        // A device has no end.
        let left = MAX_BYTES - self.bytes;
        let mut text = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(left + 1).read_to_end(&mut text));
        read.map_err(|error| crate::check::reason(&error))?;
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if length > left {
            self.is_full = true;
            return Err(format!("the config has more than {} MiB", MAX_BYTES >> 20));
        }
        self.bytes += length;
        let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let base = self.files[0].base().to_path_buf();
        let mut file = SourceFile::new(shown_as, base, text);
        if let Some(asker) = asker {
            file = file.asked_at(asker);
        }
        self.files.push(file);
        self.folders.push(folder_of(path));
        Ok(self.last())
    }

    /// The file that was added last.
    fn last(&self) -> u32 {
        // No gateway has four billion files.
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn file(&self, file: u32) -> &SourceFile {
        &self.files[usize::try_from(file).unwrap_or(usize::MAX)]
    }

    fn folder(&self, file: u32) -> &Path {
        &self.folders[usize::try_from(file).unwrap_or(usize::MAX)]
    }

    fn push(&mut self, error: Diagnostic) {
        // What was to stand there is not known, and not missing.
        self.whole = false;
        self.sink.push(error);
    }
}

/// How a file beside `file` is called in messages.
fn beside(file: &str, name: &str) -> String {
    match file.rfind(['/', '\\']) {
        Some(slash) if !Path::new(name).is_absolute() => format!("{}{name}", &file[..=slash]),
        _ => name.to_owned(),
    }
}
