//! Whether the guard exempts the operator: it exempts any user with the permission of the operator's role, and users that its
//! text names.

use crds::names::GROUP;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client};

use super::pieces::{ABOUT, Policy};
use crate::cluster::deadline;
use crate::commands::preflight::finding::{Finding, Verdict, unavailable};
use crate::commands::preflight::permissions::{Permission, may_name};
use crate::model::error::Error;
use crate::model::scope::Scope;

const ACCOUNT: &str = "system:serviceaccount:";

const RIGHT: Permission = Permission {
    verb: "write",
    group: GROUP,
    resource: "injections",
};

/// A user with this permission may do everything, and the guard does not treat it as an operator. A GitOps program may have it.
const EVERYTHING: Permission = Permission {
    verb: "never",
    group: GROUP,
    resource: "nothing",
};

/// A finding if a policy would refuse the writes of this command's user. None if a person runs the command, because the operator
/// is another user.
pub async fn examine(client: &Client, scope: &Scope, policies: &[Policy]) -> Option<Finding> {
    match refusing(client, scope, policies).await {
        Ok(refusing) => refusing,
        Err(error) => Some(unavailable(ABOUT, &error)),
    }
}

async fn refusing(client: &Client, scope: &Scope, policies: &[Policy]) -> Result<Option<Finding>, Error> {
    let name = who_am_i(client).await?;
    if !name.starts_with(ACCOUNT) {
        return Ok(None);
    }
    let mut refusing = vec![];
    let mut knows_us = false;
    for policy in policies.iter().filter(|policy| policy.refuses_edits()) {
        if is_exempt(client, scope, policy, &name).await? {
            knows_us = true;
        } else {
            refusing.push(policy);
        }
    }
    let Some(first) = refusing.first() else { return Ok(None) };
    let text = first.text();
    let names: Vec<_> = accounts(&text).collect();
    // With two releases, each guards its own namespaces.
    let verdict = if knows_us || *scope != Scope::Cluster {
        Verdict::Warning
    } else {
        Verdict::Unfit
    };
    let text = format!(
        "ValidatingAdmissionPolicy {} exempts {} and refuses {name}, which runs this command: the policy rejects its writes. Install guard and operator from one release of the chart, with its roles and no role that allows everything; of two operators, keep one or let each watch namespaces of its own (watchNamespaces)",
        first.name(),
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        },
    );
    Ok(Some(Finding::new(verdict, ABOUT, text)))
}

async fn who_am_i(client: &Client) -> Result<String, Error> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let answer = deadline("ask who runs this", api.create(&PostParams::default(), &review)).await?;
    let user = answer.status.and_then(|status| status.user_info);
    Ok(user.and_then(|user| user.username).unwrap_or_default())
}

async fn is_exempt(client: &Client, scope: &Scope, policy: &Policy, name: &str) -> Result<bool, Error> {
    let text = policy.text();
    if accounts(&text).any(|account| account == name) {
        return Ok(true);
    }
    let Some(right) = right(&text) else { return Ok(false) };
    let namespaces: Vec<_> = match scope {
        Scope::Cluster => vec![None],
        Scope::Namespaces { names, .. } => names.iter().map(|name| Some(name.as_str())).collect(),
    };
    for namespace in namespaces {
        let has_it = may_name(client, RIGHT, namespace, Some(right)).await?;
        if !has_it || may_name(client, EVERYTHING, namespace, None).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The users that an expression names.
fn accounts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\'', '"', '\\'])
        .filter(|part| part.starts_with(ACCOUNT) && *part != ACCOUNT)
}

/// The name of the permission that an expression checks.
fn right(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("resource('injections')")?;
    let (_, rest) = rest.split_once(".name('")?;
    rest.split_once('\'').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_right_are_found_in_the_expression() {
        let text = "!(request.userInfo.username in [\"system:serviceaccount:a:b\"] || (request.userInfo.username.startsWith('system:serviceaccount:') && \
                    authorizer.group('signer.atto.cash').resource('injections').namespace(request.namespace).name('a/b').check('write').allowed()))";
        assert_eq!(accounts(text).collect::<Vec<_>>(), ["system:serviceaccount:a:b"]);
        assert_eq!(right(text), Some("a/b"));
        assert_eq!(right("true"), None);
    }
}
