package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Ledger remembers which pods were killed, in a ConfigMap of Holdfast's namespace: a limit that a restart, or
// the next replica, does not know is none.
type Ledger struct {
	Reader client.Reader
	Writer client.Writer
	// Name is that of the ConfigMap.
	Name types.NamespacedName
}

// kills are the pods that were killed, by workload.
type kills map[types.UID][]kill

type kill struct {
	Pod types.UID `json:"pod"`
	At  time.Time `json:"at"`
}

// with adds a pod that is to be killed now, if the limit allows it; one that is in it already was not killed
// the last time, and may be now. What is as old as the limit does not look is left out.
func (k kills) with(workload, pod types.UID, limit KillLimit, now time.Time) (after kills, may bool) {
	after = kills{}
	for of, some := range k {
		for _, one := range some {
			if now.Sub(one.At) < limit.Time {
				after[of] = append(after[of], one)
			}
		}
	}
	for _, one := range after[workload] {
		if one.Pod == pod {
			return after, true
		}
	}
	if len(after[workload]) >= limit.Pods {
		return after, false
	}
	after[workload] = append(after[workload], kill{pod, now.UTC().Truncate(time.Second)})
	return after, true
}

const ledgerKey = "kills"

// Take notes that a pod is killed, and says whether it may be.
func (l *Ledger) Take(ctx context.Context, workload, pod types.UID, limit KillLimit, now time.Time) (may bool, err error) {
	for range tries {
		if may, err = l.take(ctx, workload, pod, limit, now); !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	if err != nil {
		return false, fmt.Errorf("note in ConfigMap %q which pods are killed: %w", l.Name, err)
	}
	return may, nil
}

func (l *Ledger) take(ctx context.Context, workload, pod types.UID, limit KillLimit, now time.Time) (bool, error) {
	stored := &corev1.ConfigMap{}
	err := l.Reader.Get(ctx, l.Name, stored)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return false, err
	}
	before := kills{}
	if text := stored.Data[ledgerKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return false, fmt.Errorf("its key %q cannot be read, delete the ConfigMap: %w", ledgerKey, err)
		}
	}
	after, may := before.with(workload, pod, limit, now)
	if !may {
		return false, nil
	}
	text, err := json.Marshal(after)
	if err != nil {
		return false, fmt.Errorf("encode: %w", err)
	}
	if stored.Data == nil {
		stored.Data = map[string]string{}
	}
	stored.Data[ledgerKey] = string(text)
	if missing {
		stored.ObjectMeta = metav1.ObjectMeta{Namespace: l.Name.Namespace, Name: l.Name.Name}
		return true, l.Writer.Create(ctx, stored)
	}
	return true, l.Writer.Update(ctx, stored)
}
