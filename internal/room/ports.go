package room

import (
	"fmt"

	"holdfast.dev/holdfast/internal/hold"
)

// hostPort is a port of a node that a pod takes.
type hostPort struct {
	field, protocol, ip string
	number              int64
}

// takenPort is the first host port of the held template that pods of the stable one have taken, with its
// field; "" if there is none.
func takenPort(stable, held hold.Template) string {
	for _, wants := range hostPorts(held) {
		for _, has := range hostPorts(stable) {
			if wants.number == has.number && wants.protocol == has.protocol && (wants.ip == has.ip || wants.ip == "" || has.ip == "") {
				return fmt.Sprintf("%s (%d)", wants.field, wants.number)
			}
		}
	}
	return ""
}

// hostPorts are those of the containers that run as long as the pod does. With hostNetwork every port is one:
// the API server says so of pods, and of templates no longer (since Kubernetes 1.28).
func hostPorts(template hold.Template) []hostPort {
	var out []hostPort
	spec := object(template["spec"])
	onHost, _ := spec["hostNetwork"].(bool)
	for _, kind := range []string{"containers", "initContainers"} {
		for i, each := range list(spec[kind]) {
			container := object(each)
			if kind == "initContainers" && text(container["restartPolicy"]) != "Always" {
				continue
			}
			for j, each := range list(container["ports"]) {
				port := object(each)
				field := "hostPort"
				number, _ := port[field].(int64)
				if number == 0 && onHost {
					field = "containerPort"
					number, _ = port[field].(int64)
				}
				if number == 0 {
					continue
				}
				found := hostPort{
					field:    fmt.Sprintf("spec.template.spec.%s[%d].ports[%d].%s", kind, i, j, field),
					protocol: text(port["protocol"]), ip: text(port["hostIP"]), number: number,
				}
				if field == "containerPort" {
					found.field += " of a pod with hostNetwork"
				}
				if found.protocol == "" {
					found.protocol = "TCP"
				}
				if found.ip == "0.0.0.0" || found.ip == "::" {
					found.ip = ""
				}
				out = append(out, found)
			}
		}
	}
	return out
}

// What is of another type than it should be counts as missing.

func object(v any) map[string]any { out, _ := v.(map[string]any); return out }
func list(v any) []any            { out, _ := v.([]any); return out }
func text(v any) string           { out, _ := v.(string); return out }
