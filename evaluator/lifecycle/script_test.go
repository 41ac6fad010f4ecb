package lifecycle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/surround"
)

// happen does to the world what a line of a trajectory says. These are the words:
//
//	pods are Ready | take long to end | have ended
//	canary|baseline crashes | waits REASON WHY | is not Ready WHY | finds no node WHY | gets no pods WHY
//	canary|baseline has its probe crash | has its probe run | cannot start its probe NAME WHY
//	canary|baseline is Ready | is available | is deleted | is scaled to N | is left over | loses N pods
//	METRIC is VALUE...           one answer a round, the last one from then on;
//	                             "none" finds no series, "down" is an error,
//	                             "60/1200:12/1180" is what a comparison counts, on
//	                             both sides since the round before
//	quota is full WHY                while there are pods of the run
//	quota is taken by others WHY     with them or without
//	Deployment is Recreate | asks for a canary beside it | asks for none beside it
//	Deployment pods exceed the quota | find no node WHY | find a node
//	Deployment rolls out WHY | cannot make pods | has rolled out | is stuck WHY | is paused | is resumed
//	Deployment is gone | is being deleted | comes | wants N | has minReadySeconds N
//	run is being deleted
//	hold is withdrawn | superseded by ID | unreadable WHY | let through | skipped | to be finished first
//	guard is lifted
//	webhook is down | is up
//	release is refused
//	template cannot run WHY
//	plan is missing | is there
//	places: N taken, M ahead
//	Service NAME leaves the stable pods | comes back
//	ConfigMap NAME is gone | is there
//	others change WHAT | change nothing | hide WHY | give POD | leave POD | make the canary
//	person promotes [as WHO: WHY] | aborts [as WHO: WHY] | pauses | resumes | approves N | retries N
//	routes refuse WHY | wait WHY | are accepted | lose the share | are gone | are back | are two |
//	       reach nobody | reach the canary | take DURATION
//	autoscaler scales to N | says WHY it does not | scales again | is deleted by others | is refused
//	hook NAME says WORD...       yes, no or none, one a question, the last one from then on
//	policies allow N | allow any number | forbid to redirect | allow to redirect
//	rounds are N times later | are in time
//	alert fires WHY                  Alertmanager sends one about the canary, and another replica may take it
//	nothing
func (w *world) happen(what string) {
	w.t.Helper()
	subject, rest, _ := strings.Cut(what, " ")
	handlers := map[string]func(string) bool{
		"pods": w.podsHappen, "canary": w.setHappens(w.canaryName), "baseline": w.setHappens(w.baselineName),
		"Deployment": w.deploymentHappens, "hold": w.holdHappens, "person": w.personDoes, "places:": w.placesAre, "others": w.othersDo,
		"quota":      w.quotaIs,
		"rounds":     w.roundsAre,
		"alert":      w.alertHappens,
		"hook":       w.hookSays,
		"routes":     w.routesHappen,
		"autoscaler": w.autoscalerHappens,
		"run":        func(string) bool { w.run.Deleting = true; return rest == "is being deleted" },
		"policies": func(what string) bool {
			if verb, redirects := strings.CutSuffix(what, " to redirect"); redirects {
				w.redirecting = map[bool]string{true: "CanaryPolicy p allows Name only"}[verb == "forbid"]
				return true
			}
			n, _ := strconv.Atoi(strings.TrimPrefix(what, "allow "))
			w.most = int32(n)
			return true
		},
		"guard":    func(string) bool { w.deployment.Guarded = false; return rest == "is lifted" },
		"webhook":  func(string) bool { w.webhook = rest == "is up"; return true },
		"release":  func(string) bool { w.refuse = true; return rest == "is refused" },
		"template": func(why string) bool { w.invalid = strings.TrimPrefix(why, "cannot run "); return true },
		"plan":     w.planHappens,
		"Service":  w.serviceHappens, "ConfigMap": w.configMapHappens,
		"nothing": func(string) bool { return true },
	}
	if handle, known := handlers[subject]; known {
		if !handle(rest) {
			w.t.Fatalf("%q: not understood", what)
		}
		return
	}
	values, found := strings.CutPrefix(rest, "is ")
	if !found {
		w.t.Fatalf("%q: not understood", what)
	}
	w.answer(subject, strings.Fields(values))
}

// hookSays has a hook answer the questions to come with these words.
func (w *world) hookSays(what string) bool {
	words := strings.Fields(what)
	if len(words) < 3 || words[1] != "says" {
		return false
	}
	w.hooks[words[0]] = words[2:]
	return true
}

// answer has a metric give these values, one a round.
func (w *world) answer(metric string, values []string) {
	before, seen := w.value, map[time.Time]int{}
	w.value = func(name string, at time.Time) analysis.Observation {
		if name != metric {
			return before(name, at)
		}
		if _, asked := seen[at]; !asked {
			seen[at] = len(seen)
		}
		return w.parseValue(values[min(seen[at], len(values)-1)], at)
	}
}

func (w *world) parseValue(text string, at time.Time) analysis.Observation {
	if strings.Contains(text, ":") {
		return w.countedAs(text, at)
	}
	switch text {
	case "none":
		return analysis.Observation{Answer: analysis.Answer{Query: "up"}}
	case "warming":
		return analysis.Observation{WarmingUp: "37s"}
	case "down":
		return analysis.Observation{Answer: analysis.Answer{Query: "up", Error: "connection refused"}}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		w.t.Fatalf("value %q: %v", text, err)
	}
	return good(v)
}

// countedAs has counters that have risen by so much since the round before: they
// are those of new pods, scraped once.
func (w *world) countedAs(text string, at time.Time) analysis.Observation {
	var x, n, y, m float64
	if _, err := fmt.Sscanf(text, "%f/%f:%f/%f", &x, &n, &y, &m); err != nil {
		w.t.Fatalf("counts %q: %v", text, err)
	}
	series := func(v float64) []analysis.Series {
		return []analysis.Series{{Value: v, Samples: []analysis.Sample{{Time: at, Value: v}}}}
	}
	made := map[string]time.Time{"": at} // the pod that a series without labels is of
	return analysis.Observation{
		Answer: analysis.Answer{Query: "r_total"},
		Comparison: &analysis.ComparisonSamples{
			Canary: analysis.SideSamples{Bad: series(x), Total: series(n), Made: made}, Other: analysis.SideSamples{Bad: series(y), Total: series(m), Made: made},
			Since: w.run.Status.Step.ReadyAt.Time, Scrape: time.Second,
		},
	}
}

func (w *world) podsHappen(what string) bool {
	switch what {
	case "take long to end":
		w.slow = true
		return true
	case "have ended":
		for _, s := range w.sets {
			s.pods = slices.DeleteFunc(slices.Clone(s.pods), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
		}
		return true
	}
	for name, s := range w.sets {
		if name == w.canaryName() || name == w.baselineName() {
			w.becomeReady(s)
		}
	}
	return what == "are Ready"
}

// becomeReady has pods Ready, and available where that takes no longer.
func (w *world) becomeReady(s *set) {
	for i := range s.pods {
		if !podIsReady(s.pods[i]) {
			s.pods[i] = conditioned(s.pods[i], corev1.PodReady, true, "", "")
			s.pods[i].Status.Conditions[0].LastTransitionTime = metav1.NewTime(w.now)
		}
	}
	if w.deployment.MinReady == 0 {
		s.Available = s.Replicas
	}
}

func (w *world) setHappens(name func() string) func(string) bool {
	return func(what string) bool {
		s := w.sets[name()]
		if what == "is left over" {
			w.create(name(), 1)
			return true
		}
		if s == nil {
			return true // nothing is there for it to happen to
		}
		first := func(change func(corev1.Pod) corev1.Pod) bool {
			if len(s.pods) > 0 {
				s.pods = slices.Clone(s.pods)
				s.pods[0] = change(s.pods[0])
			}
			return true
		}
		switch what {
		case "crashes":
			return first(func(p corev1.Pod) corev1.Pod { return restarted(p, 1) })
		case "is Ready":
			w.becomeReady(s)
			return true
		case "has its probe crash", "has its probe run":
			return first(func(p corev1.Pod) corev1.Pod { return probed(p, what == "has its probe run") })
		case "is available":
			s.Available = s.Replicas
			return true
		case "is deleted":
			delete(w.sets, name())
			return true
		}
		if rest, ok := strings.CutPrefix(what, "is scaled to "); ok {
			n, err := strconv.Atoi(rest)
			w.scale(name(), int32(n))
			return err == nil
		}
		if rest, ok := strings.CutPrefix(what, "loses "); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, " pods"))
			s.pods = slices.Clone(s.pods[n:]) // the oldest
			for i := range n {
				s.pods = append(s.pods, pod(fmt.Sprintf("%s-%d-%d", name(), w.now.Unix(), i), w.now))
			}
			return err == nil
		}
		if rest, ok := strings.CutPrefix(what, "cannot start its probe "); ok {
			container, why, _ := strings.Cut(rest, " ")
			return first(func(p corev1.Pod) corev1.Pod {
				p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: container, RestartCount: 3, State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"},
				}, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: why}}}}
				return waiting(p, "PodInitializing", "")
			})
		}
		if rest, ok := strings.CutPrefix(what, "waits "); ok {
			reason, why, _ := strings.Cut(rest, " ")
			return first(func(p corev1.Pod) corev1.Pod { return waiting(p, reason, why) })
		}
		if why, ok := strings.CutPrefix(what, "is not Ready"); ok {
			return first(func(p corev1.Pod) corev1.Pod {
				p = conditioned(p, corev1.PodReady, false, "", strings.TrimSpace(why))
				p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(w.now)
				return p
			})
		}
		if why, ok := strings.CutPrefix(what, "finds no node "); ok {
			return first(func(p corev1.Pod) corev1.Pod {
				return conditioned(p, corev1.PodScheduled, false, "Unschedulable", why)
			})
		}
		why, ok := strings.CutPrefix(what, "gets no pods ")
		s.pods, s.CreateFailure = nil, why
		return ok
	}
}

func (w *world) deploymentHappens(what string) bool {
	switch {
	case what == "has rolled out":
		w.rollout = RolloutProgress{State: RolloutComplete}
	case strings.HasPrefix(what, "rolls out"):
		w.rollout = RolloutProgress{State: RolloutUnderWay, Message: strings.TrimSpace(strings.TrimPrefix(what, "rolls out"))}
	case strings.HasPrefix(what, "is stuck"):
		w.rollout = RolloutProgress{State: RolloutStuck, Message: strings.TrimSpace(strings.TrimPrefix(what, "is stuck"))}
	case what == "cannot make pods":
		w.rollout.Failure = "forbidden"
	case what == "is Recreate":
		w.deployment.Recreates = true
	case what == "asks for a canary beside it", what == "asks for none beside it":
		w.deployment.BesideRecreate = ptr(what == "asks for a canary beside it")
	case what == "pods exceed the quota":
		w.rollout.Failure = "pods are forbidden: exceeded quota"
	case strings.HasPrefix(what, "pods find no node"):
		w.rollout.Unschedulable = strings.TrimSpace(strings.TrimPrefix(what, "pods find no node"))
	case what == "pods find a node":
		w.rollout.Unschedulable = ""
	case what == "is paused", what == "is resumed":
		w.deployment.Paused = what == "is paused"
	case what == "is gone":
		w.deployment = Deployment{}
	case what == "comes":
		w.deployment = Deployment{Exists: true, Hash: stableHash, Replicas: 3}
	case what == "is being deleted":
		w.deployment.Deleting, w.deployment.Held = true, ""
	case strings.HasPrefix(what, "has minReadySeconds "):
		n, err := strconv.Atoi(strings.TrimPrefix(what, "has minReadySeconds "))
		w.deployment.MinReady = int32(n)
		return err == nil
	case strings.HasPrefix(what, "wants "):
		n, err := strconv.Atoi(strings.TrimPrefix(what, "wants "))
		w.deployment.Replicas = int32(n)
		return err == nil
	default:
		return false
	}
	return true
}

// quotaIs has a quota leave no room for a pod of the Deployment.
func (w *world) quotaIs(what string) bool {
	why, full := strings.CutPrefix(what, "is full")
	if !full {
		why, w.taken = strings.CutPrefix(what, "is taken by others")
	}
	w.full = strings.TrimSpace(why)
	return full || w.taken
}

func (w *world) holdHappens(what string) bool {
	d := &w.deployment
	switch {
	case what == "is withdrawn":
		d.Held, d.Hash, d.Waiting = "", stableHash, false
	case strings.HasPrefix(what, "is superseded by "):
		d.Held, d.Waiting = strings.TrimPrefix(what, "is superseded by "), false
	case what == "is to be finished first":
		d.Waiting = d.Held != ""
	case strings.HasPrefix(what, "is unreadable "):
		d.Held, d.Waiting, d.Unreadable = "", false, strings.TrimPrefix(what, "is unreadable ")
	case what == "is let through":
		d.Held, d.Waiting, d.Hash = "", false, heldHash
	case what == "is skipped":
		d.Held, d.Waiting, d.Hash, d.Skipped = "", false, heldHash, true
	default:
		return false
	}
	return true
}

func (w *world) personDoes(what string) bool {
	spec := &w.run.Spec
	verb, number, _ := strings.Cut(what, " ")
	n, _ := strconv.Atoi(number)
	switch verb {
	case "promotes", "aborts":
		if spec.Decision == "" { // the API server refuses to change one
			spec.Decision = map[string]v1alpha1.Decision{"promotes": v1alpha1.DecisionPromote, "aborts": v1alpha1.DecisionAbort}[verb]
			spec.DecidedBy, spec.DecisionReason, _ = strings.Cut(strings.TrimPrefix(number, "as "), ": ")
		}
	case "pauses":
		spec.Paused = true
	case "resumes":
		spec.Paused = false
	case "approves":
		spec.ApprovedSteps = max(spec.ApprovedSteps, int32(n))
	case "retries":
		spec.Attempt = max(spec.Attempt, int32(n))
	default:
		return false
	}
	return true
}

func (w *world) alertHappens(what string) bool {
	why, fires := strings.CutPrefix(what, "fires ")
	if fires && w.run.Status.CreatedAt != nil && w.run.Status.Verdict == "" { // as package inbound does
		w.run.Status.Alert = &v1alpha1.ReceivedAlert{Name: why, ReceivedAt: metav1.NewTime(w.now), Message: "alert " + why + " fires"}
		w.known, w.letGo = nil, true
	}
	return fires
}

func (w *world) roundsAre(what string) bool {
	if what == "are in time" {
		w.stretch = 0
		return true
	}
	n, err := fmt.Sscanf(what, "are %f times later", &w.stretch)
	return n == 1 && err == nil
}

func (w *world) serviceHappens(what string) bool {
	name, does, _ := strings.Cut(what, " ")
	w.around = Around{Known: true, Gone: w.around.Gone}
	if does == "leaves the stable pods" {
		w.around.Left = []string{name}
	}
	return does == "leaves the stable pods" || does == "comes back"
}

func (w *world) configMapHappens(what string) bool {
	name, does, _ := strings.Cut(what, " ")
	w.around = Around{Known: true, Left: w.around.Left}
	if does == "is gone" {
		w.around.Gone = []surround.Reference{{Kind: surround.ConfigMap, Name: name}}
	}
	return does == "is gone" || does == "is there"
}

func (w *world) planHappens(what string) bool {
	switch what {
	case "is missing":
		w.ref = plan.ResolveRef("slow", plan.Found{})
	case "is there":
		w.ref = plan.ResolveRef("slow", plan.Found{Spec: quickPlan(), Source: "CanaryPlan slow"})
	default:
		return false
	}
	return true
}

// placesAre has other runs in the namespace: some with a canary, some that have
// waited longer.
func (w *world) placesAre(what string) bool {
	var taken, ahead int
	_, err := fmt.Sscanf(what, "%d taken, %d ahead", &taken, &ahead)
	w.line.Others = nil
	for i := range taken + ahead {
		other := Other{Namespace: "shop", Name: fmt.Sprint("other-", i), CreatedAt: noon.Add(-time.Hour)}
		if other.HasCanary = i < taken; !other.HasCanary {
			other.Reason = v1alpha1.ReasonQueued
		}
		w.line.Others = append(w.line.Others, other)
	}
	return err == nil
}

// othersDo has others meddle with the pods of the run: change one, give its
// ReplicaSet one to adopt, make the ReplicaSet, or keep the API server from saying
// whose a pod is.
func (w *world) othersDo(what string) bool {
	verb, object, _ := strings.Cut(what, " ")
	switch {
	case what == "change nothing":
		w.others = Others{}
	case verb == "change":
		w.others.Changed = object
	case verb == "hide":
		w.others.Unclear = object
	case verb == "leave":
		w.others.Left = append(w.others.Left, UnwantedPod{Name: object, Why: "its ReplicaSet was deleted without it"})
	case verb == "give":
		w.others.Adopted = append(w.others.Adopted, UnwantedPod{Name: object, Why: "it was adopted"})
	case what == "make the canary":
		w.sets[w.canaryName()] = &set{Canary: Canary{Foreign: true, Replicas: w.run.Status.Replicas, Available: w.run.Status.Replicas}}
	default:
		return false
	}
	return true
}
