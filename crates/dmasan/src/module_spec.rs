// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `PATH[:NAME=VALUE,…]` and `PATH[:GUEST_PATH]`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// A module and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleSpec {
    /// A `.ko` file, or a folder to build.
    pub(crate) path: PathBuf,
    /// The parameters, separated by blanks, as `insmod` takes them.
    pub(crate) params: String,
}

impl FromStr for ModuleSpec {
    type Err = Infallible;

    /// The parameters begin at the first colon that `NAME=` follows, so that neither the path nor
    /// the values have to do without colons. A comma with no `NAME=` after it belongs to the value
    /// before: the kernel's array parameters look like that.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let start = text
            .match_indices(':')
            .find(|(at, _)| names_parameter(&text[at + 1..]));
        let Some((at, _)) = start else {
            return Ok(Self {
                path: text.into(),
                params: String::new(),
            });
        };
        let mut params = String::new();
        for part in text[at + 1..].split(',') {
            if !params.is_empty() {
                params.push(if names_parameter(part) { ' ' } else { ',' });
            }
            params.push_str(part);
        }
        Ok(Self {
            path: text[..at].into(),
            params,
        })
    }
}

/// Whether the text begins with `NAME=`.
fn names_parameter(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else {
        return false;
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(word)
}

/// A file of the host and its place in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSpec {
    /// Where it lies here.
    pub(crate) host: PathBuf,
    /// Its absolute path there.
    pub(crate) guest: String,
}

impl FromStr for FileSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(at) = text.rfind(":/") {
            return Ok(Self {
                host: text[..at].into(),
                guest: text[at + 1..].to_owned(),
            });
        }
        let host = PathBuf::from(text);
        let name = host.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("not a path to a file; write PATH or PATH:/GUEST/PATH")?;
        Ok(Self {
            guest: format!("/{name}"),
            host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, params: &str) {
        let spec: ModuleSpec = text.parse().unwrap();
        assert_eq!(
            (spec.path, spec.params.as_str()),
            (PathBuf::from(path), params),
            "{text}"
        );
    }

    #[test]
    fn a_path_alone_has_no_parameters() {
        check("dir/x.ko", "dir/x.ko", "");
        check("a:b/x.ko", "a:b/x.ko", "");
    }

    #[test]
    fn parameters_come_after_a_colon() {
        check("x.ko:mode=uaf,n=3", "x.ko", "mode=uaf n=3");
        check("a:b/x.ko:n=3", "a:b/x.ko", "n=3");
        check("x.ko:dev=0000:00:02.0", "x.ko", "dev=0000:00:02.0");
    }

    #[test]
    fn array_parameters_keep_their_commas() {
        check("x.ko:n=1,2,3,mode=uaf", "x.ko", "n=1,2,3 mode=uaf");
    }

    #[test]
    fn a_file_goes_to_the_root_unless_told_otherwise() {
        let parse = |text: &str| text.parse::<FileSpec>().map(|spec| (spec.host, spec.guest));
        assert_eq!(parse("a/t.sh"), Ok(("a/t.sh".into(), "/t.sh".to_owned())));
        assert_eq!(parse("a/t:/bin/t"), Ok(("a/t".into(), "/bin/t".to_owned())));
        assert!(parse("..").is_err());
    }
}
