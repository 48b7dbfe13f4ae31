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
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "signer-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "signer-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "signer-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "signer-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The image that is injected where a SignerBinding names none. */}}
{{- define "signer-operator.signerImage" -}}
{{- .Values.signerImage | default (printf "ghcr.io/attocash/signer-operator/signer:%s" .Chart.AppVersion) }}
{{- end }}

{{/* "true" where the guard is wanted and the cluster knows ValidatingAdmissionPolicy v1. */}}
{{- define "signer-operator.guarded" -}}
{{- if and .Values.guard.enabled (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}true{{ end }}
{{- end }}

{{/* What the operator does in a namespace that it watches. */}}
{{- define "signer-operator.rules" -}}
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
