//! Which file is the config, how it is called, and where the files that it names are looked up.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::string::FromUtf8Error;

use crate::SourceFile;

/// The place of a config, worked out in one way for build scripts and for the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The config: absolute, without `..`; symbolic links in front of the file's own name are followed.
    pub path: PathBuf,
    /// As it is shown: relative to the package and with `/` where it lies inside, otherwise `path`.
    pub shown_as: String,
    /// The folder where files named inside the config are looked up.
    pub base: PathBuf,
    /// Where the paths that variables give begin: the root of the package, or where a command was called.
    pub folder: PathBuf,
}

// === impl Location ===

impl Location {
    /// Where `config` is, taken from `package` when it is relative. `base` is GATEWAY_BASE, relative to `package` or
    /// absolute; without it files are looked up in the config's own folder.
    ///
    /// # Errors
    /// A folder on the way to the config does not exist or cannot be read. The config itself may be missing.
    pub fn new(config: &Path, package: &Path, base: Option<&Path>) -> io::Result<Self> {
        let package = fs::canonicalize(package)?;
        let config = package.join(config);
        let name = config.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let folder = fs::canonicalize(config.parent().unwrap_or(&package))?;
        let path = folder.join(name);
        let shown_as = path.strip_prefix(&package).map_or_else(|_| path.display().to_string(), with_slashes);
        let base = base.map_or(folder, |base| package.join(base));
        Ok(Self { path, shown_as, base, folder: package })
    }

    /// The text of the config, ready to be checked.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(&self) -> io::Result<SourceFile> {
        let text = String::from_utf8(fs::read(&self.path)?).map_err(|error| not_utf8(&error))?;
        Ok(SourceFile::new(self.shown_as.as_str(), self.base.as_path(), text))
    }
}

/// Where a text stops being one.
fn not_utf8(error: &FromUtf8Error) -> io::Error {
    let (bytes, valid) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let line = bytes[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
    let why = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16; save it as UTF-8".to_owned(),
        _ => format!("it is not UTF-8, line {line}"),
    };
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The config of a package that names none: its `gateway.json`, or the only one of `gateway.yaml`, `gateway.yml` and
/// `gateway.toml` where there is none. `None` without any, and where it could be more than one.
#[must_use]
pub fn default_config(package: &Path) -> Option<&'static str> {
    let exists = |name: &&str| package.join(name).is_file();
    let mut others = ["gateway.yaml", "gateway.yml", "gateway.toml"].into_iter().filter(exists);
    match (Some("gateway.json").filter(exists), others.next(), others.next()) {
        (Some(json), ..) => Some(json),
        (None, only, None) => only,
        _ => None,
    }
}

/// The same on every system, because generated code contains it.
fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(Component::as_os_str).map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let package = fs::canonicalize(env!("CARGO_MANIFEST_DIR")).expect("the package exists");
        let outside = package.parent().expect("the package is not the root").join("outside.json");
        let outside_text = outside.display().to_string();
        let own = |folder: &str| package.join(folder);
        for (config, base, path, shown_as, folder) in [
            ("gateway.json", None, own("gateway.json"), "gateway.json", package.clone()),
            ("src/a.json", None, own("src/a.json"), "src/a.json", own("src")),
            ("./src/../src/a.json", None, own("src/a.json"), "src/a.json", own("src")),
            ("src/a.json", Some("etc"), own("src/a.json"), "src/a.json", own("etc")),
            ("src/a.json", Some("/etc"), own("src/a.json"), "src/a.json", PathBuf::from("/etc")),
            ("../outside.json", None, outside.clone(), &outside_text, own("..").canonicalize().expect("a parent")),
        ] {
            let location = Location::new(Path::new(config), &package, base.map(Path::new)).expect(config);
            let expected = Location { path, shown_as: shown_as.to_owned(), base: folder, folder: package.clone() };
            assert_eq!(location, expected, "{config}");
        }
    }

    #[test]
    fn what_is_no_text_says_where() {
        let why = |bytes: &[u8]| not_utf8(&String::from_utf8(bytes.to_vec()).expect_err("no UTF-8")).to_string();
        assert_eq!(why(b"a: 1\nb: \xfc\n"), "it is not UTF-8, line 2");
        assert_eq!(why(b"\xff\xfea\0"), "it is UTF-16; save it as UTF-8");
    }

    #[test]
    fn the_default_is_found_by_its_name() {
        let folder = std::env::temp_dir().join(format!("sluicegate-default-config-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let mut found = Vec::new();
        for name in ["", "gateway.toml", "gateway.yml", "gateway.json"] {
            if !name.is_empty() {
                fs::write(folder.join(name), "").expect("a file can be made");
            }
            found.push(default_config(&folder));
        }
        fs::remove_dir_all(&folder).expect("the folder is there");
        assert_eq!(found, [None, Some("gateway.toml"), None, Some("gateway.json")]);
    }

    #[test]
    fn a_folder_is_not_a_config() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(Location::new(Path::new(".."), package, None).is_err());
        assert!(Location::new(Path::new("no-such-folder/a.json"), package, None).is_err());
    }
}
