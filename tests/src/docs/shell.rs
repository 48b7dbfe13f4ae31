//! The text after a fence, and the commands that a block of that kind may contain.

use crds::kubernetes::MUTATING_POLICIES;

use super::Block;
use super::output::OUTPUT;

/// Where the commands of a block can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anywhere: a test runs them.
    Anywhere,
    /// With a cloud account or another vendor's tool.
    Cloud,
    /// With running pods.
    Pods,
    /// On the computer of a person who builds this repository.
    Machine,
    /// Where a release is published: a test runs them with its own release.
    Release,
}

/// The Kubernetes version that a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Any,
    /// A version with [`MUTATING_POLICIES`].
    Mutating,
    Before,
}

impl Version {
    fn of(info: &str) -> Option<Self> {
        let needed = format!("1.{MUTATING_POLICIES}");
        match info.strip_prefix("sh")? {
            "" => Some(Self::Any),
            other if other.strip_prefix(",from-") == Some(&needed) => Some(Self::Mutating),
            other if other.strip_prefix(",before-") == Some(&needed) => Some(Self::Before),
            _ => None,
        }
    }

    fn fits(self, minor: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Mutating => minor >= MUTATING_POLICIES,
            Self::Before => minor < MUTATING_POLICIES,
        }
    }
}

/// The fences of blocks without commands.
const OTHERS: [&str; 6] = ["json", "promql", "text", OUTPUT, "toml", "yaml"];

/// Commands that are allowed after a pipe.
const FILTERS: [&str; 6] = ["base64", "grep", "head", "jq", "sort", "tail"];

impl Kind {
    fn of(info: &str) -> Option<Self> {
        match info {
            _ if Version::of(info).is_some() => Some(Self::Anywhere),
            "sh,cloud" => Some(Self::Cloud),
            "sh,pods" => Some(Self::Pods),
            "sh,machine" => Some(Self::Machine),
            "sh,release" => Some(Self::Release),
            _ => None,
        }
    }

    fn allows(self, words: &[&str]) -> bool {
        let [program, arguments @ ..] = words else { return true };
        match self {
            Self::Anywhere | Self::Release => true,
            Self::Cloud => ["argocd", "aws", "bao", "docker", "flux", "gcloud", "gh"].contains(program),
            Self::Pods => {
                let asks_a_pod = |word: &&str| ["exec", "logs", "port-forward"].contains(word);
                *program == "curl" || (*program == "kubectl" && arguments.iter().any(asks_a_pod))
            }
            Self::Machine => ["helm", "kind", "make", "skopeo"].contains(program),
        }
    }
}

impl Block {
    /// Where it can run. `None` if it contains no commands.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(&self.info)
    }

    /// Whether its commands can run anywhere, and are for this minor version of Kubernetes 1.
    pub fn is_run_on(&self, minor: u32) -> bool {
        Version::of(&self.info).is_some_and(|version| version.fits(minor))
    }

    /// The problem with its fence or content, if any.
    pub fn complaint(&self) -> Option<String> {
        let Some(kind) = self.kind() else {
            let expected = format!(
                "sh (run by a test; sh,from-1.{MUTATING_POLICIES} and sh,before-1.{MUTATING_POLICIES} where it depends on the \
                 version), sh,release (run by the test of a release), sh,cloud, sh,pods, sh,machine"
            );
            let is_known = OTHERS.contains(&self.info.as_str());
            return (!is_known).then(|| {
                format!(
                    "the fence says {:?}, expected {expected} or one of {}",
                    self.info,
                    OTHERS.join(", ")
                )
            });
        };
        let strangers = commands(&self.text()).into_iter().filter(|command| {
            let words: Vec<_> = command
                .words
                .split_whitespace()
                .skip_while(|word| is_assignment(word))
                .collect();
            let is_filter = command.is_piped && words.first().is_some_and(|program| FILTERS.contains(program));
            !is_filter && !kind.allows(&words)
        });
        let strangers: Vec<_> = strangers.map(|command| command.words).collect();
        (!strangers.is_empty()).then(|| {
            format!(
                "`{}` does not belong into a block {}",
                strangers.join("`, `"),
                self.info
            )
        })
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|one| one == '_' || one.is_ascii_alphanumeric()))
}

/// A program with its arguments.
#[derive(Debug, Default, PartialEq, Eq)]
struct Command {
    words: String,
    /// Whether it reads another command's output.
    is_piped: bool,
}

/// The commands that a script starts, in order. Here-documents and substitutions are not searched.
fn commands(script: &str) -> Vec<Command> {
    let joined = script.replace("\\\n", " ");
    let mut found = vec![Command::default()];
    let mut quote = None;
    let mut in_comment = false;
    let mut before = '\n';
    for character in joined.chars() {
        in_comment &= character != '\n';
        in_comment |= character == '#' && quote.is_none() && before.is_whitespace();
        match (quote, character) {
            _ if in_comment => {}
            (None, '\n' | ';' | '|' | '&') if before != '>' => found.push(Command {
                words: String::new(),
                is_piped: character == '|' && before != '|',
            }),
            _ => {
                if let Some(command) = found.last_mut() {
                    command.words.push(character);
                }
                quote = match quote {
                    None if ['\'', '"'].contains(&character) => Some(character),
                    Some(open) if open == character => None,
                    other => other,
                };
            }
        }
        before = character;
    }
    for command in &mut found {
        command.words = command.words.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    found.retain(|command| !command.words.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::super::Page;
    use super::*;

    fn complaint(info: &str, text: &str) -> Option<String> {
        let page = Page::parse("x.md", &format!("```{info}\n{text}\n```\n"));
        page.blocks.first().and_then(Block::complaint)
    }

    #[test]
    fn a_script_is_taken_apart_outside_of_quotes() {
        let script = "a 'b; c' \\\n  d # e; f\ng | h && i & # j\n";
        let found: Vec<_> = commands(script)
            .into_iter()
            .map(|one| (one.words, one.is_piped))
            .collect();
        let expected = [("a 'b; c' d", false), ("g", false), ("h", true), ("i", false)];
        assert_eq!(found, expected.map(|(words, is_piped)| (words.to_owned(), is_piped)));
    }

    #[test]
    fn a_block_is_run_on_the_kubernetes_that_it_is_for() {
        let run_on = |info: &str, minor| {
            let page = Page::parse("x.md", &format!("```{info}\nx\n```\n"));
            page.blocks[0].is_run_on(minor)
        };
        let (from, before) = (
            format!("sh,from-1.{MUTATING_POLICIES}"),
            format!("sh,before-1.{MUTATING_POLICIES}"),
        );
        for (info, old, new) in [
            ("sh", true, true),
            (&from, false, true),
            (&before, true, false),
            ("sh,pods", false, false),
        ] {
            let found = [MUTATING_POLICIES - 1, MUTATING_POLICIES].map(|minor| run_on(info, minor));
            assert_eq!(found, [old, new], "{info}");
        }
    }

    #[test]
    fn a_block_that_no_test_runs_holds_nothing_that_one_could() {
        for (info, text) in [
            ("sh,cloud", "gcloud kms keys list | grep voter"),
            ("sh,pods", "kubectl --namespace atto logs deployment/x"),
            ("sh,machine", "BENCH=scale make bench # long"),
            ("sh", "anything at all"),
            ("yaml", "a: b"),
        ] {
            assert_eq!(complaint(info, text), None, "{info}");
        }
        for (info, text) in [
            ("sh,cloud", "gcloud x; kubectl apply -f y"),
            ("sh,pods", "kubectl get pods"),
            ("sh,machine", "cargo build"),
            ("bash", "ls"),
            ("sh,from-1.9", "ls"),
            ("", "out"),
        ] {
            assert!(complaint(info, text).is_some(), "{info}");
        }
    }
}
