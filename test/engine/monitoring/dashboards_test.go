package monitoring

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"holdfast.dev/holdfast/tools/metrics"
)

// board is a dashboard as Grafana reads it, of the file that is installed.
type board struct {
	ID            any
	UID, Title    string
	SchemaVersion int
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Type, Definition string
	Query                  any
	Datasource             source
}

type source struct{ Type, UID string }

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Datasource               source
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Datasource                source
	}
}

// chosen is the data source that whoever looks at a dashboard chose.
var chosen = source{"prometheus", "${datasource}"}

func boards(t *testing.T) map[string]board {
	t.Helper()
	out := map[string]board{}
	for _, name := range []string{"holdfast-operators", "holdfast-teams"} {
		var b board
		decode(t, manifests+"components/dashboards/"+name+".json", &b)
		out[name] = b
	}
	return out
}

// TestGrafanaReadsTheDashboards: by Grafana's own types, no field is unknown, of another type, or missing.
func TestGrafanaReadsTheDashboards(t *testing.T) {
	t.Parallel()
	plugins.RegisterDefaultPlugins() // knows the options of panels, and queries
	for name := range boards(t) {
		text, err := os.ReadFile(manifests + "components/dashboards/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard.Dashboard                                                //nolint:staticcheck // the model of Grafana 11, which later ones read, is no longer the newest
		if err := d.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // a list of mistakes, which may have none
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(d.Panels) < 10 {
			t.Errorf("%s: Grafana finds %d panels", name, len(d.Panels))
		}
	}
}

// asGrafanaWould puts times where Grafana does; its other variables stand in strings.
var asGrafanaWould = strings.NewReplacer("$__rate_interval", "1m", "$__range", "6h")

var (
	variableName = regexp.MustCompile(`\$(\w+)`)
	legendLabel  = regexp.MustCompile(`\{\{(\w+)\}\}`)
	labelValues  = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
)

// TestDashboardsAskForWhatThereIs: metrics, labels of matchers, of groups and of legends, and variables.
func TestDashboardsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	all := registered(t)
	for name, b := range boards(t) {
		variables := []string{"__rate_interval", "__range"}
		for _, v := range b.Templating.List {
			variables = append(variables, v.Name)
			if v.Type == "datasource" {
				continue
			}
			parts := labelValues.FindStringSubmatch(v.Definition)
			if parts == nil || v.Datasource != chosen {
				t.Errorf("%s: variable %s asks %v for %q", name, v.Name, v.Datasource, v.Definition)
				continue
			}
			if found, err := all.result(parts[1]); err != nil || !found[parts[2]] {
				t.Errorf("%s: variable %s: %v, or no label %s", name, v.Name, err, parts[2])
			}
		}
		for _, p := range b.Panels {
			for _, target := range p.Targets {
				found, err := all.result(asGrafanaWould.Replace(target.Expr))
				if err != nil {
					t.Errorf("%s: %s: %s: %v", name, p.Title, target.Expr, err)
					continue
				}
				for _, label := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
					if !found[label[1]] {
						t.Errorf("%s: %s: the legend %s names a label that %s has not", name, p.Title, target.LegendFormat, target.Expr)
					}
				}
				for _, v := range variableName.FindAllStringSubmatch(target.Expr, -1) {
					if !slices.Contains(variables, v[1]) {
						t.Errorf("%s: %s: there is no variable %s", name, p.Title, v[1])
					}
				}
			}
		}
	}
}

// TestDashboardsShowEveryMetric of Holdfast's own: a new one wants a place.
func TestDashboardsShowEveryMetric(t *testing.T) {
	t.Parallel()
	var queries strings.Builder
	for _, b := range boards(t) {
		for _, p := range b.Panels {
			for _, target := range p.Targets {
				queries.WriteString(target.Expr + "\n")
			}
		}
	}
	for _, m := range metrics.List() {
		if !regexp.MustCompile(m.Name + `(_bucket|_count|_sum)?\b`).MatchString(queries.String()) {
			t.Errorf("no dashboard shows %s", m.Name)
		}
	}
}

// TestPanelsSayWhatTheyShow, with a title, a unit and a sentence; they do not lie on each other, and know
// nothing of an installation.
func TestPanelsSayWhatTheyShow(t *testing.T) {
	t.Parallel()
	units := []string{"none", "s", "bytes", "reqps", "ops"}
	for name, b := range boards(t) {
		if b.ID != nil || b.UID != name || b.Title == "" || b.SchemaVersion < 39 || b.Templating.List[0].Name != "datasource" {
			t.Errorf("%s: %v %q %q, schema %d", name, b.ID, b.UID, b.Title, b.SchemaVersion)
		}
		ids, taken, shown := map[int]bool{}, map[[2]int]string{}, 0
		for _, p := range b.Panels {
			if ids[p.ID] || p.ID == 0 || p.Title == "" {
				t.Errorf("%s: panel %d %q has no title, or an ID that another has", name, p.ID, p.Title)
			}
			ids[p.ID] = true
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
				t.Errorf("%s: %s lies outside: %+v", name, p.Title, p.GridPos)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %s lies on %s", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			shown++
			if !slices.Contains(units, p.FieldConfig.Defaults.Unit) || len(p.Description) < 25 || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s: %s has the unit %q and says %q", name, p.Title, p.FieldConfig.Defaults.Unit, p.Description)
			}
			if p.Datasource != chosen || len(p.Targets) == 0 {
				t.Errorf("%s: %s asks %v %d queries", name, p.Title, p.Datasource, len(p.Targets))
			}
			for _, target := range p.Targets {
				if target.Datasource != chosen || target.RefID == "" || target.LegendFormat == "" {
					t.Errorf("%s: %s: %+v", name, p.Title, target)
				}
			}
		}
		if shown < 10 {
			t.Errorf("%s has %d panels", name, shown)
		}
	}
}
