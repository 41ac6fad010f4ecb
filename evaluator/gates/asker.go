package gates

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/fair"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/policy"
)

// Settings are an administrator's.
type Settings struct {
	// Hosts are those that may be asked; without any none is.
	Hosts outbound.Hosts
	// AllowAddresses and DenyAddresses are for where they are (see outbound.Target).
	AllowAddresses, DenyAddresses []string
	// CAFile has the CAs to trust by https, the system's without it.
	CAFile string
	// Credentials say who Holdfast is at some of the hosts.
	Credentials outbound.Credentials
}

// atOnce is how many questions are under way at once. A namespace leaves as much free as it holds.
const atOnce = 64

// Asker asks hooks beside the workers of a controller. It is safe for use by several goroutines.
type Asker struct {
	settings Settings
	clock    clock.PassiveClock
	metrics  *Metrics
	client   client
	slots    *fair.Slots
	// Wake has a run looked at again; to be set before the first Put.
	Wake func(types.NamespacedName)

	mu   sync.Mutex
	term *term
}

// term is what is known in the time in which a replica leads.
type term struct {
	runs map[types.NamespacedName]*asked
}

// asked is what is known of a run.
type asked struct {
	uid     types.UID
	answers map[string]lifecycle.HookReply
	// waiting are the questions that are under way, by hook.
	waiting map[string]pending
}

// pending is a question that is under way. Its done is closed when it is no more.
type pending struct {
	about string
	done  chan struct{}
}

// New makes one that wakes nobody yet.
func New(settings Settings, metrics *Metrics, now clock.PassiveClock) *Asker {
	if now == nil {
		now = clock.RealClock{}
	}
	a := &Asker{
		settings: settings, clock: now, metrics: metrics, Wake: func(types.NamespacedName) {},
		client: client{settings: settings, clock: now, pause: firstPause}, slots: fair.NewSlots(fair.Options{Size: atOnce, Leaves: 1}),
	}
	a.BeginTerm()
	return a
}

// BeginTerm forgets what was known in the last term.
func (a *Asker) BeginTerm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.term = &term{runs: map[types.NamespacedName]*asked{}}
}

// Forget forgets a run that is gone.
func (a *Asker) Forget(run types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.term.runs, run)
}

// Answers are by name what the hooks of a run said last.
func (a *Asker) Answers(run *v1alpha1.CanaryRun) map[string]lifecycle.HookReply {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.term.runs[ctrlclient.ObjectKeyFromObject(run)]
	if known == nil || known.uid != run.UID {
		return nil
	}
	out := make(map[string]lifecycle.HookReply, len(known.answers))
	for name, answer := range known.answers {
		out[name] = answer
	}
	return out
}

// Put puts questions about a run aside, and has it looked at with each answer. A question that is under way
// is not put twice. It ends with ctx, which has to be the controller's: what is not answered by then the next
// leader asks again.
func (a *Asker) Put(ctx context.Context, run *v1alpha1.CanaryRun, demands policy.Effective, questions []lifecycle.HookQuestion) {
	for _, q := range questions {
		if known, mine, begun := a.begin(run, q); begun {
			go func() {
				answer := a.Ask(ctx, run, demands, q)
				a.end(ctx, known, mine, q, answer)
				a.Wake(ctrlclient.ObjectKeyFromObject(run))
			}()
		}
	}
}

func (a *Asker) begin(run *v1alpha1.CanaryRun, q lifecycle.HookQuestion) (*asked, pending, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := ctrlclient.ObjectKeyFromObject(run)
	known := a.term.runs[name]
	if known == nil || known.uid != run.UID {
		known = &asked{uid: run.UID, answers: map[string]lifecycle.HookReply{}, waiting: map[string]pending{}}
		a.term.runs[name] = known
	}
	if known.waiting[q.Hook.Name].about == q.About {
		return nil, pending{}, false
	}
	mine := pending{q.About, make(chan struct{})}
	known.waiting[q.Hook.Name] = mine
	return known, mine, true
}

// end notes an answer. One to a question that another has followed is nobody's any more, and none is one
// where a term ends: the next leader asks again.
func (a *Asker) end(ctx context.Context, known *asked, mine pending, q lifecycle.HookQuestion, answer lifecycle.HookReply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known.waiting[q.Hook.Name] == mine {
		delete(known.waiting, q.Hook.Name)
		if ctx.Err() == nil {
			known.answers[q.Hook.Name] = answer
		}
	}
	close(mine.done)
}

// Done is closed when a question about a run that is under way is no more; nil if none is. Tests wait for
// that and not for a time.
func (a *Asker) Done(run types.NamespacedName) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.term.runs[run]; known != nil {
		for _, p := range known.waiting {
			return p.done
		}
	}
	return nil
}

// AskAll asks questions side by side, and waits for the answers, by name of the hook.
func (a *Asker) AskAll(ctx context.Context, run *v1alpha1.CanaryRun, demands policy.Effective, questions []lifecycle.HookQuestion) map[string]lifecycle.HookReply {
	answers := make([]lifecycle.HookReply, len(questions))
	var all sync.WaitGroup
	for i, q := range questions {
		all.Go(func() { answers[i] = a.Ask(ctx, run, demands, q) })
	}
	all.Wait()
	out := map[string]lifecycle.HookReply{}
	for i, q := range questions {
		out[q.Hook.Name] = answers[i]
	}
	return out
}

// Ask asks a question about a run, where administrator and policies let it. It waits for its turn, and for
// the answer.
func (a *Asker) Ask(ctx context.Context, run *v1alpha1.CanaryRun, demands policy.Effective, q lifecycle.HookQuestion) (answer lifecycle.HookReply) {
	log := ctrl.LoggerFrom(ctx).WithValues("hook", q.Hook.Name, "type", q.Hook.Type)
	none := func(why string) lifecycle.HookReply {
		return lifecycle.HookReply{About: q.About, At: a.clock.Now(), Said: v1alpha1.HookNone, Message: why}
	}
	began := a.clock.Now()
	defer func() {
		if r := recover(); r != nil { // it would end the process, and the next leader's too
			log.Error(fmt.Errorf("panic: %v", r), "panic while asking a hook", "stack", string(debug.Stack()))
			answer = none("an internal error of Holdfast; its log has the rest")
		}
		a.metrics.asked(q.Hook.Type, answer.Said, a.clock.Since(began))
		log.V(1).Info("hook asked", "said", answer.Said, "message", answer.Message)
	}()
	if err := demands.HookAllowed(a.settings.Hosts, run.Namespace, q.Hook.URL); err != nil {
		return none(err.Error())
	}
	body, err := payloadOf(run, q)
	if err != nil {
		return none("its payload cannot be made: " + err.Error())
	}
	giveBack, err := a.slots.Take(ctx, run.Namespace, 1)
	if err != nil {
		return none("it was not its turn in time")
	}
	defer giveBack()
	return a.client.ask(ctx, run.Namespace, q, body)
}
