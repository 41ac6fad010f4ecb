// Package history asks the API server what a Deployment ran before, and what there is of its runs, while the
// user of a request waits.
package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/apiserver"
)

// Server is what the webhook asks the API server for, and only when a request
// really brings another pod template. The user waits for the answers.
//
// Lists come from the API server's cache, whatever its age. A list that is to be
// of this very moment waits there until the cache is told how far etcd has come,
// for up to a tenth of a second. The price is that a rollback may be held, and
// tried, that comes within that lag after the ReplicaSet it goes to; that a
// ReplicaSet is still there is asked of etcd. Reader must not have a cache of its own.
//
// Whoever may make ReplicaSets may make many and large ones that match the selector.
// So their metadata is read first, and whole only those that were made for the
// Deployment, one at a time.
type Server struct {
	Reader listing.Lister
	// Hashes are those of revisions that were read before; nil keeps none.
	Hashes *Hashes
}

// How many revisions are read whole, the newest first, and how many by one list.
// Kubernetes keeps ten, if nobody says otherwise.
const (
	maxRevisions    = 100
	revisionsAtOnce = 20
)

// How much of a list is read, in bytes, and for how long: the template is checked
// after that, and whoever makes ReplicaSets must not have an update undecided.
const (
	historyBytes = 32 << 20
	historyTime  = 3 * time.Second
)

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=get

// Revisions returns the pod templates of the ReplicaSets that were made for a
// Deployment, as far as they can be read in little memory and time. Those of the
// asked version are there still.
func (h Server) Revisions(ctx context.Context, namespace string, of workload.Deployment, marks hold.Marks, asked hold.Hash) (Revisions, error) {
	return h.Read(ctx, h.List(ctx, namespace, of), marks, asked)
}

// Listed are the revisions of a Deployment by their metadata.
type Listed struct {
	namespace string
	q         listing.Query
	made      []revision
	err       error
	took      time.Duration
}

// List lists them. For that nothing must be known of the request but its Deployment.
func (h Server) List(ctx context.Context, namespace string, of workload.Deployment) (l Listed) {
	start := time.Now()
	match, err := selectorOf(of)
	if err != nil {
		return Listed{err: fmt.Errorf("selector of the Deployment: %w", err)}
	}
	l.namespace = namespace
	l.q = listing.Query{Kind: workload.ReplicaSetKind, Namespace: namespace, Selector: match, Cached: true, Most: historyBytes, Until: start.Add(historyTime)}
	if l.made, err = h.madeFor(ctx, of, l.q); err != nil {
		l.err = fmt.Errorf("list ReplicaSets of the Deployment: %w", err)
	}
	l.took = time.Since(start)
	return l
}

// Read reads the templates of those that are listed.
func (h Server) Read(ctx context.Context, l Listed, marks hold.Marks, asked hold.Hash) (Revisions, error) {
	if errors.Is(l.err, listing.ErrTooMuch) {
		return Revisions{Cut: "the ReplicaSets that match its selector are too many or too large to be looked at"}, nil
	}
	if l.err != nil {
		return Revisions{}, l.err
	}
	made, q := l.made, l.q
	q.Until = time.Now().Add(historyTime - l.took)
	var found Revisions
	var err error
	if len(made) > maxRevisions {
		found.Cut = fmt.Sprintf("of its %d ReplicaSets the newest %d were looked at", len(made), maxRevisions)
		made = made[:maxRevisions]
	}
	for some := range slices.Chunk(made, revisionsAtOnce) {
		read, err := h.readSome(ctx, some, marks, q)
		found.known = append(found.known, read...)
		if errors.Is(err, listing.ErrTooMuch) {
			found.Cut = fmt.Sprintf("its ReplicaSets are so large, or so many at once, that %d of %d were looked at", len(found.known), len(made))
			break
		}
		if err != nil {
			return Revisions{}, fmt.Errorf("read ReplicaSets of the Deployment: %w", err)
		}
	}
	found.known, err = h.withoutGone(ctx, l.namespace, found.known, asked)
	return found, err
}

// madeFor are the revisions of a Deployment, the newest first, by the metadata of
// ReplicaSets: their templates are not known yet.
func (h Server) madeFor(ctx context.Context, of workload.Deployment, q listing.Query) ([]revision, error) {
	q.MetadataOnly = true
	var made []revision
	err := apiserver.Insist(ctx, func() error {
		made = nil
		return h.Reader.Each(ctx, q, func(object []byte) error {
			rs, err := listing.Decode[workload.ReplicaSet](object)
			if err == nil && rs.MadeFor(of) {
				made = append(made, revisionOf(rs))
			}
			return err
		})
	})
	slices.SortFunc(made, func(a, b revision) int { return cmp.Or(cmp.Compare(b.number, a.number), cmp.Compare(a.name, b.name)) })
	return made, err
}

// readSome reads the templates of revisions. Those that are gone meanwhile are left out;
// after an error so are those that were not read.
func (h Server) readSome(ctx context.Context, of []revision, marks hold.Marks, q listing.Query) ([]revision, error) {
	known, of := h.Hashes.fill(of, marks)
	if len(of) == 0 {
		return known, nil
	}
	wanted, hashes := map[string]revision{}, make([]string, len(of))
	for i, one := range of {
		wanted[one.name], hashes[i] = one, one.label
	}
	selected, err := labels.NewRequirement(workload.TemplateHashLabel, selection.In, hashes)
	if err != nil {
		return nil, err
	}
	q.Selector = q.Selector.Add(*selected)
	var read []revision
	err = apiserver.Insist(ctx, func() error {
		read = nil
		return h.Reader.Each(ctx, q, func(object []byte) error {
			rs, err := listing.Decode[workload.ReplicaSet](object)
			one, is := wanted[rs.Metadata.Name]
			if err != nil || !is || one.uid != rs.Metadata.UID {
				return err
			}
			if one.hash, one.version, err = rs.Hashes(marks); err != nil {
				return err
			}
			h.Hashes.keep(one, rs.Metadata.Generation, marks)
			read = append(read, one)
			return nil
		})
	})
	return append(known, read...), err
}

// selectorOf selects the pods of a Deployment, nothing where it cannot be read: the API server refuses such
// an object.
func selectorOf(of workload.Deployment) (labels.Selector, error) {
	selector, err := of.Selector()
	if err != nil {
		return labels.Nothing(), nil //nolint:nilerr // see above
	}
	return metav1.LabelSelectorAsSelector(selector)
}

func revisionOf(rs workload.ReplicaSet) revision {
	return revision{name: rs.Metadata.Name, uid: rs.Metadata.UID, label: rs.Metadata.Labels.TemplateHash, number: rs.Revision(), generation: rs.Metadata.Generation}
}

// withoutGone leaves out those with the asked template that are gone.
func (h Server) withoutGone(ctx context.Context, namespace string, known []revision, asked hold.Hash) ([]revision, error) {
	var out []revision
	for _, one := range known {
		there := true
		if one.version == asked {
			var err error
			if there, err = h.exists(ctx, namespace, one); err != nil {
				return nil, fmt.Errorf("read ReplicaSet %q: %w", one.name, err)
			}
		}
		if there {
			out = append(out, one)
		}
	}
	return out, nil
}

// exists says whether this very ReplicaSet is there still, and stays.
func (h Server) exists(ctx context.Context, namespace string, one revision) (bool, error) {
	var live metav1.PartialObjectMetadata
	live.SetGroupVersionKind(workload.ReplicaSetKind)
	err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: one.name}, &live)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return live.UID == one.uid && live.DeletionTimestamp == nil, err
}
