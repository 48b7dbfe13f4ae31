//! Pods that run an injected template and belong to no Deployment of a binding: those of a copied Deployment, of an Argo Rollout
//! that runs its template, of a ReplicaSet that was left behind.

/// What owns such pods, with the pods that are not about to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    pub namespace: String,
    /// The kind of what owns them finally; `Pod` where nothing does.
    pub kind: String,
    pub name: String,
    /// The value of the operator's label: the short name of the Deployment whose template it was.
    pub label: String,
    /// The uids of the pods.
    pub pods: Vec<String>,
}

impl Stray {
    /// As `kubectl get` would show it.
    pub fn owner(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Who runs how many pods, as the beginning of a sentence.
    pub fn runs(&self) -> String {
        let owner = self.owner();
        match self.pods.len() {
            _ if self.kind == "Pod" => format!("{owner} runs"),
            1 => format!("{owner} runs 1 pod"),
            more => format!("{owner} runs {more} pods"),
        }
    }
}
