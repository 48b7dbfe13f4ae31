{{/* Whether this Kubernetes has MutatingAdmissionPolicies: from 1.36 on. */}}
{{- define "signer-operator.mutates" -}}
{{- if not (semverCompare "<1.36.0-0" .Capabilities.KubeVersion.Version) -}}
true
{{- end }}
{{- end }}

{{/* The effective value of guard.creation: Hold, Warn, Deny or Off. Holding a Deployment needs a MutatingAdmissionPolicy. */}}
{{- define "signer-operator.creation" -}}
{{- /* YAML reads Off without quotes as false. */}}
{{- $wanted := .Values.guard.creation | default "Off" }}
{{- if not .Values.guard.enabled -}}
Off
{{- else if and (eq $wanted "Hold") (not (include "signer-operator.mutates" .)) -}}
Warn
{{- else -}}
{{ $wanted }}
{{- end }}
{{- end }}

{{/* matchConditions: the SignerBinding in `params` names this Deployment, by the rule of crds/src/target.rs. A binding that is
suspended or being deleted does not count. */}}
{{- define "signer-operator.named" -}}
- name: the-binding-asks-for-a-signer
  expression: "!has(params.metadata.deletionTimestamp) && !params.spec.?suspend.orValue(false)"
- name: the-binding-names-it
  expression: >-
    (has(params.spec.target.name) && params.spec.target.name == object.metadata.?name.orValue('')) ||
    (has(params.spec.target.selector) &&
    params.spec.target.selector.?matchLabels.orValue({}).all(key,
    object.metadata.?labels[?key].hasValue() &&
    object.metadata.labels[key] == params.spec.target.selector.matchLabels[key]) &&
    params.spec.target.selector.?matchExpressions.orValue([]).all(e,
    e.operator == 'In' ? object.metadata.?labels[?e.key].hasValue() && object.metadata.labels[e.key] in e.values :
    e.operator == 'NotIn' ? !(object.metadata.?labels[?e.key].hasValue() && object.metadata.labels[e.key] in e.values) :
    e.operator == 'Exists' ? object.metadata.?labels[?e.key].hasValue() :
    e.operator == 'DoesNotExist' && !object.metadata.?labels[?e.key].hasValue()))
{{- end }}

{{/* CEL: the pods of `object` start with a signer and with a node that uses it. */}}
{{- define "signer-operator.whole" -}}
object.spec.template.?metadata.?annotations[?'signer.atto.cash/hash'].hasValue() &&
object.spec.template.spec.?initContainers.orValue([]).exists(c, c.name == 'signer' && c.?restartPolicy.orValue('') == 'Always') &&
object.spec.template.spec.containers.exists(c, {{ include "signer-operator.cel.pointed" "c" }})
{{- end }}

{{/* The namespaces that the guard covers: others may belong to another operator, whose ServiceAccount it does not know. */}}
{{- define "signer-operator.creationNamespaces" -}}
{{- with .Values.watchNamespaces -}}
matchResources:
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values:
          {{- toYaml . | nindent 10 }}
{{- end }}
{{- end }}

{{/* The API server evaluates the policy once for each SignerBinding of the namespace. */}}
{{- define "signer-operator.eachBinding" -}}
paramRef:
  selector: {}
  parameterNotFoundAction: Allow
{{- end }}

{{- define "signer-operator.bindingAsParameter" -}}
paramKind:
  apiVersion: signer.atto.cash/v1alpha1
  kind: SignerBinding
{{- end }}
