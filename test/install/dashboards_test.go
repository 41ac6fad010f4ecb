package install

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestTheDashboardsAreForYourSidecar: with its label and folder, in its namespace; without the flag there are
// none.
func TestTheDashboardsAreForYourSidecar(t *testing.T) {
	t.Parallel()
	for _, helm := range helms {
		got := helmTemplate(t, helm, "holdfast-system", "--set=dashboards.enabled=true,dashboards.namespace=monitoring,"+
			"dashboards.label=team_dashboard,dashboards.annotations.grafana_folder=Holdfast", "--set-string=dashboards.labelValue=yes")
		none := helmTemplate(t, helm, "holdfast-system")
		for _, name := range []string{"operators", "teams"} {
			id := "ConfigMap monitoring/holdfast-" + name + "-dashboard"
			var config corev1.ConfigMap
			strict(t, got[id], &config)
			if config.Labels["team_dashboard"] != "yes" || config.Labels["grafana_dashboard"] != "" || config.Annotations["grafana_folder"] != "Holdfast" {
				t.Errorf("%s: %s has labels %v, annotations %v", helm, id, config.Labels, config.Annotations)
			}
			if !json.Valid([]byte(config.Data["holdfast-"+name+".json"])) {
				t.Errorf("%s: %s has no JSON", helm, id)
			}
			if id = "ConfigMap holdfast-system/holdfast-" + name + "-dashboard"; none[id] != nil {
				t.Errorf("%s installs %s unasked", helm, id)
			}
		}
	}
}
