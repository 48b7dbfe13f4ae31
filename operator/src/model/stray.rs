//! Pods that run an injected template but belong to no Deployment of a binding: those of a copied Deployment, of an Argo Rollout
//! that runs its template, or of a ReplicaSet that was left behind.

/// The owner of such pods, with those that are not terminating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    pub namespace: String,
    /// The kind of the top-level owner. `Pod` if there is none.
    pub kind: String,
    pub name: String,
    /// The value of the operator's label: the short name of the Deployment that the template comes from.
    pub label: String,
    /// The uids of the pods.
    pub pods: Vec<String>,
}

impl Stray {
    /// In the form of `kubectl get`.
    pub fn owner(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// The owner and the number of pods, as the beginning of a sentence.
    pub fn runs(&self) -> String {
        let owner = self.owner();
        match self.pods.len() {
            _ if self.kind == "Pod" => format!("{owner} runs"),
            1 => format!("{owner} runs 1 pod"),
            more => format!("{owner} runs {more} pods"),
        }
    }
}
