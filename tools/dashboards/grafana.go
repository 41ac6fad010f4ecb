package main

import "strconv"

// source is the variable by which a dashboard names the Prometheus that whoever looks at it chose.
var source = reference{Type: "prometheus", UID: "${datasource}"}

// The part of Grafana's model of a dashboard that is used here: that of schema version 39, which Grafana 11
// writes, and later versions read.
type dashboard struct {
	ID            *int      `json:"id"` // the database's; an installation gives it
	UID           string    `json:"uid"`
	Title         string    `json:"title"`
	Description   string    `json:"description"`
	Tags          []string  `json:"tags"`
	SchemaVersion int       `json:"schemaVersion"`
	Editable      bool      `json:"editable"`
	GraphTooltip  int       `json:"graphTooltip"`
	Refresh       string    `json:"refresh"`
	Timezone      string    `json:"timezone"`
	Time          span      `json:"time"`
	Annotations   list      `json:"annotations"`
	Links         []string  `json:"links"`
	Templating    variables `json:"templating"`
	Panels        []panel   `json:"panels"`
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type list struct {
	List []string `json:"list"`
}

type variables struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string     `json:"name"`
	Label      string     `json:"label"`
	Type       string     `json:"type"`
	Query      any        `json:"query"`
	Definition string     `json:"definition,omitempty"`
	Datasource *reference `json:"datasource,omitempty"`
	Refresh    int        `json:"refresh"`
	Sort       int        `json:"sort,omitempty"`
	Multi      bool       `json:"multi"`
	IncludeAll bool       `json:"includeAll"`
	AllValue   string     `json:"allValue,omitempty"`
	Current    current    `json:"current"`
	Options    []string   `json:"options"`
	Regex      string     `json:"regex"`
	Hide       int        `json:"hide"`
}

type current struct {
	Selected bool   `json:"selected,omitempty"`
	Text     string `json:"text,omitempty"`
	Value    string `json:"value,omitempty"`
}

type reference struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type place struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type panel struct {
	ID          int          `json:"id"` // within the dashboard
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	GridPos     place        `json:"gridPos"`
	Datasource  *reference   `json:"datasource,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	Options     any          `json:"options,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
	// Of rows.
	Collapsed *bool    `json:"collapsed,omitempty"`
	Panels    *[]panel `json:"panels,omitempty"`
}

type fieldConfig struct {
	Defaults  defaults   `json:"defaults"`
	Overrides []struct{} `json:"overrides"`
}

type defaults struct {
	Unit       string         `json:"unit"`
	Min        *float64       `json:"min,omitempty"`
	Decimals   *int           `json:"decimals,omitempty"`
	Color      map[string]any `json:"color"`
	Custom     map[string]any `json:"custom,omitempty"`
	Thresholds *thresholds    `json:"thresholds,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

type target struct {
	RefID        string    `json:"refId"`
	Datasource   reference `json:"datasource"`
	Expr         string    `json:"expr"`
	LegendFormat string    `json:"legendFormat"`
	Instant      bool      `json:"instant"`
	Range        bool      `json:"range"`
	Format       string    `json:"format,omitempty"`
}

func (d description) grafana() dashboard {
	out := dashboard{
		UID: d.uid, Title: d.title, Description: d.words, Tags: []string{"holdfast"}, SchemaVersion: 39, Editable: true,
		GraphTooltip: 1, Refresh: "1m", Time: span{From: d.from, To: "now"}, Annotations: list{List: []string{}},
		Links: []string{}, Templating: variables{List: []variable{{
			Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1, Options: []string{},
			Current: current{Text: "default", Value: "default"},
		}}},
	}
	for _, c := range d.choices {
		out.Templating.List = append(out.Templating.List, c.grafana())
	}
	y, id := 0, 0
	for _, r := range d.rows {
		id++
		out.Panels = append(out.Panels, panel{
			ID: id, Type: "row", Title: r.title, GridPos: place{H: 1, W: 24, Y: y}, Collapsed: new(false), Panels: &[]panel{},
		})
		y++
		x, height := 0, 0
		for _, s := range r.shown {
			if x+s.width > 24 {
				x, y, height = 0, y+height, 0
			}
			id++
			p := s.grafana()
			p.ID, p.GridPos = id, place{H: s.height(), W: s.width, X: x, Y: y}
			out.Panels = append(out.Panels, p)
			x, height = x+s.width, max(height, s.height())
		}
		y += height
	}
	return out
}

// grafana is a variable with all values of a label, of which many may be chosen.
func (c choice) grafana() variable {
	query := "label_values(" + c.of + ", " + c.label + ")"
	return variable{
		Name: c.name, Label: c.title, Type: "query", Definition: query, Datasource: &source,
		Query:   map[string]any{"query": query, "refId": "variable-" + c.name},
		Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*", Options: []string{},
		Current: current{Selected: true, Text: "All", Value: "$__all"},
	}
}

func (s shown) grafana() panel {
	p := panel{Type: string(s.as), Title: s.title, Description: s.words, Datasource: &source, FieldConfig: &fieldConfig{
		Defaults: defaults{Unit: s.unit, Min: new(0.0), Color: map[string]any{"mode": "palette-classic"}}, Overrides: []struct{}{},
	}}
	d := &p.FieldConfig.Defaults
	switch s.as {
	case lines, bars:
		d.Custom = map[string]any{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false}
		if s.as == bars {
			p.Type = "timeseries"
			d.Custom = map[string]any{"drawStyle": "bars", "lineWidth": 1, "fillOpacity": 80, "stacking": map[string]any{"mode": "normal", "group": "A"}}
		}
		p.Options = map[string]any{
			"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
			"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
		}
	case number:
		d.Color = map[string]any{"mode": "thresholds"}
		d.Thresholds = &thresholds{Mode: "absolute", Steps: s.colors}
		p.Options = map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"colorMode":     "value", "graphMode": "area", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
			"wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
		}
	case table:
		p.Options = map[string]any{"showHeader": true, "cellHeight": "sm", "frameIndex": 0}
	}
	for i, a := range s.asked {
		t := target{
			RefID: string(rune('A' + i)), Datasource: source, Expr: a.query, LegendFormat: a.legend, Range: s.as != table, Instant: s.as == table,
		}
		if s.as == table {
			t.Format = "table"
		}
		if t.LegendFormat == "" {
			t.LegendFormat = "series " + strconv.Itoa(i+1)
		}
		p.Targets = append(p.Targets, t)
	}
	return p
}
