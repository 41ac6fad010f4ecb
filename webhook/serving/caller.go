package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// headSize is how far into a review its namespace and its user stand at most, in
// bytes: API servers write them before the objects, behind names and kinds.
const headSize = 4 << 10

// caller is who asks, about an object of which namespace; that is "" of what
// belongs to the whole cluster.
type caller struct{ user, namespace string }

// callerOf reads the head of a review as API servers write it: the namespace stands
// before the user. Of anything else the caller is not known.
//
// The rest of a review can say something else than its head, and whoever decodes
// it may read a head in another way. So what is read here counts only as far as
// verified goes.
func callerOf(head []byte) (c caller, known bool) {
	d := json.NewDecoder(bytes.NewReader(head))
	eachField(d, func(key string) (goOn bool) {
		if key != "request" {
			return skip(d)
		}
		return eachField(d, func(key string) bool {
			switch key {
			case "namespace":
				return d.Decode(&c.namespace) == nil
			case "userInfo":
				eachField(d, func(key string) bool {
					if key != "username" {
						return skip(d)
					}
					known = d.Decode(&c.user) == nil
					return false
				})
				return false
			}
			return skip(d)
		})
	})
	if !known {
		return caller{}, false
	}
	return c, true
}

// eachField reads an object field by field, as long as visit, which reads the value, wants.
// It says whether it came to the end of the object.
func eachField(d *json.Decoder, visit func(key string) (goOn bool)) (whole bool) {
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok || !visit(name) {
			return false
		}
	}
	_, err := d.Token()
	return err == nil
}

func skip(d *json.Decoder) bool {
	var value json.RawMessage
	return d.Decode(&value) == nil
}

// verify has a hook answer only reviews that say, decoded, what their heads said. So
// nobody gets the room of Holdfast, or of another namespace, for a review of his own.
func verify(hook http.Handler) {
	if w, ok := hook.(*admission.Webhook); ok {
		w.Handler = verified{w.Handler}
	}
}

type verified struct{ admission.Handler }

var errOtherCaller = errors.New("holdfast: the request names another user or namespace at its begin than in the whole")

// Handle implements admission.Handler.
func (v verified) Handle(ctx context.Context, req admission.Request) admission.Response {
	said, known := ctx.Value(callerKey{}).(caller)
	if known && said != (caller{req.UserInfo.Username, req.Namespace}) {
		return admission.Errored(http.StatusBadRequest, errOtherCaller)
	}
	return v.Handler.Handle(ctx, req)
}

// callerKey is that of the caller in a context, if the head of the review names one.
type callerKey struct{}
