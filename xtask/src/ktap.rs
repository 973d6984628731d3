//! Results of KUnit in a console log.
//!
//! KTAP nests: a suite has a result line of its own behind those of its tests. Only the innermost results are counted.

/// The result of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// One innermost result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    /// `suite.test`, as far as the log names them.
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

/// The innermost results, in order.
pub(crate) fn tests(console: &[String]) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    // For every depth: the first test that the next result line of that depth is the parent of.
    let mut first_child: Vec<Option<usize>> = Vec::new();
    for line in console {
        let Some((depth, name, outcome)) = result(dmasan_report::message(line)) else {
            continue;
        };
        first_child.resize(first_child.len().max(depth + 2), None);
        match first_child[depth + 1].take() {
            Some(first) => {
                for test in &mut tests[first..] {
                    test.name = format!("{name}.{}", test.name);
                }
                // A suite can fail without any test of it failing.
                let explained = tests[first..].iter().any(|t| t.outcome == Outcome::Failed);
                if outcome == Outcome::Failed && !explained {
                    tests.push(Test { name, outcome });
                }
                first_child[depth].get_or_insert(first);
            }
            None => {
                first_child[depth].get_or_insert(tests.len());
                tests.push(Test { name, outcome });
            }
        }
        if depth == 0 {
            first_child[0] = None;
        }
    }
    tests
}

/// Depth, name and outcome of a result line.
fn result(line: &str) -> Option<(usize, String, Outcome)> {
    let text = line.trim_start_matches(' ');
    let depth = (line.len() - text.len()) / 4;
    let (passed, rest) = match text.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok ")?),
    };
    let (number, name) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let (name, skipped) = match name.split_once(" # SKIP") {
        Some((name, _)) => (name, true),
        None => (name.split(" # ").next().unwrap_or(name), false),
    };
    let outcome = match (passed, skipped) {
        (true, true) => Outcome::Skipped,
        (true, false) => Outcome::Passed,
        (false, _) => Outcome::Failed,
    };
    Some((depth, name.trim().to_owned(), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_innermost_results_count_and_carry_the_names_of_their_parents() {
        let log = lines(
            "[    0.060000]     ok 1 first\n\
             [    0.060000]     not ok 2 second\n\
             [    0.060000] not ok 1 suite\n\
             [    0.060000]         ok 1 amdv1_cfg_0\n\
             [    0.060000]         ok 2 amdv1_cfg_1 # SKIP no such thing\n\
             [    0.060000]     ok 1 map\n\
             [    0.060000] ok 2 tables\n",
        );
        let found: Vec<(String, Outcome)> = tests(&log)
            .into_iter()
            .map(|t| (t.name, t.outcome))
            .collect();
        assert_eq!(
            found,
            [
                ("suite.first".to_owned(), Outcome::Passed),
                ("suite.second".to_owned(), Outcome::Failed),
                ("tables.map.amdv1_cfg_0".to_owned(), Outcome::Passed),
                ("tables.map.amdv1_cfg_1".to_owned(), Outcome::Skipped),
            ]
        );
    }

    #[test]
    fn a_suite_that_fails_on_its_own_is_a_failure() {
        let log = lines("    ok 1 first\nnot ok 1 suite\n");
        assert!(tests(&log).iter().any(|t| t.outcome == Outcome::Failed));
    }

    #[test]
    fn other_lines_are_no_results() {
        assert_eq!(tests(&lines("ok then\nnot ok\n# ok 1 x\nlooks ok 1 y")), []);
    }
}
