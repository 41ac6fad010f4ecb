package hold

import "strings"

// Alias says by which other hash a template is known: marks of a restart came to it since it
// was tried, or since it passed. It stands in the annotation holdfast.dev/restarted of the
// Deployment that runs the template. Of any other template it says nothing, so it need
// not be taken off when another one comes.
type Alias struct{ Hash, Of Hash }

// ParseAlias reads the annotation; what it cannot read is the alias of nothing.
func ParseAlias(encoded string) Alias {
	hash, of, _ := strings.Cut(encoded, " ")
	return Alias{Hash: Hash(hash), Of: Hash(of)}
}

// Encode returns the annotation, "" where there is nothing to say.
func (a Alias) Encode() string {
	if a.Of == "" || a.Of == a.Hash {
		return ""
	}
	return string(a.Hash + " " + a.Of)
}

// Resolve is the hash by which the template with this hash is known.
func (a Alias) Resolve(hash Hash) Hash {
	if a.Of != "" && a.Hash == hash {
		return a.Of
	}
	return hash
}
