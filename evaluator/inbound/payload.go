package inbound

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// group is what Alertmanager sends at once: the payload of its webhooks, version 4, as far as it is read.
// Fields that are not known are borne, for it gets new ones.
type group struct {
	Alerts []alert `json:"alerts"`
}

// alert is one of them. A group has those that fire and those that are resolved side by side.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

// maxAlerts is how many alerts are read of a group.
const maxAlerts = 5000

var errNoAlerts = errors.New(`there is no list "alerts" in it; send the payload of Alertmanager's webhook_configs`)

// parse reads a group.
func parse(data []byte) (group, error) {
	var g group
	if err := json.Unmarshal(data, &g); err != nil {
		return group{}, fmt.Errorf("read the payload: %w", err)
	}
	if g.Alerts == nil {
		return group{}, errNoAlerts
	}
	if len(g.Alerts) > maxAlerts {
		return group{}, fmt.Errorf("%d alerts are in it, %d at most are taken; set max_alerts of the receiver, or group by more labels", len(g.Alerts), maxAlerts)
	}
	return g, nil
}

// firing are the alerts that fire.
func (g group) firing() []alert {
	var out []alert
	for _, a := range g.Alerts {
		if a.Status == "firing" {
			out = append(out, a)
		}
	}
	return out
}

// name is that of its rule.
func (a alert) name() string { return a.Labels["alertname"] }
