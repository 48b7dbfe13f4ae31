{{/* The chart's name. */}}
{{- define "signer-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{/* What the chart's objects are called; 53 characters leave room for the longest suffix. */}}
{{- define "signer-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- $name := include "signer-operator.name" . }}
{{- $release := replace "." "-" .Release.Name }}
{{- if regexMatch "^[0-9]" $release }}
{{- /* The name of a Service begins with a letter. */}}
{{- printf "%s-%s" $name $release | trunc 53 | trimSuffix "-" }}
{{- else if contains $name $release }}
{{- $release | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" $release $name | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The name of a cluster-scoped object; "suffix" is the end of its first part. Releases of one name in several namespaces do not get in
each other's way. A namespace that is called like the release needs no second part, and neither of the two can contain a dot. */}}
{{- define "signer-operator.clusterName" -}}
{{- $fullname := include "signer-operator.fullname" .root }}
{{- printf "%s%s" $fullname (.suffix | default "") }}
{{- if ne $fullname .root.Release.Namespace }}.{{ .root.Release.Namespace }}{{ end }}
{{- end }}

{{/* What the right of the operator is about, see signer-operator.cel.hasTheRight: no name of an object, because such names are changed. */}}
{{- define "signer-operator.rightName" -}}
{{ .Release.Namespace }}/{{ include "signer-operator.fullname" . }}
{{- end }}

{{- define "signer-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "signer-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "signer-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "signer-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- /* These two may be set: people put their own system here. */}}
{{- $own := dict "app.kubernetes.io/component" "operator" "app.kubernetes.io/part-of" "signer-operator" }}
{{ merge (dict) .Values.commonLabels $own | toYaml }}
{{- end }}

{{/* Annotations of an object ("own"; they win) and those of all objects ("root" is the root context). */}}
{{- define "signer-operator.annotations" -}}
{{- $all := merge (dict) (.own | default dict) .root.Values.commonAnnotations }}
{{- if $all }}
{{- toYaml $all }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a ServiceMonitor. */}}
{{- define "signer-operator.monitored" -}}
labels:
  {{- merge (dict) .Values.serviceMonitor.labels (include "signer-operator.labels" . | fromYaml) | toYaml | nindent 2 }}
{{- with include "signer-operator.annotations" (dict "root" .) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How often, and for how long, an endpoint of a ServiceMonitor is scraped. */}}
{{- define "signer-operator.scraped" -}}
{{- with .Values.serviceMonitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .Values.serviceMonitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- end }}

{{/* The operator's image. What comes before the first slash is a registry where it could be a host's name. */}}
{{- define "signer-operator.image" -}}
{{- $image := .Values.image }}
{{- $first := splitList "/" $image.repository | first }}
{{- $named := and (contains "/" $image.repository) (or (regexMatch "[.:]" $first) (eq $first "localhost")) }}
{{- if and $image.registry (not $named) }}{{ $image.registry }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Allowed prefixes of signer images. Default: the repository of the injected image. */}}
{{- define "signer-operator.allowedSignerImages" -}}
{{- $own := include "signer-operator.wantedSignerImage" . | splitList "@" | first }}
{{- .Values.allowedSignerImages | default (list (regexReplaceAll ":[^:/]*$" $own "")) | toJson }}
{{- end }}

{{- define "signer-operator.wantedSignerImage" -}}
{{- $registry := .Values.image.registry | default "ghcr.io" }}
{{- .Values.signerImage | default (printf "%s/attocash/signer-operator/signer:%s" $registry .Chart.AppVersion) }}
{{- end }}

{{/* The signer's image for SignerBindings that name none. The operator does not start with one that it would refuse,
so say it before anything is installed. */}}
{{- define "signer-operator.signerImage" -}}
{{- $image := include "signer-operator.wantedSignerImage" . }}
{{- $prefixes := include "signer-operator.allowedSignerImages" . | fromJsonArray }}
{{- $allowed := false }}
{{- range $prefix := $prefixes }}
{{- if hasPrefix $prefix $image }}
{{- $rest := trimPrefix $prefix $image }}
{{- if or (not $rest) (regexMatch "[/:@]$" $prefix) (regexMatch "^[/@]" $rest) (and (hasPrefix ":" $rest) (contains "/" $prefix)) }}
{{- $allowed = true }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $allowed }}
{{- fail (printf "signerImage: found %s, expected an image that begins with one of allowedSignerImages: %s; add its prefix there" $image (join ", " $prefixes)) }}
{{- end }}
{{- $image }}
{{- end }}

{{/* Where the operator acts: flags of `run` and of `preflight`. */}}
{{- define "signer-operator.scope" -}}
{{- with .Values.watchNamespaces }}
- {{ printf "--watch-namespaces=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.rbac.strict }}
- --strict-rbac
{{- end }}
{{- end }}

{{/* Pod Security `restricted`, for pod and container. */}}
{{- define "signer-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "signer-operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Whether the operator tests a pod before it replaces running ones; empty is no. Without the guard nothing would bind the right to
create pods to dry runs, so it has none there. */}}
{{- define "signer-operator.triesPods" -}}
{{- if and .Values.tryBeforeRoll.enabled .Values.guard.enabled }}true{{ end }}
{{- end }}

{{/* What the operator does in a namespace that it watches. */}}
{{- define "signer-operator.rules" -}}
# No such resource is served: by this right the guard knows the operator, whatever its ServiceAccount and namespace are called.
- apiGroups: [signer.atto.cash]
  resources: [injections]
  resourceNames: [{{ include "signer-operator.rightName" . | quote }}]
  verbs: [write]
- apiGroups: [signer.atto.cash]
  resources: [signerbindings]
  verbs: [get, list, watch, patch]
- apiGroups: [signer.atto.cash]
  resources: [signerbindings/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch]
# Whether a pod is the Deployment's own.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get]
# Those with an injected template: what they run, and where their signer answers.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- if include "signer-operator.triesPods" . }}
# Only for dry runs, to which the guard limits it: whether a pod with its signer would be accepted, before the running one is replaced.
- apiGroups: [""]
  resources: [pods]
  verbs: [create]
{{- end }}
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# The annotation for Workload Identity.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, patch]
# By name only: list or watch would hand over every Secret.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# Whether the namespace is being deleted.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
