package surround

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Service is what must be known of a Service.
type Service struct {
	Name     string
	Selector map[string]string
	// Ports are the names by which its ports find those of containers, "" where one goes by number.
	Ports []string
	// Numbers are those of its ports that go by number, of TCP.
	Numbers []int32
	// Made is when it was made, Changed when somebody who owns its selector or its ports last
	// changed it, both to the second.
	Made, Changed time.Time
}

// Selector is by which labels a Service selects pods. One of type ExternalName is a name for others, and
// selects none whatever it says.
func Selector(s corev1.Service) map[string]string {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	return s.Spec.Selector
}

// View is what is seen of a Service.
func View(s corev1.Service) Service {
	out := Service{Name: s.Name, Selector: Selector(s), Made: s.CreationTimestamp.Time, Changed: s.CreationTimestamp.Time}
	for _, port := range s.Spec.Ports {
		name := ""
		if port.TargetPort.Type == intstr.String {
			name = port.TargetPort.StrVal
		}
		out.Ports = append(out.Ports, name)
		if name == "" && (port.Protocol == "" || port.Protocol == corev1.ProtocolTCP) {
			out.Numbers = append(out.Numbers, cmp.Or(port.TargetPort.IntVal, port.Port))
		}
	}
	for _, entry := range s.ManagedFields {
		var owned struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if entry.Time == nil || entry.Subresource != "" || entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		if (owned.Spec["f:selector"] != nil || owned.Spec["f:ports"] != nil) && entry.Time.After(out.Changed) {
			out.Changed = entry.Time.Time
		}
	}
	return out
}

// Serves says whether a Service sends requests to Ready pods of a template.
func (s Service) Serves(t PodTemplate) bool {
	if len(s.Selector) == 0 || !labels.SelectorFromSet(s.Selector).Matches(labels.Set(t.Labels)) {
		return false
	}
	return len(s.Ports) == 0 || slices.ContainsFunc(s.Ports, func(name string) bool {
		return name == "" || slices.Contains(t.Ports, name)
	})
}

// Size is about how much memory it takes, in bytes.
func (s Service) Size() int {
	n := len(s.Name)
	for key, value := range s.Selector {
		n += len(key) + len(value)
	}
	for _, port := range s.Ports {
		n += len(port)
	}
	n += 4 * len(s.Numbers)
	return n
}

// recently is how long before a hold a change of a Service belongs to the update: tools apply
// one object after the other, and some wait in between.
const recently = 10 * time.Minute

// Left are the Services, by name, that have left the pods of the stable template for those of the
// held one: they serve these and none of those, and did not always. A Service that was made as it is
// may be for the new pods alone, and so may one that was changed long before the hold, unless no other
// serves the stable pods.
func Left(services []Service, stable, held PodTemplate, heldAt time.Time) []string {
	served := slices.ContainsFunc(services, func(s Service) bool { return s.Serves(stable) })
	var out []string
	for _, s := range services {
		changed := s.Changed.After(s.Made) && (!served || s.Changed.After(heldAt.Add(-recently)))
		if changed && s.Serves(held) && !s.Serves(stable) {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}
