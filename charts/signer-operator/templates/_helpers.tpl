{{/* The chart's name. */}}
{{- define "signer-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{/* The name of the chart's objects. 53 characters leave room for the longest suffix. */}}
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

{{/* The name of a cluster-scoped object. "suffix" is the end of its first part, and the namespace is the second part, so that releases
with the same name in several namespaces have different objects. If the namespace has the name of the release, the second part is left
out. Neither name can contain a dot. */}}
{{- define "signer-operator.clusterName" -}}
{{- $fullname := include "signer-operator.fullname" .root }}
{{- printf "%s%s" $fullname (.suffix | default "") }}
{{- if ne $fullname .root.Release.Namespace }}.{{ .root.Release.Namespace }}{{ end }}
{{- end }}

{{/* The resource name in the operator's permission, see signer-operator.cel.hasTheRight. It is not the name of an object, because tools such as kustomize change those. */}}
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
{{- /* commonLabels may set these two, for example to the name of a larger system. */}}
{{- $own := dict "app.kubernetes.io/component" "operator" "app.kubernetes.io/part-of" "signer-operator" }}
{{ merge (dict) .Values.commonLabels $own | toYaml }}
{{- end }}

{{/* Annotations of an object: its own ("own"), which take precedence, and the annotations of all objects. "root" is the root context. */}}
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

{{/* Interval and timeout for scraping an endpoint of a ServiceMonitor. */}}
{{- define "signer-operator.scraped" -}}
{{- with .Values.serviceMonitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .Values.serviceMonitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- end }}

{{/* The operator's image. The text before the first slash is a registry if it could be the name of a host. */}}
{{- define "signer-operator.image" -}}
{{- $image := .Values.image }}
{{- $first := splitList "/" $image.repository | first }}
{{- $named := and (contains "/" $image.repository) (or (regexMatch "[.:]" $first) (eq $first "localhost")) }}
{{- if and $image.registry (not $named) }}{{ $image.registry }}/{{ end }}{{ $image.repository }}
{{- $built := include "signer-operator.builtDigest" (dict "root" . "image" "operator") }}
{{- if $image.digest }}@{{ $image.digest }}
{{- else if $image.tag }}:{{ $image.tag }}
{{- else if $built }}@{{ $built }}
{{- else }}:{{ .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* The digest of the image that was built for this version. Empty if the chart is not of a release. */}}
{{- define "signer-operator.builtDigest" -}}
{{- get (.root.Files.Get "files/digests.yaml" | fromYaml) .image }}
{{- end }}

{{/* Allowed prefixes of signer images. Default: the repository of the injected image. */}}
{{- define "signer-operator.allowedSignerImages" -}}
{{- $own := include "signer-operator.wantedSignerImage" . | splitList "@" | first }}
{{- .Values.allowedSignerImages | default (list (regexReplaceAll ":[^:/]*$" $own "")) | toJson }}
{{- end }}

{{- define "signer-operator.wantedSignerImage" -}}
{{- $registry := .Values.image.registry | default "ghcr.io" }}
{{- $built := include "signer-operator.builtDigest" (dict "root" . "image" "signer") }}
{{- $version := ternary (printf "@%s" $built) (printf ":%s" .Chart.AppVersion) (ne $built "") }}
{{- .Values.signerImage | default (printf "%s/attocash/signer-operator/signer%s" $registry $version) }}
{{- end }}

{{/* The signer's image for SignerBindings that name none. The operator does not start with an image that it would refuse, so the chart
fails before anything is installed. */}}
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

{{/* The scope of the operator: flags of `run` and of `preflight`. */}}
{{- define "signer-operator.scope" -}}
{{- with .Values.watchNamespaces }}
- {{ printf "--watch-namespaces=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.rbac.strict }}
- --strict-rbac
{{- end }}
{{- end }}

{{/* Whether the operator tests a pod before it replaces running ones. Empty means no. Without the guard, nothing would limit the right to
create pods to dry runs, so the operator does not get the right. */}}
{{- define "signer-operator.triesPods" -}}
{{- if and .Values.tryBeforeRoll.enabled .Values.guard.enabled }}true{{ end }}
{{- end }}

{{/* The operator's permissions in a namespace that it watches. */}}
{{- define "signer-operator.rules" -}}
# The API server serves no such resource. The guard recognises the operator by this permission, independent of the names of its ServiceAccount and namespace.
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
# To check whether a pod belongs to the Deployment.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get]
# Pods with an injected template: their state, and the address of their signer.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- if include "signer-operator.triesPods" . }}
# Only for dry runs, to which the guard limits it: to test a pod with its signer before the running pod is replaced.
- apiGroups: [""]
  resources: [pods]
  verbs: [create]
{{- end }}
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# To set the annotation for Workload Identity.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, patch]
# By name only: list or watch would give access to every Secret.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# To check whether the namespace is being deleted.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
