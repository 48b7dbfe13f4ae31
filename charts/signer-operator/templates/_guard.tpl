{{/* CEL that several policies of the guard use. Each definition is an expression in brackets. */}}

{{/* The variables that make a node use its signer. */}}
{{- define "signer-operator.cel.variables" -}}
['ATTO_SIGNER_BACKEND', 'ATTO_SIGNER_REMOTE_URL', 'ATTO_SIGNER_REMOTE_TOKEN']
{{- end }}

{{/* Whether the item `e` of an `env` list, which is one of these variables, has a value for a node with a signer. The port and the
Secret may have any value: a commit may change them together with the SignerBinding. The host is fixed, and the whole address is
matched, because http://localhost:9090@elsewhere begins with the same text. */}}
{{- define "signer-operator.cel.right" -}}
(e.name == 'ATTO_SIGNER_BACKEND' ? e.?value.orValue('') == 'REMOTE' :
e.name == 'ATTO_SIGNER_REMOTE_URL' ? e.?value.orValue('').matches('^http://localhost:[0-9]{1,5}$') :
e.?valueFrom.?secretKeyRef.hasValue())
{{- end }}

{{/* Whether a container uses its signer: it has all three variables, and each entry with one of these names is right, because of
several entries with one name the last one applies. The list is read once, because it may be long and CEL counts each step. */}}
{{- define "signer-operator.cel.pointed" -}}
([{{ . }}.?env.orValue([]).filter(e, e.name in {{ include "signer-operator.cel.variables" . }})].exists(ours,
{{ include "signer-operator.cel.variables" . }}.all(n, ours.exists(e, e.name == n)) &&
ours.all(e, {{ include "signer-operator.cel.right" . }})))
{{- end }}

{{/* The errors in these variables of a container, as a list of texts. Values are not shown, because one may be a token. */}}
{{- define "signer-operator.cel.wrong" -}}
({{ include "signer-operator.cel.variables" . }}.filter(n, !{{ . }}.?env.orValue([]).exists(e, e.name == n)).map(n, n + ' is missing') +
{{ include "signer-operator.cel.variables" . }}.filter(n, {{ . }}.?env.orValue([]).exists(e, e.name == n && !{{ include "signer-operator.cel.right" . }})).map(n,
n == 'ATTO_SIGNER_BACKEND' ? n + ' is not REMOTE' :
n == 'ATTO_SIGNER_REMOTE_URL' ? n + ' is not http://localhost:<port>' : n + ' does not come from a Secret'))
{{- end }}

{{/* The reasons why no container of a list uses its signer, as a list of texts. */}}
{{- define "signer-operator.cel.unpointed" -}}
({{ . }}.exists(c, c.?env.orValue([]).exists(e, e.name in {{ include "signer-operator.cel.variables" . }})) ?
{{ . }}.filter(c, c.?env.orValue([]).exists(e, e.name in {{ include "signer-operator.cel.variables" . }})).map(c,
'container ' + c.name + ': ' + {{ include "signer-operator.cel.wrong" "c" }}.join(', ')) :
['no container has the variables ' + {{ include "signer-operator.cel.variables" . }}.join(', ')])
{{- end }}

{{/* The volumes that the operator adds to a pod for the signer's container only: its token for the key service, and certificates. */}}
{{- define "signer-operator.cel.files" -}}
['signer-identity', 'signer-ca']
{{- end }}

{{/* Whether the container `a` has the mounts of `b`, with or without the mounts of these volumes. */}}
{{- define "signer-operator.cel.sameMounts" -}}
(a.?volumeMounts.orValue([]) == b.?volumeMounts.orValue([]) || a.?volumeMounts.orValue([]) == b.?volumeMounts.orValue([]).filter(m, !(m.name in {{ include "signer-operator.cel.files" . }})))
{{- end }}

{{/* The volumes among these that a container of the given list mounts. */}}
{{- define "signer-operator.cel.mountedFiles" -}}
{{ include "signer-operator.cel.files" . }}.filter(v, {{ . }}.exists(s, s.?volumeMounts.orValue([]).exists(m, m.name == v)))
{{- end }}

{{/* Name of a user of the API server: "namespace/name" of a ServiceAccount. */}}
{{- define "signer-operator.user" -}}
{{- $parts := splitList "/" . -}}
system:serviceaccount:{{ first $parts }}:{{ last $parts }}
{{- end }}

{{- define "signer-operator.operatorUser" -}}
{{- include "signer-operator.user" (printf "%s/%s" .Release.Namespace .Values.serviceAccount.name) }}
{{- end }}

{{/* The users whose edits are not checked: the operator, which has a policy of its own, and the users that the values name. */}}
{{- define "signer-operator.exemptUsers" -}}
{{- $users := list (include "signer-operator.operatorUser" .) }}
{{- range .Values.guard.exemptServiceAccounts }}
{{- $users = append $users (include "signer-operator.user" .) }}
{{- end }}
{{- $users | toJson }}
{{- end }}

{{/* CEL: the user is a ServiceAccount with the permission of the operator's role. A tool that moves and renames the objects of this
release, such as kustomize, changes roles and their subjects, but no text in an expression. A ServiceAccount that may do everything,
such as the one of a GitOps program, has this permission too and must not be exempt. Therefore the expression also checks that the
user lacks a permission that no role grants. */}}
{{- define "signer-operator.cel.hasTheRight" -}}
(request.userInfo.username.startsWith('system:serviceaccount:') &&
authorizer.group('signer.atto.cash').resource('injections').namespace(request.namespace).name({{ include "signer-operator.rightName" . | squote }}).check('write').allowed() &&
!authorizer.group('signer.atto.cash').resource('nothing').namespace(request.namespace).check('never').allowed())
{{- end }}

{{/* CEL: whether the guard exempts the user. */}}
{{- define "signer-operator.cel.exempt" -}}
(request.userInfo.username in {{ include "signer-operator.exemptUsers" . }} ||
{{ include "signer-operator.cel.hasTheRight" . }})
{{- end }}

{{/* Whether the operator may inject `image`, an expression: the same rule as in the operator (--allowed-signer-images). A prefix ends
at a separator. After a host alone, a colon begins a port and not a tag. */}}
{{- define "signer-operator.cel.allowedImage" -}}
{{- $exactly := list }}
{{- $beginnings := list }}
{{- range include "signer-operator.allowedSignerImages" .root | fromJsonArray }}
{{- if regexMatch "[/:@]$" . }}
{{- $beginnings = append $beginnings . }}
{{- else }}
{{- $exactly = append $exactly . }}
{{- $beginnings = concat $beginnings (list (print . "/") (print . "@")) }}
{{- if contains "/" . }}
{{- $beginnings = append $beginnings (print . ":") }}
{{- end }}
{{- end }}
{{- end -}}
({{ .image }} in {{ toJson $exactly }} || {{ toJson $beginnings }}.exists(p, {{ .image }}.startsWith(p)))
{{- end }}

{{/* Metadata of an object of the guard; "name" is the end of its name. */}}
{{- define "signer-operator.guardMetadata" -}}
name: {{ include "signer-operator.clusterName" (dict "root" .root "suffix" (print "-" .name)) }}
labels:
  {{- include "signer-operator.labels" .root | nindent 2 }}
{{- with include "signer-operator.annotations" (dict "root" .root) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The binding of a policy of the same name. Other namespaces may belong to another operator, whose ServiceAccount the guard does not
know. With "everywhere", the policy also applies there, because it checks the user. */}}
{{- define "signer-operator.guardBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "signer-operator.guardMetadata" . | nindent 2 }}
spec:
  policyName: {{ include "signer-operator.clusterName" (dict "root" .root "suffix" (print "-" .name)) }}
  validationActions: [Deny]
  {{- if not .everywhere }}
  {{- with .root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml . | nindent 12 }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* The keys of two maps, "before" and "after", whose values differ, less those in the list "free". */}}
{{- define "signer-operator.cel.changedKeys" -}}
(dyn({{ .after }}).filter(k, !(k in {{ .free }}) && dyn({{ .before }})[?k] != dyn({{ .after }})[?k]) +
dyn({{ .before }}).filter(k, !(k in {{ .free }}) && !(k in dyn({{ .after }}))))
{{- end }}

{{/* Whether the injected fields are restored if a manifest has an empty key. */}}
{{- define "signer-operator.keeps" -}}
{{- if and .Values.guard.enabled .Values.guard.manifestManagers -}}
{{ include "signer-operator.mutates" . }}
{{- end }}
{{- end }}

{{/* CEL: the request comes from a tool that applies manifests, by its field manager. */}}
{{- define "signer-operator.cel.applies" -}}
{{- $names := list }}
{{- $beginnings := list }}
{{- range .Values.guard.manifestManagers }}
{{- if hasSuffix "*" . }}
{{- $beginnings = append $beginnings (trimSuffix "*" .) }}
{{- else }}
{{- $names = append $names . }}
{{- end }}
{{- end }}
{{- $manager := "request.options.?fieldManager.orValue('')" -}}
({{ $manager }} in {{ include "signer-operator.cel.texts" $names }} || {{ include "signer-operator.cel.texts" $beginnings }}.exists(p, {{ $manager }}.startsWith(p)))
{{- end }}

{{/* A list of texts, in CEL. */}}
{{- define "signer-operator.cel.texts" -}}
[{{ range $index, $text := . }}{{ if $index }}, {{ end }}'{{ $text }}'{{ end }}]
{{- end }}

{{/* CEL: the image `after` is `before`, pinned by its digest, or the same from a mirror that `allowedSignerImages` names. */}}
{{- define "signer-operator.cel.sameImage" -}}
({{ .after }} == {{ .before }} || {{ .after }}.startsWith({{ .before }} + '@') ||
({{ include "signer-operator.cel.allowedImage" (dict "root" .root "image" .after) }} &&
[[{{ .before }}.split('/'), {{ .after }}.split('/')].map(p, p[size(p) - 1])].exists(n, n[1] == n[0] || n[1].startsWith(n[0] + '@'))))
{{- end }}
