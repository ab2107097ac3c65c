{{- define "tessera.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "tessera.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tessera.labels" -}}
{{ include "tessera.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "tessera.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What server and migration share: nobody who breaks into the process finds a token, a writable file or a capability. */}}
{{- define "tessera.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 64Mi }
  {{- with .Values.extraCaCertificates }}
  {{- if .name }}
  - name: ca
    configMap:
      name: {{ .name }}
      items: [{ key: {{ .key | quote }}, path: ca.pem }]
  {{- end }}
  {{- end }}
{{- end }}

{{- define "tessera.container" -}}
image: {{ include "tessera.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
env:
  - { name: HOST, value: 0.0.0.0 }
  - { name: PORT, value: '3000' }
  {{- range $name, $value := .Values.env }}
  - { name: {{ $name }}, value: {{ $value | quote }} }
  {{- end }}
  {{- with .Values.secrets }}
  {{- if and .VAULT_TOKEN (or .VAULT_ROLE_ID .VAULT_SECRET_ID) }}
  {{- fail "secrets: VAULT_TOKEN and VAULT_ROLE_ID are two logins to Vault: set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, to null" }}
  {{- end }}
  {{- end }}
  {{- range $name, $from := .Values.secrets }}
  {{- if $from }}
  - name: {{ $name }}
    valueFrom: { secretKeyRef: { name: {{ $from.name }}, key: {{ $from.key }} } }
  {{- end }}
  {{- end }}
  {{- if .Values.extraCaCertificates.name }}
  - { name: NODE_EXTRA_CA_CERTS, value: /etc/tessera/ca/ca.pem }
  {{- end }}
resources: {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if .Values.extraCaCertificates.name }}
  - { name: ca, mountPath: /etc/tessera/ca, readOnly: true }
  {{- end }}
{{- end }}
