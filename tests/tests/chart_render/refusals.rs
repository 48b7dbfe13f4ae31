//! The chart refuses a misspelt or unusable value, and names it.

use tests::chart::render;

#[tokio::test]
async fn unknown_and_wrong_values_are_refused_by_name() {
    for (value, names) in [
        ("gaurd={\"enabled\": false}", "gaurd"),
        ("guard={\"enable\": false}", "/guard"),
        ("guard.enabled=\"no\"", "/guard/enabled"),
        ("guard.pods=\"no\"", "/guard/pods"),
        (
            "guard.exemptServiceAccounts=[\"signer-operator\"]",
            "/guard/exemptServiceAccounts/0",
        ),
        ("crds.install=1", "/crds/install"),
        ("image.repository=\"\"", "/image/repository"),
        ("image.repository=\"ghcr.io/operator:1\"", "/image/repository"),
        ("image.pullPolicy=\"Sometimes\"", "/image/pullPolicy"),
        ("image.digest=\"sha256:0\"", "/image/digest"),
        ("image.tag=\"a:b\"", "/image/tag"),
        ("crds.keep=\"yes\"", "/crds/keep"),
        ("crds.enabled=false", "enabled"),
        ("updateStrategy.type=\"Recreate\"", "/updateStrategy/type"),
        (
            "podDisruptionBudget.maxUnavailable=0",
            "/podDisruptionBudget/maxUnavailable",
        ),
        ("podDisruptionBudget.minAvailable=1", "minAvailable"),
        (
            "topologySpreadConstraints=[{\"topologyKey\": \"zone\"}]",
            "/topologySpreadConstraints/0",
        ),
        ("extraArgs=[\"-v\"]", "/extraArgs/0"),
        ("extraArgs=[\"--log-level=debug\"]", "/extraArgs/0"),
        ("extraArgs=[\"--strict-rbac\"]", "/extraArgs/0"),
        ("fullnameOverride=\"1st\"", "/fullnameOverride"),
        ("extraEnv=[{\"value\": \"1\"}]", "/extraEnv/0"),
        ("commonLabels={\"app.kubernetes.io/name\": \"a\"}", "/commonLabels"),
        ("commonLabels={\"no spaces\": \"a\"}", "/commonLabels"),
        ("podLabels={\"a\": \"no spaces\"}", "/podLabels/a"),
        ("commonAnnotations={\"a\": true}", "/commonAnnotations/a"),
        ("networkPolicy.ingressFrom=[]", "/networkPolicy/ingressFrom"),
        (
            "networkPolicy.apiServerCidrs=[\"everywhere\"]",
            "/networkPolicy/apiServerCidrs/0",
        ),
        ("networkPolicy.managementPorts=[0]", "/networkPolicy/managementPorts/0"),
        ("serviceMonitor.interval=\"often\"", "/serviceMonitor/interval"),
        ("serviceMonitor.signers=\"all\"", "/serviceMonitor/signers"),
        ("prometheusRule.rules=[]", "rules"),
        ("prometheusRule.namespace=\"Atto\"", "/prometheusRule/namespace"),
        (
            "prometheusRule.disabled=[\"AttoSignerBackendDwon\"]",
            "/prometheusRule/disabled/0",
        ),
        (
            "prometheusRule.runbookBaseUrl=\"docs#alerts\"",
            "/prometheusRule/runbookBaseUrl",
        ),
        (
            "prometheusRule.additionalRuleLabels={\"a-b\": \"c\"}",
            "/prometheusRule/additionalRuleLabels",
        ),
        ("dashboards.label=\"no spaces\"", "/dashboards/label"),
        ("dashboards.labelValue=1", "/dashboards/labelValue"),
        ("tolerations=[{\"effect\": \"Never\"}]", "/tolerations/0/effect"),
        ("affinity.podAfinity={}", "podAfinity"),
        ("priorityClassName=\"System Critical\"", "/priorityClassName"),
        ("signerImage=\"with space\"", "/signerImage"),
        ("allowedSignerImages=\"ghcr.io/\"", "/allowedSignerImages"),
        ("allowedSignerImages=[\"\"]", "/allowedSignerImages/0"),
        ("allowedSignerImages=[\"a/,b/\"]", "/allowedSignerImages/0"),
        ("logLevel=\"verbose\"", "/logLevel"),
        ("serviceAccount.name=\"\"", "/serviceAccount/name"),
        ("resources.limits.memory=\"lots\"", "/resources/limits/memory"),
        ("replicas=\"two\"", "/replicas"),
        ("nodeSelector=[]", "/nodeSelector"),
        ("watchNamespaces=\"atto\"", "/watchNamespaces"),
        ("watchNamespaces=[\"Atto\"]", "/watchNamespaces/0"),
        ("rbac.strict=\"yes\"", "/rbac/strict"),
    ] {
        let error = render(&["--set-json", value]).await.expect_err(value).to_string();
        assert!(error.contains(names), "{value}: {error}");
    }
}
