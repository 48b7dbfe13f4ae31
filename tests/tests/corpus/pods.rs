//! Variations of the pod outside of the containers.

use serde_json::json;

use super::{Case, case, case_since};

macro_rules! pod {
    ($field:literal) => {
        concat!("/spec/template/spec/", $field)
    };
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "host-network",
            vec![
                (pod!("hostNetwork"), json!(true)),
                (pod!("hostPID"), json!(true)),
                (pod!("dnsPolicy"), json!("ClusterFirstWithHostNet")),
                (
                    pod!("containers/0/ports"),
                    json!([{"containerPort": 8082, "hostPort": 8082}]),
                ),
            ],
        ),
        case("restricted", restricted()),
        case(
            "security-of-the-pod",
            vec![(
                pod!("securityContext"),
                json!({
                    "runAsUser": 1000, "fsGroup": 2000, "supplementalGroups": [3000],
                    "fsGroupChangePolicy": "OnRootMismatch", "sysctls": [{"name": "net.core.somaxconn", "value": "1024"}],
                }),
            )],
        ),
        case(
            "privileged-neighbour",
            vec![(
                pod!("containers/1/securityContext"),
                json!({"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}}),
            )],
        ),
        case(
            "fields-newer-than-some-clients",
            vec![
                (pod!("hostUsers"), json!(false)),
                (pod!("os"), json!({"name": "linux"})),
                (pod!("schedulingGates"), json!([{"name": "example.com/gate"}])),
            ],
        ),
        case_since(
            34,
            "fields-newer-than-most-clients",
            vec![
                (pod!("hostnameOverride"), json!("voter.example")),
                (
                    pod!("resources"),
                    json!({"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}}),
                ),
                (pod!("containers/0/lifecycle"), json!({"stopSignal": "SIGUSR1"})),
                (
                    pod!("resourceClaims"),
                    json!([{"name": "card", "resourceClaimTemplateName": "card"}]),
                ),
                (pod!("containers/0/resources"), json!({"claims": [{"name": "card"}]})),
            ],
        ),
        case(
            "service-account",
            vec![
                (pod!("serviceAccountName"), json!("voter")),
                (pod!("automountServiceAccountToken"), json!(false)),
                (pod!("imagePullSecrets"), json!([{"name": "registry"}])),
            ],
        ),
        case(
            "names-and-dns",
            vec![
                (pod!("hostname"), json!("voter")),
                (pod!("subdomain"), json!("voters")),
                (pod!("setHostnameAsFQDN"), json!(true)),
                (pod!("enableServiceLinks"), json!(false)),
                (
                    pod!("hostAliases"),
                    json!([{"ip": "127.0.0.2", "hostnames": ["a.example", "b.example"]}]),
                ),
                (
                    pod!("dnsConfig"),
                    json!({"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "1"}]}),
                ),
            ],
        ),
        case(
            "ending",
            vec![
                (pod!("terminationGracePeriodSeconds"), json!(300)),
                (pod!("shareProcessNamespace"), json!(true)),
                (pod!("readinessGates"), json!([{"conditionType": "example.com/ready"}])),
            ],
        ),
    ];
    cases.extend(volumes());
    cases.extend(scheduling());
    cases
}

/// The fields that Pod Security `restricted` requires of the voter's own containers.
fn restricted() -> Vec<(&'static str, serde_json::Value)> {
    let container = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    vec![
        (
            pod!("securityContext"),
            json!({"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}),
        ),
        (pod!("containers/0/securityContext"), container.clone()),
        (pod!("containers/1/securityContext"), container),
    ]
}

fn volumes() -> Vec<Case> {
    vec![
        case(
            "projected-volumes",
            vec![(
                pod!("volumes"),
                json!([{"name": "all", "projected": {"defaultMode": 256, "sources": [
                    {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 3600}},
                    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                    {"configMap": {"name": "node", "items": [{"key": "a", "path": "b", "mode": 292}]}},
                    {"secret": {"name": "db", "optional": true}},
                ]}}]),
            )],
        ),
        case(
            "ephemeral-volumes",
            vec![(
                pod!("volumes"),
                json!([
                    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {
                        "metadata": {"labels": {"type": "scratch"}},
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                    }}},
                    {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
                ]),
            )],
        ),
        case_since(
            34,
            "image-volumes",
            vec![(
                pod!("volumes"),
                json!([{"name": "model", "image": {"reference": "registry.example/data:1", "pullPolicy": "Always"}}]),
            )],
        ),
        case(
            "mounted-volumes",
            vec![
                (
                    pod!("volumes"),
                    json!([
                        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                        {"name": "raw", "persistentVolumeClaim": {"claimName": "raw"}},
                        {"name": "host", "hostPath": {"path": "/var/lib/atto", "type": "DirectoryOrCreate"}},
                        {"name": "share", "nfs": {"server": "nfs.example", "path": "/"}},
                        {"name": "secrets", "csi": {"driver": "secrets.example", "readOnly": true, "volumeAttributes": {"class": "a"}}},
                    ]),
                ),
                (
                    pod!("containers/0/volumeMounts"),
                    json!([
                        {"name": "data", "mountPath": "/data", "subPathExpr": "$(ATTO_PUBLIC_URI)"},
                        {"name": "data", "mountPath": "/other", "subPath": "other"},
                        {"name": "host", "mountPath": "/host", "mountPropagation": "HostToContainer"},
                        {"name": "secrets", "mountPath": "/secrets", "readOnly": true, "recursiveReadOnly": "IfPossible"},
                    ]),
                ),
                (
                    pod!("containers/0/volumeDevices"),
                    json!([{"name": "raw", "devicePath": "/dev/raw"}]),
                ),
            ],
        ),
    ]
}

fn scheduling() -> Vec<Case> {
    let terms = json!([{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]);
    let others = json!([{"labelSelector": {"matchLabels": {"app": "voter"}}, "topologyKey": "kubernetes.io/hostname"}]);
    vec![
        case(
            "affinity",
            vec![(
                pod!("affinity"),
                json!({
                    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}},
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": others},
                }),
            )],
        ),
        case(
            "tolerations",
            vec![(
                pod!("tolerations"),
                json!([
                    {"operator": "Exists", "effect": "NoSchedule"},
                    {"key": "voters", "value": "yes"},
                    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600},
                ]),
            )],
        ),
        case(
            "topology-spread",
            vec![(
                pod!("topologySpreadConstraints"),
                json!([{
                    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"app": "voter"}}, "matchLabelKeys": ["pod-template-hash"],
                }]),
            )],
        ),
        case(
            "priority",
            vec![
                (pod!("priorityClassName"), json!("system-cluster-critical")),
                (pod!("preemptionPolicy"), json!("Never")),
                (pod!("schedulerName"), json!("other-scheduler")),
                (pod!("runtimeClassName"), json!("gvisor")),
                (pod!("nodeSelector"), json!({"kubernetes.io/arch": "arm64"})),
            ],
        ),
    ]
}
