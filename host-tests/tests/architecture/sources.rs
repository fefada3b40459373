//! Where the names that a crate's modules use lead: read from its files, without a compiler.
//!
//! A name is followed through `crate`, `self`, `super`, child modules, imports of the same module and re-exports, to the module that has the
//! item. Methods and fields are not looked at: a module that has a value of a type also uses something that names the type.
//!
//! Modules called `tests` are left out, and with them everything else that only tests compile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::names::{Import, Name};
use super::reader::{self, Found, Module, Written};

/// How many re-exports one name may lead through.
const RE_EXPORTS: usize = 8;

/// The modules of one crate.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    modules: BTreeMap<Name, Module>,
    /// Modules that only tests compile.
    tests: BTreeSet<Name>,
}

impl Sources {
    /// The crate whose root is in `folder`, which messages call `shown`.
    pub(crate) fn below(folder: &Path, shown: &str) -> Result<Self> {
        let mut sources = Self::default();
        for place in files(folder)? {
            let path = folder.join(&place);
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            sources.read(&place, &format!("{shown}/{place}"), &text)?;
        }
        Ok(sources.without_tests())
    }

    /// The crate that consists of these texts, each with its file's place below the root.
    pub(crate) fn of(files: &[(&str, &str)]) -> Result<Self> {
        let mut sources = Self::default();
        for (place, text) in files {
            sources.read(place, place, text)?;
        }
        Ok(sources.without_tests())
    }

    /// Every use of a name of this crate.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let uses = self.modules.iter().flat_map(|(name, module)| {
            module.written.iter().filter_map(|Written { segments, line, is_import }| {
                let path = if *is_import { self.imported(name, segments) } else { self.in_scope(name, segments) };
                let to = self.item(self.resolved(path?)?);
                let (file, written, from) = (module.file.clone(), segments.join("::"), name.clone());
                Some(Import { file, line: *line, written, from, to })
            })
        });
        uses.collect()
    }

    fn read(&mut self, place: &str, file: &str, text: &str) -> Result<()> {
        let Found { modules, tests } = reader::read(module_of(place), file, text)?;
        self.modules.extend(modules);
        self.tests.extend(tests);
        Ok(())
    }

    fn without_tests(mut self) -> Self {
        let tests = std::mem::take(&mut self.tests);
        let is_test = |name: &Name| {
            name.0.iter().any(|segment| segment == "tests") || tests.iter().any(|test| name.is_within(test))
        };
        self.modules.retain(|name, _| !is_test(name));
        self
    }

    /// Where the `segments` of a path in `module` lead; `None` if that is not in this crate.
    fn in_scope(&self, module: &Name, segments: &[String]) -> Option<Name> {
        let (first, rest) = segments.split_first()?;
        match self.modules.get(module).and_then(|module| module.brought.get(first)) {
            Some(brought) => Some(self.imported(module, brought)?.then(rest)),
            None => self.imported(module, segments),
        }
    }

    /// Where the `segments` of an import in `module` lead; `None` if that is not in this crate.
    fn imported(&self, module: &Name, segments: &[String]) -> Option<Name> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => return Some(Name(rest.to_vec())),
            "self" | "super" => {}
            _ => {
                let child = module.then(std::slice::from_ref(first));
                return self.modules.contains_key(&child).then(|| child.then(rest));
            }
        }
        let steps = segments.iter().take_while(|segment| ["self", "super"].contains(&segment.as_str()));
        let (count, up) =
            steps.fold((0_usize, 0_usize), |(count, up), step| (count + 1, up + usize::from(step == "super")));
        let depth = module.0.len().saturating_sub(up);
        Some(Name(module.0.iter().take(depth).chain(segments.iter().skip(count)).cloned().collect()))
    }

    /// Where `name` leads after all re-exports; `None` if these lead out of this crate.
    fn resolved(&self, mut name: Name) -> Option<Name> {
        for _ in 0..RE_EXPORTS {
            let depth = self.depth(&name);
            let (module, rest) = name.0.split_at(depth);
            let Some((item, inside)) = rest.split_first() else { return Some(name) };
            let module = Name(module.to_vec());
            let Some(brought) = self.modules.get(&module).and_then(|module| module.brought.get(item)) else {
                return Some(name);
            };
            name = self.imported(&module, brought)?.then(inside);
        }
        Some(name)
    }

    /// The item that `name` is, or is inside of.
    fn item(&self, name: Name) -> Name {
        let depth = self.depth(&name);
        Name(name.0.into_iter().take(depth + 1).collect())
    }

    /// How many of its segments name a module.
    fn depth(&self, name: &Name) -> usize {
        let is_module = |depth: &usize| self.modules.contains_key(&Name(name.0.iter().take(*depth).cloned().collect()));
        (1..=name.0.len()).rev().find(is_module).unwrap_or_default()
    }
}

/// The places of all Rust files below `folder`, from there, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, shown: &str, files: &mut Vec<String>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("{} is not UTF-8", entry.path().display()))?;
        let place = format!("{shown}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{place}/"), files)?;
        } else if Path::new(&place).extension().is_some_and(|extension| extension == "rs") {
            files.push(place);
        }
    }
    Ok(())
}

/// The module whose file is at `place` below the root.
fn module_of(place: &str) -> Name {
    let mut segments: Vec<String> = place.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = segments.last().map(String::as_str);
    if last == Some("mod") || (segments.len() == 1 && last == Some("lib")) {
        segments.pop();
    }
    Name(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `a` uses of a small crate.
    fn used(a: &str) -> Result<Vec<String>> {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::Deep as Shallow; pub use std::fmt;"),
            ("a.rs", a),
            ("b/mod.rs", "mod c; pub use self::c::Deep; pub use c::Kind; pub struct Here;"),
            (
                "b/c.rs",
                "pub struct Deep;\npub enum Kind { One }\nfn f() { super::super::a::f(self::g(), super::Here) }",
            ),
        ];
        let imports = Sources::of(&files)?.imports();
        assert_eq!(shown(&imports, "b/c.rs"), ["3 a::f", "3 b::c::g", "3 b::Here"]);
        Ok(shown(&imports, "a.rs"))
    }

    /// Those in `file`, each with its line.
    fn shown(imports: &[Import], file: &str) -> Vec<String> {
        imports
            .iter()
            .filter(|import| import.file == file)
            .map(|import| format!("{} {}", import.line, import.to))
            .collect()
    }

    #[test]
    fn imports_lead_to_the_module_that_has_the_item() -> Result<()> {
        for (text, expected) in [
            ("use crate::b::Here;", &["1 b::Here"][..]),
            ("use crate::b::{self, Here,\n c::{Deep as Other}};", &["1 b", "1 b::Here", "2 b::c::Deep"]),
            ("use super::b::*;", &["1 b::*"]),
            ("pub(crate) use crate::b::Kind::One;", &["1 b::c::Kind"]),
            // Through one re-export and through two.
            ("use crate::b::Deep;", &["1 b::c::Deep"]),
            ("use crate::Shallow;", &["1 b::c::Deep"]),
            // Out of this crate.
            ("use crate::fmt::Debug;\nuse std::fmt;\nuse cedar_policy::Policy;", &[]),
            ("fn f() { use crate::b::Here; }", &["1 b::Here"]),
        ] {
            assert_eq!(used(text)?, expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn paths_in_code_lead_there_too() -> Result<()> {
        for (text, expected) in [
            ("fn f(here: crate::b::Here) -> Vec<super::b::Deep> { }", &["1 b::Here", "1 b::c::Deep"][..]),
            (
                "fn f() { <crate::b::Here as crate::b::c::Can>::can::<crate::b::Kind>() }",
                &["1 b::c::Can", "1 b::Here", "1 b::c::Kind"],
            ),
            ("fn f() { matches!(k, crate::b::Kind::One) }", &["1 b::c::Kind"]),
            ("macro_rules! m {\n () => { $crate::b::Here };\n}", &["2 b::Here"]),
            ("fn f() { vec![(x: 1, [super::b::h()], Vec::<crate::b::Here>::new())]; }", &["1 b::h", "1 b::Here"]),
            // By what an import brings.
            ("use crate::b;\nfn f() { b::c::g(b::Deep) }", &["1 b", "2 b::c::g", "2 b::c::Deep"]),
            ("use crate::b::Kind as K;\nfn f() { println!(\"{}\", K::One) }", &["1 b::c::Kind", "2 b::c::Kind"]),
            // To a child of its own.
            ("mod d { pub(in crate::a) fn g() { super::super::b::g() } }\nfn f() { d::g() }", &["1 b::g", "2 a::d::g"]),
            ("/// [`crate::b::Here`]\n#[doc = \"crate::b::Here\"]\nfn f() { \"crate::b::Here\"; std::fmt::x() }", &[]),
        ] {
            let mut found = used(text)?;
            let mut expected = expected.to_vec();
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_only_tests_compile_is_left_out() -> Result<()> {
        let import = "use crate::b::Here;";
        for text in [
            format!("#[cfg(test)] {import}"),
            format!("#[cfg(any(test, feature = \"test-support\"))] pub mod more {{ {import} }}"),
            format!("#[cfg(test)] mod more {{ {import} }}"),
            format!("#[cfg(test)] #[expect(dead_code)] pub(crate) mod tests {{ mod further {{ {import} }} }}"),
            "struct S; impl S { #[cfg(test)] fn f() { crate::b::f() } }".to_owned(),
            "#[test] fn f() { crate::b::f() }".to_owned(),
        ] {
            assert!(used(&text)?.is_empty(), "{text}");
        }
        assert_eq!(used(&format!("#[cfg(feature = \"rego\")] {import}"))?, ["1 b::Here"]);
        let files = [
            ("a/mod.rs", "mod b; #[cfg(test)] mod more;"),
            ("a/more/deep.rs", import),
            ("a/b/tests.rs", import),
            ("a/b.rs", ""),
        ];
        assert!(Sources::of(&files)?.imports().is_empty());
        Ok(())
    }
}
