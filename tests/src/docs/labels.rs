//! The labels of an alert: the commands on the page of the alerts have placeholders for them.

use super::{Block, Page};

/// The alerts whose labels `namespace` and `pod` are the operator's.
const OF_THE_OPERATOR: [&str; 3] = [
    "SignerOperatorNoLeader",
    "SignerOperatorReconcilesFailing",
    "SignerOperatorWatchStale",
];

/// Between the words of a command.
const DELIMITERS: [char; 4] = [' ', '\n', '/', '='];

/// Values that an alert has, each as a word of a shell.
#[derive(Clone, Debug)]
pub struct Labels {
    pub namespace: String,
    pub pod: String,
    pub name: String,
    pub deployment: String,
}

impl Labels {
    /// The labels of an alert about a voter in this namespace.
    pub fn of_the_voter(namespace: &str, binding: &str, deployment: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            pod: pod(namespace, &format!("signer.atto.cash/deployment={deployment}")),
            name: binding.to_owned(),
            deployment: deployment.to_owned(),
        }
    }

    /// The labels of an alert about an operator in this namespace.
    pub fn of_the_operator(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            pod: pod(namespace, "app.kubernetes.io/name=signer-operator"),
            name: String::new(),
            deployment: String::new(),
        }
    }

    /// Text with the values in place of the placeholders.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        for part in text.split_inclusive(DELIMITERS) {
            let end = part.find(DELIMITERS).unwrap_or(part.len());
            let (word, delimiter) = part.split_at(end);
            filled.push_str(match word {
                "NAMESPACE" => &self.namespace,
                "POD" => &self.pod,
                "NAME" => &self.name,
                "DEPLOYMENT" => &self.deployment,
                other => other,
            });
            filled.push_str(delimiter);
        }
        filled
    }
}

/// A shell expression that finds the pod's name.
fn pod(namespace: &str, selector: &str) -> String {
    format!(
        "\"$(kubectl get pods --namespace {namespace} --selector {selector} --output=jsonpath='{{.items[0].metadata.name}}')\""
    )
}

/// Whether a block of the page of alerts is in the section of an alert about the operator itself.
pub fn is_about_the_operator(page: &Page, block: &Block) -> bool {
    let section = page.headings.iter().rfind(|heading| heading.line < block.line);
    section.is_some_and(|section| OF_THE_OPERATOR.contains(&section.text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_words_of_their_own() {
        let labels = Labels {
            namespace: "a".to_owned(),
            pod: "p".to_owned(),
            name: "n".to_owned(),
            deployment: "d".to_owned(),
        };
        let line = "kubectl get deployment/DEPLOYMENT x=DEPLOYMENT POD --namespace NAMESPACE NAME -o custom-columns=NAMES:.name";
        let expected = "kubectl get deployment/d x=d p --namespace a n -o custom-columns=NAMES:.name";
        assert_eq!(labels.fill(line), expected);
    }

    #[test]
    fn the_section_of_a_block_says_whose_labels_they_are() {
        let page = Page::parse(
            "x.md",
            "# X\n\n## SignerOperatorOrphans\n\n```sh\na\n```\n\n## SignerOperatorNoLeader\n\n```sh\nb\n```\n",
        );
        let found: Vec<_> = page
            .blocks
            .iter()
            .map(|block| is_about_the_operator(&page, block))
            .collect();
        assert_eq!(found, [false, true]);
    }
}
