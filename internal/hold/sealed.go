package hold

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// What short texts are sealed for. One that was sealed for something else says nothing.
const (
	forStable    = "holdfast.dev/stable"
	forRestarted = "holdfast.dev/restarted"
	forStamped   = "holdfast.dev/stamped"
)

// Stamp says which template Holdfast last let through, in the annotation holdfast.dev/stable of a Deployment.
type Stamp struct {
	// Hash is that of the template, as it left Holdfast.
	Hash Hash
	// Until is 0 where the template is stored as that. Otherwise other webhooks may have made another one of it:
	// what runs at this generation of the Deployment, or before it, is what became of the one that passed.
	Until int64
}

// Passing is the stamp of a template that passes with an update of a Deployment of this generation, and that
// others may still change. Storing it makes the generation one more, and the deployment controller, which
// writes the number of the revision on the Deployment, another one.
func Passing(hash Hash, generation int64) Stamp { return Stamp{hash, generation + 2} }

// Covers says whether the template that runs at this generation of the Deployment is the one that was let
// through.
func (s Stamp) Covers(running Hash, generation int64) bool {
	return s.Hash == running || s.Until > 0 && generation <= s.Until
}

// SealStamp encodes the stamp for the Deployment with this UID.
func (k Key) SealStamp(s Stamp, uid types.UID) string {
	if s.Until == 0 {
		return k.seal(forStable, uid, string(s.Hash))
	}
	return k.seal(forStable, uid, string(s.Hash)+" "+strconv.FormatInt(s.Until, 10))
}

// OpenStamp reads the annotation of the Deployment with this UID. False is for there being none, as for one
// that SealStamp did not make for it: it says nothing.
func (k Key) OpenStamp(encoded string, uid types.UID) (Stamp, bool) {
	text, ours := k.open(forStable, uid, encoded)
	if !ours {
		return Stamp{}, false
	}
	return stampOf(text), true
}

// PeekStamp reads a stamp for who does not have the key. Nobody has checked that it is Holdfast's.
func PeekStamp(encoded string) Stamp {
	return stampOf(encoded[:max(0, strings.LastIndexByte(encoded, ' '))])
}

func stampOf(text string) Stamp {
	hash, until, _ := strings.Cut(text, " ")
	generation, _ := strconv.ParseInt(until, 10, 64) // 0 without one
	return Stamp{Hash(hash), generation}
}

// SealAlias encodes the alias for the Deployment with this UID, "" where there is nothing to say.
func (k Key) SealAlias(a Alias, uid types.UID) string {
	if a.Of == "" || a.Of == a.Hash {
		return ""
	}
	return k.seal(forRestarted, uid, string(a.Hash+" "+a.Of))
}

// OpenAlias reads the annotation of the Deployment with this UID; what SealAlias did not make for it is the
// alias of nothing.
func (k Key) OpenAlias(encoded string, uid types.UID) Alias {
	text, _ := k.open(forRestarted, uid, encoded)
	hash, of, _ := strings.Cut(text, " ")
	return Alias{Hash: Hash(hash), Of: Hash(of)}
}

// SealStamped says of the namespace with this UID since when each guarded Deployment in it has a stamp.
func (k Key) SealStamped(since string, namespace types.UID) string {
	return k.seal(forStamped, namespace, since)
}

// OpenStamped reads the annotation of the namespace with this UID; false is for what SealStamped did not make
// for it.
func (k Key) OpenStamped(encoded string, namespace types.UID) (since string, ours bool) {
	return k.open(forStamped, namespace, encoded)
}

// seal puts behind a text what only this key can.
func (k Key) seal(purpose string, uid types.UID, text string) string {
	return text + " " + base64.RawURLEncoding.EncodeToString(k.macOf(purpose, uid, text))
}

// open is the text of what seal made for this purpose and object.
func (k Key) open(purpose string, uid types.UID, sealed string) (text string, ours bool) {
	at := strings.LastIndexByte(sealed, ' ')
	if at < 0 || uid == "" {
		return "", false
	}
	mac, err := base64.RawURLEncoding.DecodeString(sealed[at+1:])
	if err != nil || !hmac.Equal(mac, k.macOf(purpose, uid, sealed[:at])) {
		return "", false
	}
	return sealed[:at], true
}

// shortPurpose keeps these MACs from being mistaken for those of records.
const shortPurpose = "holdfast.dev/short/v1\n"

func (k Key) macOf(purpose string, uid types.UID, text string) []byte {
	parts, _ := json.Marshal([]string{purpose, string(uid), text}) // texts always encode, and never as one another
	h := hmac.New(sha256.New, k)
	h.Write([]byte(shortPurpose))
	h.Write(parts)
	return h.Sum(nil)
}
