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
