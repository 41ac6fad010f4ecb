package monitoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	_ "sigs.k8s.io/controller-runtime/pkg/controller" // registers its metrics
	library "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/tools/metrics"
)

const manifests = "../../../manifests/"

// known are metrics by the names of their series, with the labels of those.
type known map[string]labels

type labels map[string]bool

func set(names ...string) labels {
	out := labels{"job": true, "instance": true} // Prometheus gives them to all that it scrapes
	for _, name := range names {
		out[name] = true
	}
	return out
}

// registered are Holdfast's own metrics, those of its libraries, and those by which kube-state-metrics tells
// of runs.
func registered(t *testing.T) known {
	t.Helper()
	out := known{}
	for _, m := range metrics.List() {
		out.add(m)
	}
	registry, ok := library.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("controller-runtime's registry does not say what is in it")
	}
	others, err := metrics.Of(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range others { // which of them are histograms it does not say: they cannot be asked for
		out.add(m)
	}
	for name, found := range stateMetrics(t) {
		out[name] = found
	}
	return out
}

func (k known) add(m metrics.Metric) {
	if !m.Histogram {
		k[m.Name] = set(m.Labels...)
		return
	}
	k[m.Name+"_bucket"] = set(append(m.Labels, "le")...)
	k[m.Name+"_sum"] = set(m.Labels...)
	k[m.Name+"_count"] = set(m.Labels...)
}

// stateConfig is the part of kube-state-metrics' configuration that is used.
type stateConfig struct {
	CustomResourceState struct {
		Config struct {
			Spec struct{ Resources []stateResource }
		}
	}
}

type stateResource struct {
	GroupVersionKind struct{ Group, Version, Kind string }
	MetricNamePrefix string
	LabelsFromPath   map[string][]string
	Metrics          []struct {
		Name, Help string
		Each       struct {
			Type                  string
			Gauge, StateSet, Info *stateValue
		}
	}
}

type stateValue struct {
	Path, ValueFrom, List []string
	LabelName             string
	LabelsFromPath        map[string][]string
}

func stateResources(t *testing.T) []stateResource {
	t.Helper()
	var config stateConfig
	decode(t, manifests+"components/dashboards/kube-state-metrics.yaml", &config)
	return config.CustomResourceState.Config.Spec.Resources
}

// stateMetrics are what kube-state-metrics makes of its configuration.
func stateMetrics(t *testing.T) known {
	t.Helper()
	out := known{}
	for _, resource := range stateResources(t) {
		for _, m := range resource.Metrics {
			found := set(slices.Collect(maps.Keys(resource.LabelsFromPath))...)
			for _, value := range []*stateValue{m.Each.Gauge, m.Each.StateSet, m.Each.Info} {
				if value == nil {
					continue
				}
				for name := range value.LabelsFromPath {
					found[name] = true
				}
				if value.LabelName != "" {
					found[value.LabelName] = true
				}
			}
			out[resource.MetricNamePrefix+"_"+m.Name] = found
		}
	}
	return out
}

// TestKubeStateMetricsReadsFieldsThatRunsHave: each path is one of the kind, and the phases are all there
// are.
func TestKubeStateMetricsReadsFieldsThatRunsHave(t *testing.T) {
	t.Parallel()
	var kind struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema field }
			}
		}
	}
	decode(t, manifests+"generated/crd/holdfast.dev_canaryruns.yaml", &kind)
	root := kind.Spec.Versions[0].Schema.OpenAPIV3Schema
	root.Properties["metadata"] = field{Properties: map[string]field{"name": {}, "namespace": {}, "creationTimestamp": {}}}
	resources := stateResources(t)
	if len(resources) != 1 || len(resources[0].Metrics) != 4 {
		t.Fatalf("%+v", resources)
	}
	r := resources[0]
	if r.GroupVersionKind.Group != kind.Spec.Group || r.GroupVersionKind.Version != kind.Spec.Versions[0].Name || r.GroupVersionKind.Kind != kind.Spec.Names.Kind {
		t.Errorf("of %v", r.GroupVersionKind)
	}
	for label, path := range r.LabelsFromPath {
		if _, err := root.at(path); err != nil {
			t.Errorf("label %s: %v", label, err)
		}
	}
	for _, m := range r.Metrics {
		values := []*stateValue{m.Each.Gauge, m.Each.StateSet, m.Each.Info}
		value := values[slices.Index([]string{"Gauge", "StateSet", "Info"}, m.Each.Type)]
		if m.Help == "" || value == nil {
			t.Errorf("%s: no help, or nothing of type %s", m.Name, m.Each.Type)
			continue
		}
		each, err := root.at(value.Path)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if m.Each.Type == "StateSet" && !slices.Equal(value.List, each.Enum) {
			t.Errorf("%s: is %v, and there are %v", m.Name, value.List, each.Enum)
		}
		if each.Items != nil {
			each = *each.Items
		}
		if _, err := each.at(value.ValueFrom); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		for label, path := range value.LabelsFromPath {
			if _, err := each.at(path); err != nil {
				t.Errorf("%s, label %s: %v", m.Name, label, err)
			}
		}
	}
}

// field is one of a kind's schema.
type field struct {
	Properties map[string]field
	Items      *field
	Enum       []string
}

func (f *field) UnmarshalJSON(text []byte) error {
	var plain struct {
		Properties map[string]field
		Items      *field
		Enum       []any
	}
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	f.Properties, f.Items = plain.Properties, plain.Items
	for _, value := range plain.Enum {
		f.Enum = append(f.Enum, fmt.Sprint(value))
	}
	return nil
}

func (f field) at(path []string) (field, error) {
	for _, name := range path {
		below, ok := f.Properties[name]
		if !ok {
			return field{}, fmt.Errorf("there is no %s of %s", name, strings.Join(path, "."))
		}
		f = below
	}
	return f, nil
}

// result is the labels that a query's series have; an error names a metric or a label that does not exist.
func (k known) result(text string) (labels, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, err
	}
	return k.of(expr)
}

func (k known) of(node parser.Expr) (labels, error) {
	switch n := node.(type) {
	case *parser.NumberLiteral, *parser.StringLiteral:
		return labels{}, nil
	case *parser.ParenExpr:
		return k.of(n.Expr)
	case *parser.UnaryExpr:
		return k.of(n.Expr)
	case *parser.SubqueryExpr:
		return k.of(n.Expr)
	case *parser.StepInvariantExpr:
		return k.of(n.Expr)
	case *parser.MatrixSelector:
		return k.of(n.VectorSelector)
	case *parser.VectorSelector:
		found, ok := k[n.Name]
		if !ok {
			return nil, fmt.Errorf("there is no metric %q", n.Name)
		}
		for _, m := range n.LabelMatchers {
			if m.Name != "__name__" && !found[m.Name] {
				return nil, fmt.Errorf("%s has no label %q", n.Name, m.Name)
			}
		}
		return found, nil
	case *parser.Call:
		out := labels{}
		for _, arg := range n.Args {
			found, err := k.of(arg)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, found)
		}
		if n.Func.Name == "histogram_quantile" {
			if !out["le"] {
				return nil, fmt.Errorf("%s has no buckets", n)
			}
			delete(out, "le")
		}
		return out, nil
	case *parser.AggregateExpr:
		found, err := k.of(n.Expr)
		if err != nil {
			return nil, err
		}
		if err := found.have(n.Grouping, n); err != nil {
			return nil, err
		}
		if n.Without {
			out := maps.Clone(found)
			for _, name := range n.Grouping {
				delete(out, name)
			}
			return out, nil
		}
		return only(n.Grouping), nil
	case *parser.BinaryExpr:
		return k.ofBoth(n)
	}
	return nil, fmt.Errorf("%T is not known here", node)
}

// ofBoth is the labels of an operator's result.
func (k known) ofBoth(n *parser.BinaryExpr) (labels, error) {
	left, err := k.of(n.LHS)
	if err != nil {
		return nil, err
	}
	right, err := k.of(n.RHS)
	if err != nil {
		return nil, err
	}
	if n.LHS.Type() == parser.ValueTypeScalar {
		return right, nil
	}
	if n.RHS.Type() == parser.ValueTypeScalar {
		return left, nil
	}
	match := n.VectorMatching
	if err := left.have(match.MatchingLabels, n); err != nil {
		return nil, err
	}
	if err := right.have(match.MatchingLabels, n); err != nil {
		return nil, err
	}
	switch {
	case n.Op == parser.LOR:
		out := maps.Clone(left)
		maps.Copy(out, right)
		return out, nil
	case n.Op.IsSetOperator():
		return left, nil
	case match.Card == parser.CardManyToOne:
		return left, right.have(match.Include, n)
	case match.Card == parser.CardOneToMany:
		return right, left.have(match.Include, n)
	case match.On:
		return only(match.MatchingLabels), nil
	case !maps.Equal(left, right):
		return nil, fmt.Errorf("%s: the sides have the labels %v and %v, and never match", n, left, right)
	}
	return left, nil
}

func only(names []string) labels {
	out := labels{}
	for _, name := range names {
		out[name] = true
	}
	return out
}

func (l labels) have(names []string, where parser.Node) error {
	for _, name := range names {
		if !l[name] {
			return fmt.Errorf("there is no label %q in %s", name, where)
		}
	}
	return nil
}

// TestWhatDoesNotExistIsFound: mistakes that a renamed metric or label would make.
func TestWhatDoesNotExistIsFound(t *testing.T) {
	t.Parallel()
	all := registered(t)
	for query, says := range map[string]string{
		`holdfast_held_total`:                                                 `no metric "holdfast_held_total"`,
		`rate(holdfast_holds_total_bucket[5m])`:                               `no metric`,
		`holdfast_round_lag_seconds`:                                          `no metric`,
		`sum(holdfast_runs{state="Paused"})`:                                  `no label "state"`,
		`sum by (namespace) (holdfast_runs)`:                                  `no label "namespace"`,
		`sum by (phase) (sum(holdfast_runs))`:                                 `no label "phase"`,
		`histogram_quantile(0.9, rate(holdfast_round_lag_seconds_count[5m]))`: `no buckets`,
		`histogram_quantile(0.9, sum(holdfast_round_lag_seconds_bucket))`:     `no buckets`,
		`rest_client_requests_total{verb="GET"}`:                              `no label "verb"`,
		`holdfast_runs / on (phase) holdfast_holds_total`:                     `no label "phase"`,
		`holdfast_runs / holdfast_holds_total`:                                `never match`,
		`kube_canaryrun_status_phase{verdict="Pass"}`:                         `no label "verdict"`,
		`holdfast_runs{`:                                                      `unexpected`,
	} {
		if _, err := all.result(query); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", query, err, says)
		}
	}
	for query, want := range map[string]labels{
		`histogram_quantile(0.9, sum by (le, endpoint) (rate(holdfast_query_duration_seconds_bucket[5m])))`:              only([]string{"endpoint"}),
		`leader_election_master_status{name="holdfast"}`:                                                                 set("name"),
		`workqueue_depth{job="a"} > 0`:                                                                                   set("name", "controller", "priority"),
		`sum(holdfast_holds_total) or vector(0)`:                                                                         {},
		`holdfast_certificate_expiry_timestamp_seconds - time()`:                                                         set(),
		`sum by (code) (rest_client_requests_total)`:                                                                     only([]string{"code"}),
		`kube_canaryrun_status_phase * on (namespace, canaryrun) group_left () kube_canaryrun_status_info{hold!=""} > 0`: set("namespace", "deployment", "canaryrun", "phase"),
	} {
		if got, err := all.result(query); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v %v, want %v", query, got, err, want)
		}
	}
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
