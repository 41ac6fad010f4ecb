package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Seen is what was read of a run.
type Seen struct {
	Run v1alpha1.CanaryRun
	// Pods are those of the run.
	Pods []corev1.Pod
	// PodsHidden says why they could not be read, "" if they were.
	PodsHidden string
	// MinReady is how long a pod of the Deployment must be Ready to count.
	MinReady time.Duration
}

// maxLine is the longest that a text of an object is in a view, in bytes.
const maxLine = 2000

// View is a run, as a page of text.
func View(seen Seen, now time.Time) string {
	run := &seen.Run
	plan := outlook.PlanOf(run)
	var page strings.Builder
	head(&page, run, plan, now)
	metrics(&page, run)
	hooks(&page, run, now)
	next(&page, outlook.Next(run, seen.MinReady, now), now)
	pods(&page, seen, now) // last, for there may be many
	return page.String()
}

func head(page *strings.Builder, run *v1alpha1.CanaryRun, plan *v1alpha1.CanaryPlanSpec, now time.Time) {
	s := run.Status
	w := tabwriter.NewWriter(page, 0, 4, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s:\t%s\n", name, plaintext.Line(fmt.Sprintf(format, args...), maxLine))
	}
	line("Run", "%s/%s, of Deployment %s", run.Namespace, run.Name, run.Spec.Deployment)
	line("Phase", "%s", because(string(cmp.Or(s.Phase, "not begun")), s.Reason, s.Message))
	if s.Verdict != "" {
		line("Verdict", "%s", s.Verdict)
	}
	if d := run.Spec; d.Decision != "" {
		line("Decision", "%s, by %s", because(string(d.Decision), "", d.DecisionReason), cmp.Or(d.DecidedBy, "a person"))
	}
	line("Plan", "%s", cmp.Or(outlook.PlanName(run), "none"))
	if n := lifecycle.AttemptOf(s); n > 1 {
		line("Attempt", "%d", n)
	}
	if plan != nil && s.Step != nil {
		steps := outlook.StepsOf(plan)
		n := outlook.StepNumber(plan, run)
		line("Step", "%d of %d, with %s for %s", n, len(steps), outlook.SizeOf(steps[n-1]), lifecycle.Short(outlook.PeriodOf(plan, steps[n-1])))
	}
	if d := outlook.Duration(run, now); d != "" {
		line("Duration", "%s", strings.TrimSpace(d+"  "+progress(plan, run, now)))
	}
	line("Scale", "%s", cmp.Or(s.Scale, "-"))
	line("Traffic", "%s", traffic(s))
	_ = w.Flush()
}

func traffic(s v1alpha1.CanaryRunStatus) string {
	if s.Service == "" || s.Traffic == "none" {
		return cmp.Or(s.Traffic, "-")
	}
	return fmt.Sprintf("%s, by Service %s", s.Traffic, s.Service)
}

func because(what, reason, message string) string {
	if reason != "" {
		what += " (" + reason + ")"
	}
	if message != "" {
		what += ": " + message
	}
	return what
}

// progress draws how much of the time that all steps take has passed.
func progress(plan *v1alpha1.CanaryPlanSpec, run *v1alpha1.CanaryRun, now time.Time) string {
	const width = 30
	if plan == nil || plan.Total() <= 0 || run.Status.Phase != v1alpha1.PhaseRunning {
		return ""
	}
	done := int(width * outlook.Elapsed(plan, run, now) / plan.Total())
	return "[" + strings.Repeat("#", done) + strings.Repeat(".", width-done) + "]"
}

// metrics are those that were measured, each with a sparkline of its last values against what is wanted.
func metrics(page *strings.Builder, run *v1alpha1.CanaryRun) {
	measured := slices.DeleteFunc(slices.Clone(run.Status.Metrics), func(m v1alpha1.MetricStatus) bool { return len(m.Last) == 0 })
	if len(measured) == 0 {
		return
	}
	page.WriteByte('\n')
	w := tabwriter.NewWriter(page, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "METRIC\tLAST\tVALUE\tWANTED\tGOOD\tBAD IN A ROW\tSAYS")
	for _, m := range measured {
		newest := m.Last[len(m.Last)-1]
		taken := m.Passed + m.Failed + m.Errors + m.NoData
		bad := max(m.ConsecutiveFailures, m.ConsecutiveErrors, m.ConsecutiveNoData)
		says := ""
		if newest.Outcome != v1alpha1.OutcomePassed {
			says = fmt.Sprintf("%s: %s", newest.Outcome, newest.Message)
		}
		cells := []string{m.Name, Spark(m.Last), newest.Value, newest.Range, fmt.Sprintf("%d/%d", m.Passed, taken), fmt.Sprint(bad), says}
		for i := range cells {
			cells[i] = cmp.Or(plaintext.Line(cells[i], maxCell), "-")
		}
		cells[len(cells)-1] = strings.TrimPrefix(cells[len(cells)-1], "-")
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	fmt.Fprintln(page, Legend)
}

// hooks are those that were asked, but for those among the metrics.
func hooks(page *strings.Builder, run *v1alpha1.CanaryRun, now time.Time) {
	if len(run.Status.Hooks) == 0 {
		return
	}
	page.WriteByte('\n')
	w := tabwriter.NewWriter(page, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "HOOK\tTYPE\tSAID\tASKED FOR\tSAYS")
	for _, h := range run.Status.Hooks {
		since := "-"
		if h.Since != nil {
			since = age(h.Since.Time, now)
		}
		fmt.Fprintln(w, strings.Join([]string{
			plaintext.Line(h.Name, maxCell), cmp.Or(plaintext.Line(string(h.Type), maxCell), "-"), cmp.Or(plaintext.Line(string(h.Answer), maxCell), "-"), since, plaintext.Line(h.Message, maxCell),
		}, "\t"))
	}
	_ = w.Flush()
}

func pods(page *strings.Builder, seen Seen, now time.Time) {
	switch {
	case seen.PodsHidden != "":
		fmt.Fprintf(page, "\nPods are not shown: %s\n", plaintext.Line(seen.PodsHidden, maxLine))
		return
	case len(seen.Pods) == 0:
		return
	}
	sorted := slices.Clone(seen.Pods)
	slices.SortFunc(sorted, func(a, b corev1.Pod) int {
		return cmp.Or(-cmp.Compare(a.Labels[v1alpha1.RoleLabel], b.Labels[v1alpha1.RoleLabel]), cmp.Compare(a.Name, b.Name))
	})
	page.WriteByte('\n')
	w := tabwriter.NewWriter(page, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "POD\tROLE\tREADY\tSTATUS\tRESTARTS\tAGE")
	for _, p := range sorted {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, cmp.Or(plaintext.Line(p.Labels[v1alpha1.RoleLabel], maxCell), "-"),
			readiness(p), plaintext.Line(podStatus(p), maxCell), restarts(p), age(p.CreationTimestamp.Time, now))
	}
	_ = w.Flush()
}

func readiness(p corev1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return "yes"
		}
	}
	return "no"
}

// podStatus is why a container does not run, or else the phase of the pod.
func podStatus(p corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "Terminating"
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason != "" && w.Reason != "PodInitializing" {
			return w.Reason
		}
	}
	return cmp.Or(string(p.Status.Phase), "Unknown")
}

func restarts(p corev1.Pod) int32 {
	var n int32
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		n += c.RestartCount
	}
	return n
}

// next says what comes, and when.
func next(page *strings.Builder, coming []outlook.Coming, now time.Time) {
	if len(coming) == 0 {
		return
	}
	page.WriteString("\nWhat comes next:\n")
	for _, c := range coming {
		fmt.Fprintf(page, "  %s%s\n", when(c.At, now), plaintext.Line(c.What, maxLine))
	}
}

func when(at, now time.Time) string {
	switch left := at.Sub(now).Round(time.Second); {
	case at.IsZero():
		return ""
	case left <= 0:
		return "now: "
	default:
		return fmt.Sprintf("in %s (%s): ", lifecycle.Short(left), at.UTC().Format("2006-01-02 15:04:05Z"))
	}
}
