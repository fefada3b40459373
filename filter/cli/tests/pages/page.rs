//! The project's pages as tests read them: fenced blocks and the marks above them, links, and the anchors of headings.
//!
//! It reads as much Markdown as the pages use: blocks between fences, headings that begin with `#`, links in brackets. It takes
//! indented code, underlined headings and HTML for text. A block that does not end is an error that names its place.
//!
//! Two tests are built on it: the command line's, beside it, and `host-tests/tests/pages.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Folders that hold no pages of this project. Nor do those whose name begins with a dot, except `.github`.
const FOREIGN: [&str; 2] = ["node_modules", "target"];

/// One page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) links: Vec<Link>,
    /// Of its headings, by GitHub's rule.
    pub(crate) anchors: BTreeSet<String>,
    /// Comments that no block follows.
    pub(crate) idle: Vec<Mark>,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// `<page>:<line>` of its first fence.
    pub(crate) place: String,
    pub(crate) mark: Option<Mark>,
    /// Empty if the fence does not name one.
    pub(crate) language: String,
    /// What is between the fences, every line with its end.
    pub(crate) text: String,
}

/// What a comment above a block says about it: `<!-- kind -->` or `<!-- kind: value -->`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// `<page>:<line>` of the comment.
    pub(crate) place: String,
    pub(crate) kind: String,
    /// Empty if there is no colon.
    pub(crate) value: String,
}

/// A link, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The page it is on.
    pub(crate) page: String,
    pub(crate) line: usize,
    pub(crate) target: String,
}

impl Page {
    /// Every page in the folder `root` and below, by its path from there.
    pub(crate) fn all(root: &Path) -> io::Result<BTreeMap<String, Self>> {
        let (mut pages, mut folders) = (BTreeMap::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                if entry.file_type()?.is_dir() {
                    if name == ".github" || !(name.starts_with('.') || FOREIGN.contains(&name.as_str())) {
                        folders.push(path);
                    }
                } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                    let page = Self::parse(&path, std::fs::read_to_string(entry.path())?)?;
                    pages.insert(path, page);
                }
            }
        }
        Ok(pages)
    }

    /// The page that has `text`; places in it begin with `path`.
    pub(crate) fn parse(path: &str, text: String) -> io::Result<Self> {
        let (mut blocks, mut idle, mut mark) = (Vec::new(), Vec::new(), None);
        // The text without its blocks. It keeps its lines.
        let mut prose = String::new();
        let mut lines = text.lines().zip(1_usize..);
        while let Some((line, number)) = lines.next() {
            let place = format!("{path}:{number}");
            let Some(fence) = Fence::of(line) else {
                if !line.trim().is_empty() {
                    idle.extend(mark.take());
                    mark = Mark::of(line, &place);
                }
                prose.push_str(line);
                prose.push('\n');
                continue;
            };
            prose.push('\n');
            let mut inside = String::new();
            loop {
                let Some((line, _)) = lines.next() else {
                    return Err(io::Error::other(format!("{place}: the block does not end")));
                };
                prose.push('\n');
                if fence.is_closed_by(line) {
                    break;
                }
                inside.push_str(fence.unindented(line));
                inside.push('\n');
            }
            blocks.push(Block { place, mark: mark.take(), language: fence.language().to_owned(), text: inside });
        }
        idle.extend(mark);
        Ok(Self { links: links(path, &prose), anchors: anchors(&prose), text, blocks, idle })
    }
}

impl Block {
    /// The value of its mark, if that is of this `kind`.
    pub(crate) fn marked(&self, kind: &str) -> Option<&str> {
        let mark = self.mark.as_ref()?;
        (mark.kind == kind).then_some(mark.value.as_str())
    }

    /// Whether it shows the form of `cases.yaml`, with words in place of values.
    pub(crate) fn is_form_of_cases(&self) -> bool {
        let unmarked = self.mark.is_none() && self.text.lines().any(|line| line == "cases:");
        self.language == "yaml" && (unmarked || self.marked("cases").is_some())
    }
}

impl Mark {
    fn of(line: &str, place: &str) -> Option<Self> {
        let said = line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")?;
        let (kind, value) = said.split_once(": ").unwrap_or((said, ""));
        Some(Self { place: place.to_owned(), kind: kind.to_owned(), value: value.to_owned() })
    }
}

impl Link {
    /// `<page>:<line>`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// Whether it leads to another site.
    pub(crate) fn is_external(&self) -> bool {
        self.target.contains("://") || self.target.starts_with("mailto:")
    }

    /// The path of the file or folder that it leads to, from the top folder. `None` if that is outside the project.
    pub(crate) fn path(&self) -> Option<String> {
        let path = self.target.split('#').next().filter(|path| !self.is_external() && !path.starts_with('/'))?;
        if path.is_empty() {
            return Some(self.page.clone());
        }
        let folder = self.page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                name => parts.push(name),
            }
        }
        Some(parts.join("/"))
    }

    /// The heading that it leads to.
    pub(crate) fn anchor(&self) -> Option<&str> {
        Some(self.target.split_once('#')?.1)
    }
}

/// A line that begins or ends a block.
struct Fence<'a> {
    indentation: usize,
    marker: &'a str,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let unindented = line.trim_start_matches(' ');
        let character = unindented.chars().next().filter(|first| matches!(first, '`' | '~'))?;
        let info = unindented.trim_start_matches(character);
        let marker = unindented.strip_suffix(info)?;
        // Three backticks with others behind them are a code span.
        let begins = marker.len() >= 3 && !info.contains('`');
        begins.then_some(Self { indentation: line.len() - unindented.len(), marker, info: info.trim() })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        Fence::of(line).is_some_and(|other| other.info.is_empty() && other.marker.starts_with(self.marker))
    }

    /// `line` without the indentation that the block has as a whole.
    fn unindented<'l>(&self, line: &'l str) -> &'l str {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        line.get(indentation.min(self.indentation)..).unwrap_or_default()
    }

    fn language(&self) -> &'a str {
        self.info.split_whitespace().next().unwrap_or_default()
    }
}

/// The links in `prose`, which is all of the page `path` but its blocks.
fn links(path: &str, prose: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, number) in without_code(prose).lines().zip(1_usize..) {
        let inline = line.split("](").skip(1);
        // `[name]: target`, and not a footnote.
        let name = line.strip_prefix('[').filter(|name| !name.starts_with('^'));
        let defined = name.and_then(|name| Some(name.split_once("]: ")?.1));
        for behind in inline.chain(defined) {
            links.push(Link { page: path.to_owned(), line: number, target: target(behind).to_owned() });
        }
    }
    links
}

/// The target at the beginning of `behind`, which is what follows `](` or a definition's name.
fn target(behind: &str) -> &str {
    let target = match behind.strip_prefix('<') {
        Some(quoted) => quoted.split('>').next(),
        None => behind.split([')', ' ']).next(),
    };
    target.unwrap_or_default()
}

/// `text` without its code spans. It keeps its lines.
fn without_code(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('`') {
        kept.push_str(before);
        rest = behind;
        if before.ends_with('\\') {
            continue;
        }
        let inside = behind.trim_start_matches('`');
        rest = inside;
        if let Some((code, after)) = span(inside, 1 + behind.len() - inside.len()) {
            kept.extend(code.matches('\n'));
            rest = after;
        }
    }
    kept.push_str(rest);
    kept
}

/// What is in a code span that begins with `length` backticks, and what follows it. `None` if it does not end in its paragraph.
fn span(text: &str, length: usize) -> Option<(&str, &str)> {
    let paragraph = text.split_once("\n\n").map_or(text, |(paragraph, _)| paragraph);
    let mut searched = 0;
    while let Some(found) = paragraph.get(searched..)?.find('`') {
        let start = searched + found;
        let end = paragraph.len() - paragraph.get(start..)?.trim_start_matches('`').len();
        if end - start == length {
            return Some((text.get(..start)?, text.get(end..)?));
        }
        searched = end;
    }
    None
}

/// The anchors of the headings in `prose`. If several have the same name, `-1` follows that of the second, and so on.
fn anchors(prose: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let anchor = |heading: &str| {
        let slug = slug(heading);
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    };
    prose.lines().filter_map(heading).map(anchor).collect()
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    ((1..=6).contains(&(line.len() - text.len())) && text.starts_with(' ')).then(|| text.trim())
}

/// GitHub's name for `heading`: small letters, digits, `-` and `_` stay, spaces become hyphens, all else is left out.
fn slug(heading: &str) -> String {
    // Of a link the text is shown.
    let mut text = heading.split("](");
    let mut shown = text.next().unwrap_or_default().to_owned();
    shown.extend(text.filter_map(|behind| Some(behind.split_once(')')?.1)));
    let kept = shown.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Link, Page};

    const TEXT: &str = "\
# A page

See [this](a.md#b) and `[not](this.md)`.

<!-- kind: value -->
```yaml
a: 1
```

- in a list
  ~~~~ text
  ```
   b
  ~~~~

<!-- idle -->
## `a.b`: [all of it](c.md), twice
## ab all of it twice

[name]: <d e.md>
";

    #[test]
    fn blocks_links_and_anchors_are_found() -> std::io::Result<()> {
        let page = Page::parse("folder/page.md", TEXT.to_owned())?;
        let blocks: Vec<_> = page.blocks.iter().map(|block| (block.place.as_str(), block.text.as_str())).collect();
        assert_eq!(blocks, [("folder/page.md:6", "a: 1\n"), ("folder/page.md:11", "```\n b\n")]);
        let values: Vec<_> = page.blocks.iter().filter_map(|block| block.marked("kind")).collect();
        assert_eq!(values, ["value"]);
        let links: Vec<_> = page.links.iter().map(|link| (link.line, link.target.as_str())).collect();
        assert_eq!(links, [(3, "a.md#b"), (17, "c.md"), (20, "d e.md")]);
        let paths: Vec<_> = page.links.iter().filter_map(Link::path).collect();
        assert_eq!(paths, ["folder/a.md", "folder/c.md", "folder/d e.md"]);
        assert!(page.anchors.iter().eq(["a-page", "ab-all-of-it-twice", "ab-all-of-it-twice-1"]), "{:?}", page.anchors);
        let idle: Vec<_> = page.idle.iter().map(|mark| mark.kind.as_str()).collect();
        assert_eq!(idle, ["idle"]);
        Ok(())
    }

    #[test]
    fn a_block_that_does_not_end_is_an_error() {
        let page = Page::parse("page.md", "text\n````yaml\n```\n".to_owned());
        let error = page.map_err(|error| error.to_string()).err();
        assert_eq!(error.as_deref(), Some("page.md:2: the block does not end"));
    }
}
