package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/tell"
)

// rereadInterval is how often the file is looked at. The kubelet takes about a minute to bring a change to a
// mounted file.
const rereadInterval = 10 * time.Second

// Outbox has the messages that receivers have not taken yet. It implements tell.Teller and is safe for use by
// several goroutines.
type Outbox struct {
	path    string
	metrics *Metrics
	clock   clock.WithTicker
	pauses  pauses

	mu sync.Mutex
	// wake has a run looked at; nil at first.
	wake      func(types.NamespacedName)
	cluster   string
	mailboxes map[string]*mailbox
	// owed says how many receivers have not taken a transition of a run yet, by its number.
	owed map[types.UID]map[int64]int
	// run starts the mailbox of a receiver; nil before Start.
	run func(*mailbox)
}

// Open reads the file of notifiers, with every mistake of it in the error.
func Open(path string, metrics *Metrics, now clock.WithTicker) (*Outbox, error) {
	o := &Outbox{path: path, metrics: metrics, clock: now, pauses: pauses{time.Second, time.Minute}, mailboxes: map[string]*mailbox{}, owed: map[types.UID]map[int64]int{}}
	metrics.waiting = o.waiting
	return o, o.Reread()
}

// OnDelivered has a function called for a run of which a receiver has taken something: its log may be shorter
// now.
func (o *Outbox) OnDelivered(wake func(types.NamespacedName)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wake = wake
}

// Tell implements tell.Teller: it puts what is told into the mailboxes of those who want it.
func (o *Outbox) Tell(about tell.About, happened ...lifecycle.Transition) {
	for _, t := range happened {
		o.put(about, t)
	}
}

func (o *Outbox) put(about tell.About, t lifecycle.Transition) {
	m := messageOf(about, t, o.clock.Now())
	p := parcel{message: m, number: t.Number}
	if about.Run != nil {
		p.uid, p.run = about.Run.UID, client.ObjectKeyFromObject(about.Run)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p.message.Cluster = o.cluster
	for _, q := range o.mailboxes {
		if q.put(p) && p.uid != "" {
			if o.owed[p.uid] == nil {
				o.owed[p.uid] = map[int64]int{}
			}
			o.owed[p.uid][p.number]++
		}
	}
}

// Delivered implements tell.Teller: it says up to which transition of a run every receiver has all that it
// wants.
func (o *Outbox) Delivered(run types.UID, told int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for number := range o.owed[run] {
		told = min(told, number-1)
	}
	return told
}

// settle notes that a receiver is done with a parcel, be it that it took it.
func (o *Outbox) settle(p parcel) {
	if p.uid == "" {
		return
	}
	o.mu.Lock()
	wake := o.wake
	numbers := o.owed[p.uid]
	if numbers[p.number]--; numbers[p.number] > 0 {
		wake = nil
	} else {
		delete(numbers, p.number)
	}
	if len(numbers) == 0 {
		delete(o.owed, p.uid)
	}
	o.mu.Unlock()
	if wake != nil {
		wake(p.run)
	}
}

// Reread looks at the file anew. On an error everything stays as it was.
func (o *Outbox) Reread() error {
	text, err := os.ReadFile(o.path)
	if err != nil {
		return fmt.Errorf("file of notifiers: %w", err)
	}
	f, mistakes := parse(text, tell.Kinds())
	if len(mistakes) > 0 {
		return fmt.Errorf("file of notifiers %s: %w", o.path, mistakes.ToAggregate())
	}
	senders := map[string]*sender{}
	var problems []error
	for i := range f.Notifiers {
		n := &f.Notifiers[i]
		if q := o.mailboxOf(n.Name); q != nil && q.print() == fingerprint(n) {
			continue
		}
		s, err := newSender(n)
		if err != nil {
			problems = append(problems, fmt.Errorf("notifier %q: %w", n.Name, err))
		}
		senders[n.Name] = s
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	o.replace(f, senders)
	return nil
}

func (o *Outbox) mailboxOf(name string) *mailbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mailboxes[name]
}

// replace has the notifiers be those of a file. What waits for one that stays goes on waiting.
func (o *Outbox) replace(f notifiersFile, senders map[string]*sender) {
	var gone []*mailbox
	o.mu.Lock()
	o.cluster = f.Cluster
	named := map[string]bool{}
	for i := range f.Notifiers {
		name := f.Notifiers[i].Name
		named[name] = true
		switch q := o.mailboxes[name]; {
		case q == nil:
			q = newMailbox(name, o, senders[name])
			o.mailboxes[name] = q
			o.metrics.begin(name)
			if o.run != nil {
				o.run(q)
			}
		case senders[name] != nil:
			q.use(senders[name])
		}
	}
	for name, q := range o.mailboxes {
		if !named[name] {
			gone = append(gone, q)
			delete(o.mailboxes, name)
		}
	}
	o.mu.Unlock()
	for _, q := range gone {
		q.end()
	}
}

// Start tells receivers until ctx ends, and looks at the file meanwhile. A mistake in it is logged, once for
// as long as it is the same, and what was there before stays in use.
func (o *Outbox) Start(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("notify")
	ctx = ctrl.LoggerInto(ctx, log)
	var all sync.WaitGroup
	defer all.Wait()
	o.mu.Lock()
	o.run = func(q *mailbox) { all.Go(func() { q.deliverAll(ctx) }) }
	for _, q := range o.mailboxes {
		o.run(q)
	}
	o.mu.Unlock()
	ticker := o.clock.NewTicker(rereadInterval)
	defer ticker.Stop()
	logged := ""
	for {
		select {
		case <-ctx.Done():
			o.mu.Lock()
			o.run = nil
			o.mu.Unlock()
			return nil
		case <-ticker.C():
		}
		err := o.Reread()
		if err == nil {
			logged = ""
		} else if err.Error() != logged {
			logged = err.Error()
			log.Error(err, "notifiers not reread, those of before stay")
		}
	}
}

// NeedLeaderElection says that every replica runs it: one that evaluates no more has messages left.
func (o *Outbox) NeedLeaderElection() bool { return false }

// waiting is how many messages wait, by receiver.
func (o *Outbox) waiting() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for name, q := range o.mailboxes {
		out[name] = q.length()
	}
	return out
}

// fingerprint changes with all that a sender is made from.
func fingerprint(n *Notifier) string {
	sum := sha256.New()
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // it came from JSON
	}
	_, _ = sum.Write(text)
	for _, name := range n.files() {
		content, err := os.ReadFile(name)
		fmt.Fprintf(sum, "|%d %v|%s", len(content), err, content)
	}
	return string(sum.Sum(nil))
}
