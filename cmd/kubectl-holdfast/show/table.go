package show

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/plaintext"
)

// maxCell is the longest that a cell of a table is, in bytes.
const maxCell = 300

// wide is the priority of columns that are printed with -o wide alone.
const wide = 1

// Runs is the table of runs, as they stand.
func Runs(runs []v1alpha1.CanaryRun, now time.Time) *metav1.Table {
	t := table("Namespace", "Name", "Status", "Deployment", "Service", "Scale", "Traffic", "Validation", "Duration", "Reason+", "Plan+", "Age+", "Message+")
	for i := range runs {
		run := &runs[i]
		s := run.Status
		addRow(t, run.Namespace, run.Name, string(s.Phase), run.Spec.Deployment, s.Service, s.Scale, s.Traffic, s.Validation, outlook.Duration(run, now),
			s.Reason, outlook.PlanName(run), age(run.CreationTimestamp.Time, now), s.Message)
	}
	return t
}

// Sort puts runs in the order in which people look for them: by namespace, then by name.
func Sort(runs []v1alpha1.CanaryRun) {
	slices.SortFunc(runs, func(a, b v1alpha1.CanaryRun) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// table has these columns; those whose name ends in + are for -o wide.
func table(columns ...string) *metav1.Table {
	t := &metav1.Table{}
	for _, name := range columns {
		column := metav1.TableColumnDefinition{Name: name, Type: "string"}
		if last := len(name) - 1; name[last] == '+' {
			column.Name, column.Priority = name[:last], wide
		}
		t.ColumnDefinitions = append(t.ColumnDefinitions, column)
	}
	return t
}

// addRow adds a row; an empty cell is marked, so that columns can be told apart by programs.
func addRow(t *metav1.Table, cells ...string) {
	row := metav1.TableRow{}
	for _, cell := range cells {
		row.Cells = append(row.Cells, cmp.Or(plaintext.Line(cell, maxCell), "-"))
	}
	t.Rows = append(t.Rows, row)
}

func age(since, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(since))
}
