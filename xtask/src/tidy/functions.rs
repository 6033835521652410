//! How long functions and files are.

use super::lexer::split;
use super::tree::Tree;
use super::{Finding, Report};

/// Lines of a handwritten file, tests included.
const FILE_LINES: usize = 800;
/// Lines of a function from `fn` to its closing brace: worth a remark, and too many.
const FUNCTION_LINES_REMARKED: usize = 100;
const FUNCTION_LINES: usize = 150;

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.handwritten() {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            let said = format!("{lines} lines, no more than {FILE_LINES}: split it by responsibility");
            report.breaches.push(Finding::new(path, 0, said));
        }
        for function in functions(&split(text).code) {
            let said = format!("`{}` has {} lines", function.name, function.lines);
            if function.lines > FUNCTION_LINES {
                let said = format!("{said}, no more than {FUNCTION_LINES}");
                report.breaches.push(Finding::new(path, function.line, said));
            } else if function.lines > FUNCTION_LINES_REMARKED {
                report.remarks.push(Finding::new(path, function.line, said));
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function with a body in code that has neither comments nor literals.
fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].ends_with(|character: char| character.is_alphanumeric() || character == '_') {
            continue;
        }
        let after = &code[at + 3..];
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            continue;
        }
        if let Some(length) = body_end(after) {
            let line = code[..at].matches('\n').count() + 1;
            let lines = after[..length].matches('\n').count() + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// Where the body that follows a signature ends; `None` where a semicolon stands in its place.
fn body_end(after: &str) -> Option<usize> {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, character) in after.char_indices() {
        match character {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let code = "trait T { fn a(x: [u8; 4]); fn b() {\n}\n}\nfn c<F: Fn()>(\n) -> u8 {\n  fn d() { }\n  1\n}\nlet fn_e = 1;";
        let shown: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        let expected = [("b", 1, 2), ("c", 4, 5), ("d", 6, 1)];
        assert_eq!(shown, expected.map(|(name, line, lines)| (name.to_owned(), line, lines)));
    }
}
