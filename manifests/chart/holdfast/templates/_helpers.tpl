{{- /* The image, by its digest if there is one. */ -}}
{{- define "holdfast.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* The labels of every object. */ -}}
{{- define "holdfast.labels" -}}
app.kubernetes.io/name: holdfast
app.kubernetes.io/part-of: holdfast
{{- end }}

{{- /* Where pods may run. */ -}}
{{- define "holdfast.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* The image and its rights, the same in every container. */ -}}
{{- define "holdfast.container" -}}
image: {{ include "holdfast.image" . | quote }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
env:
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- with include "holdfast.memoryLimit" . }}
- {name: GOMEMLIMIT, value: {{ . }}}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* Nine tenths of the memory limit, for Go to keep to, where that is in whole Mi or Gi. */ -}}
{{- define "holdfast.memoryLimit" -}}
{{- $limit := dig "limits" "memory" "" .Values.resources | toString }}
{{- if regexMatch "^[0-9]+Mi$" $limit }}{{ div (mul 9 (trimSuffix "Mi" $limit | int64)) 10 }}MiB{{ end }}
{{- if regexMatch "^[0-9]+Gi$" $limit }}{{ div (mul 9216 (trimSuffix "Gi" $limit | int64)) 10 }}MiB{{ end }}
{{- end }}

{{- define "holdfast.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* The flags. */ -}}
{{- define "holdfast.args" -}}
{{- $args := list }}
{{- with .Values.prometheus.url }}{{ $args = append $args (printf "--prometheus-url=%s" .) }}{{ end }}
{{- with .Values.prometheus.scrapeInterval }}{{ $args = append $args (printf "--prometheus-scrape-interval=%s" .) }}{{ end }}
{{- if .Values.prometheus.endpoints }}{{ $args = append $args "--prometheus-endpoints=/etc/holdfast/endpoints/endpoints.yaml" }}{{ end }}
{{- if .Values.notifiers.file }}{{ $args = append $args "--notifiers=/etc/holdfast/notifiers/notifiers.yaml" }}{{ end }}
{{- with .Values.hooks.hosts }}{{ $args = append $args (printf "--hook-hosts=%s" (join "," .)) }}{{ end }}
{{- if eq .Values.certificates.mode "cert-manager" }}{{ $args = append $args "--certificates=cert-manager" }}{{ end }}
{{- with .Values.clientCA }}
{{- if .configMap }}{{ $args = append $args (printf "--client-ca-file=/etc/holdfast/client-ca/%s" .key) }}{{ end }}
{{- if .name }}{{ $args = append $args (printf "--client-name=%s" .name) }}{{ end }}
{{- end }}
{{- if .Values.alerts.enabled }}{{ $args = concat $args (list "--alerts-bind-address=:9095" "--alerts-token-file=/etc/holdfast/alerts/token") }}
{{- if ne .Values.alerts.kill "off" }}{{ $args = append $args (printf "--kill=%s" .Values.alerts.kill) }}{{ end }}
{{- end }}
{{- if .Values.page.enabled }}{{ $args = append $args "--page-bind-address=:9096" }}{{ end }}
{{- if ne (join "," .Values.excludedNamespaces) "kube-system" }}{{ $args = append $args (printf "--excluded-namespaces=%s" (join "," .Values.excludedNamespaces)) }}{{ end }}
{{- with .Values.logging.level }}{{ $args = append $args (printf "--zap-log-level=%v" .) }}{{ end }}
{{- with .Values.logging.encoder }}{{ $args = append $args (printf "--zap-encoder=%s" .) }}{{ end }}
{{- toYaml (concat $args .Values.extraArgs) }}
{{- end }}
